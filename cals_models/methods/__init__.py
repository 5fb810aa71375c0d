"""The methods that are compared, one a file, as data: label, parts of the code by name, needs, description.

To add one, see docs/extending.md.
"""
