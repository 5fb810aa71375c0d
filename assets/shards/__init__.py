"""Stage `shards`: byte-reproducible WebDataset tars with a manifest of digests.

The shard format is defined in `cals_models/shards`.
"""
