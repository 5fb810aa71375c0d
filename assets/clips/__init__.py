"""Stage `clips`: the inventory, one row a clip, accepted or rejected with a reason.

Probes containers and cuts long videos; decodes nothing that a later stage decodes.
"""
