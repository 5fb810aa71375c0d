"""Dataset layouts: each module turns the files of one kind of dataset into clips with split and speaker.

To add one, see docs/extending.md.
"""
