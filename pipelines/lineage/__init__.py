"""Questions to the ledger: what a value or clip was computed from, and everything computed from it.

Reads only.
"""
