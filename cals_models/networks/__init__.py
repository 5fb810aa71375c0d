"""One network a file, and the files that trained networks are kept in.

No training and no reading of shards here.
"""
