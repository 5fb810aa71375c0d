"""What may be removed: superseded files, and what remains of withdrawn contents.

Plans first, removes only what the plan lists.
"""
