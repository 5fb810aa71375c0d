"""What a kill leaves behind, found and mended: files, ledger, Dagster and MLflow made to agree.

Each module finds one kind of flaw.
"""
