"""Work on one clip in a process of its own: the pool, the rejection of a clip, progress bars.

A crash, a hang or a memory blow-up costs one clip; nothing here knows what the work is.
"""
