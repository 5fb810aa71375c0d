"""`cals score`: videos that another system generated, scored by the pipeline's protocols and recorded in the ledger.

The scores are computed in `assets/metrics`; what is recorded is here.
"""
