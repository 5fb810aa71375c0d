"""One module a trained stage, over one engine: `python -m cals_models.training STAGE --config JOB --out DIR`.

Reads shards, writes a run directory; knows no Dagster and no MLflow.
"""
