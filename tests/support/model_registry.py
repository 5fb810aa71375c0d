"""MLflow on SQLite with the models of a synthetic run in its registry."""

from __future__ import annotations

import json
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from assets.project.atomic_files import write_text
from assets.project.settings import Project
from assets.store import ledger
from assets.store.mlflow_tracking import Tracking
from pipelines.lineage.registered_models import model_folders
from tests.support.lineage_home import CODE


def client_of(project: Project) -> Any:
    return Tracking(project.home.mlflow).client()


@lru_cache(maxsize=1)
def empty_database() -> bytes:
    """MLflow's database without a run; it takes seconds to make its tables, so they are made once."""
    with tempfile.TemporaryDirectory() as folder:
        Tracking(Path(folder)).client().search_registered_models()
        return (Path(folder) / "mlflow.db").read_bytes()


def register_models(project: Project) -> None:
    """A run, artifacts and a registered version for each finished training, as the pipeline makes them."""
    project.home.mlflow.mkdir(parents=True, exist_ok=True)
    (project.home.mlflow / "mlflow.db").write_bytes(empty_database())
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


def record_runs(project: Project) -> None:
    """Ledger rows as `register_models` would have left them: the same models again, each naming its run."""
    runs = {model.weights_sha256: model.mlflow_run_id for model in model_folders(project.home)}
    for row in ledger.heads(project.home).values():
        if row["data_version"] in runs:
            entry = ledger.Entry(
                asset=row["asset"], dataset=row["dataset"], method=row["method"], data_version=row["data_version"],
                code_version=row["code_version"], settings=json.loads(row["settings_json"]),
                inputs=json.loads(row["inputs_json"]), dagster_run_id=row["dagster_run_id"], duration_s=1.0,
                num_clips=row["num_clips"], mlflow_run_id=runs[row["data_version"]],
            )  # fmt: skip
            ledger.append(project.home, entry, CODE)
