"""Questions to the ledger: what a figure or clip comes from, and what came of it.

Reads only.
"""
