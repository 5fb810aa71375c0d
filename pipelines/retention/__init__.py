"""What may be removed: superseded files, and what a withdrawal asks for.

Plans first, removes only what was shown.
"""
