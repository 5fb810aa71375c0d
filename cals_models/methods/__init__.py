"""The methods that are compared, one a file, as data: audio path, sync losses, label, description.

To add one, see docs/extending.md.
"""
