"""Stage `shards`: byte-reproducible WebDataset tars with a manifest of digests.

The format itself is in `cals_models/shards`.
"""
