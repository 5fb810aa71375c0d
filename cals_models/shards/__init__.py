"""The shard format and its reader: `ShardSet(folder).clips(split)`.

Digests are verified as tars are read.
"""
