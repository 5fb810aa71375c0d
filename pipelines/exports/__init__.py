"""What leaves the project: OpenLineage events, Croissant metadata, dataset and model cards.

Reads the ledger and the warehouse.
"""
