"""MLflow as the pipeline uses it: one run a training, one registered model version with an alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "cals"
# Files in a training's folder: id of its MLflow run, number of its version in the registry.
RUN_FILE, VERSION_FILE = "mlflow_run_id", "registered_version"
_OPENED: set[str] = set()  # stores known to this process to have their tables


def registered_name(asset: str) -> str:
    """Name of a stage's models in MLflow's registry."""
    return f"cals-{asset.replace('_', '-')}"


def alias_of(dataset: str, method: str | None) -> str:
    """Alias of a partition's current model in MLflow's registry."""
    return "-".join(part.replace("_", "-") for part in (dataset, method) if part)


@dataclass(frozen=True)
class Tracking:
    """MLflow on SQLite under one folder (or wherever ``MLFLOW_TRACKING_URI`` points)."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def client(self) -> MlflowClient:
        import os

        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self.folder.mkdir(parents=True, exist_ok=True)
        uri = os.environ.get("MLFLOW_TRACKING_URI", self.uri)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        if uri not in _OPENED:
            with FileLock(
                self.folder / ".open.lock"
            ):  # two processes that create the tables at once would corrupt them
                client.search_experiments(max_results=1)
            _OPENED.add(uri)
        return client

    def start_run(self, name: str, params: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Starts a run and returns its id; parameters are logged as text of at most 6,000 characters."""
        from mlflow.entities import Param, RunTag

        client = self.client()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        artifacts = (self.folder / "artifacts").absolute().as_uri()
        identity = (
            experiment.experiment_id
            if experiment
            else client.create_experiment(EXPERIMENT, artifact_location=artifacts)
        )
        run_id: str = client.create_run(identity, run_name=name, tags=dict(tags)).info.run_id
        client.log_batch(
            run_id,
            params=[Param(key, str(value)[:6000]) for key, value in params.items()],
            tags=[RunTag("cals.name", name)],
        )
        return run_id

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int, time_ms: int) -> None:
        from mlflow.entities import Metric

        entries = [Metric(name, float(value), time_ms, step) for name, value in metrics.items()]
        self.client().log_batch(run_id, metrics=entries)

    def log_dataset(self, run_id: str, name: str, digest: str, source: str) -> None:
        """Records the shard set a model was trained on; MLflow keeps at most 36 characters of a digest."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(name=name, digest=digest[:36], source_type="local", source=source)
        entry = DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")])
        self.client().log_inputs(run_id, datasets=[entry])

    def log_artifact(self, run_id: str, path: Path, folder: str | None = None) -> None:
        self.client().log_artifact(run_id, str(path), folder)

    def end_run(self, run_id: str, *, ok: bool) -> None:
        self.client().set_terminated(run_id, "FINISHED" if ok else "FAILED")

    def is_finished(self, run_id: str) -> bool:
        """Whether a run ended successfully."""
        return bool(self.client().get_run(run_id).info.status == "FINISHED")

    def point_alias(self, name: str, alias: str, version: str) -> None:
        """Points an alias at this version, which may be an older one whose training is reused."""
        self.client().set_registered_model_alias(name, alias, version)

    def register(self, run_id: str, name: str, folder: str, alias: str, tags: Mapping[str, str]) -> str:
        """Registers the run's artifact ``folder`` as the next version of a model.

        Returns:
            The version's number; ``alias`` points at it.
        """
        from mlflow.exceptions import MlflowException

        client = self.client()
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(
            name, source=f"runs:/{run_id}/{folder}", run_id=run_id, tags=dict(tags)
        )
        client.set_registered_model_alias(name, alias, version.version)
        return str(version.version)
