"""The corpus that `cals demo` makes: a photograph that talks, with true lip motion and offsets.

Needs nothing of the other rooms.
"""
