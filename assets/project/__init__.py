"""The project as `cals.yaml`, the graph and the source code describe it: settings, home, versions, digests.

The ground floor of `assets`: imports no other room, neither Dagster nor torch.
"""
