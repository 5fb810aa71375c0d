"""What is kept between runs: bucket files, table parts, the ledger, withdrawals, MLflow, the warehouse.

Every file is replaced whole; nothing here computes anything of a clip.
"""
