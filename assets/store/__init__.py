"""What is kept between runs: bucket files, table parts, ledger, withdrawals, current models, MLflow, warehouse.

Every file is replaced atomically; nothing here computes anything of a clip.
"""
