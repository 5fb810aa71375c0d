"""``cals diff``: what differs between two runs, versions, datasets or commits, and what it did to clips and metrics.

It reads the ledger and Parquet files alone and changes nothing.
"""
