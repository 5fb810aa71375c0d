"""Processes a clip in a worker process: the pool, the rejection of a clip, progress bars.

A crash, a hang or excessive memory use costs one clip; nothing here depends on what is computed.
"""
