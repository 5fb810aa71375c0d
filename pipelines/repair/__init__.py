"""Finds and repairs what a kill leaves behind, so that files, ledger, Dagster and MLflow agree again.

Each module finds one kind of flaw.
"""
