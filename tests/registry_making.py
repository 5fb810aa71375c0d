"""MLflow on SQLite with the models of a made run in its registry."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from assets.home import write_text
from assets.settings import Project
from assets.tracking import Tracking
from pipelines.lineage.registered_models import model_folders


def client_of(project: Project) -> Any:
    return Tracking(project.home.mlflow).client()


@lru_cache(maxsize=1)
def _empty_database() -> bytes:
    """MLflow takes seconds to make its tables; they are made once."""
    with tempfile.TemporaryDirectory() as folder:
        Tracking(Path(folder)).client().search_registered_models()
        return (Path(folder) / "mlflow.db").read_bytes()


def register_models(project: Project) -> None:
    """A run, artifacts and a registered version for each finished training, as the pipeline makes them."""
    project.home.mlflow.mkdir(parents=True, exist_ok=True)
    (project.home.mlflow / "mlflow.db").write_bytes(_empty_database())
    tracking = Tracking(project.home.mlflow)
    for model in model_folders(project.home):
        run_id = tracking.start_run(model.label, {"seed": 1}, {"cals.training_key": model.path.name})
        tracking.log_artifact(run_id, model.path / "model.safetensors", "model")
        tracking.end_run(run_id, ok=True)
        alias = "-".join(part for part in (model.dataset, model.method) if part)
        tags = {"weights_sha256": model.weights_sha256, "training_key": model.path.name}
        version = tracking.register(run_id, model.registered_name, "model", alias, tags)
        write_text(model.path / "mlflow_run_id", run_id)
        write_text(model.path / "registered_version", version)
