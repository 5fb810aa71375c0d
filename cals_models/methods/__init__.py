"""The methods that are compared, as data: audio path, sync losses, description.

To add one, see docs/extending.md.
"""
