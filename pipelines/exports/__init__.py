"""`cals export`: OpenLineage events, Croissant metadata, dataset and model cards.

Reads the ledger and the warehouse, writes beside the shards and models; no asset depends on it.
"""
