"""A training stage: start (or resume) the process, follow it in MLflow, register the model, keep its curves."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.models.training_process import run_training
from assets.models.training_shards import training_shards
from assets.project.atomic_files import write_text
from assets.project.digests import digest_of
from assets.stage.run import CheckOutcome, Preview, StageResult, StageRun
from assets.store.ledger import ImportedFrom
from assets.store.mlflow_tracking import alias_of
from assets.store.table_parts import write_part

CURRENT = "current.json"
IMPORTED = "imported.json"
METRICS_EVERY_S = 2.0


def model_folder(run: StageRun, stage: str, method: str | None = None) -> Path:
    """Folder of the current model of an input stage."""
    base = run.home.model(stage, run.dataset.name, method)
    run.head(stage, method)
    current = json.loads((base / CURRENT).read_text(encoding="utf-8"))
    return base / str(current["folder"])


def train_stage(run: StageRun, inputs: Mapping[str, Path]) -> StageResult:
    """Trains the run's stage on its dataset's shards; an equal training done before is taken as it is.

    Args:
        inputs: stage name -> folder of the trained model that this training starts from or is held against.
    """
    config = {
        "stage": run.stage,
        "method": run.method,
        "dataset": run.dataset.name,
        "shards": [str(folder) for folder in training_shards(run)],
        "config": run.settings_values,
        "inputs": {name: str(path) for name, path in inputs.items()},
    }
    base = run.home.model(run.stage, run.dataset.name, run.method)
    out = training_folder(run)
    mlflow_run = _MlflowRun(run, out, config)
    if not (out / "result.json").exists():
        mlflow_run.open()
        try:
            run_training(run.stage, config, out, mlflow_run.relay)
        except BaseException:
            mlflow_run.close(ok=False)
            raise
        mlflow_run.close(ok=True)
    elif not mlflow_run.is_on_record:
        mlflow_run.resend()
    elif not run.tracking.is_finished(mlflow_run.run_id):  # its process outlived the run that was killed
        mlflow_run.close(ok=True)
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    version = mlflow_run.register(result)
    write_text(base / CURRENT, json.dumps({"folder": out.name, "registered_version": version}))
    _write_tables(run, out, result, mlflow_run, version)
    return _produced(run, out, result, mlflow_run, version)


def training_folder(run: StageRun) -> Path:
    """Folder of the training that the run's settings, code and inputs ask for; a training done there is taken as it is."""
    base = run.home.model(run.stage, run.dataset.name, run.method)
    return base / digest_of(run.version, run.inputs(), run.method)[:16]


class _MlflowRun:
    """The MLflow run of one training; its id is kept beside the checkpoint, so that a resume continues it."""

    def __init__(self, run: StageRun, out: Path, config: Mapping[str, Any]) -> None:
        self.run = run
        self.out = out
        self.config = config
        self._path = out / "mlflow_run_id"
        self._pending: dict[int, dict[str, float]] = {}
        self._flushed_at = time.monotonic()

    @property
    def run_id(self) -> str:
        return self._path.read_text(encoding="utf-8").strip()

    @property
    def model_name(self) -> str:
        return f"cals-{self.run.stage.replace('_', '-')}"

    @property
    def alias(self) -> str:
        return alias_of(self.run.dataset.name, self.run.method)

    @property
    def is_on_record(self) -> bool:
        """Whether the training knows its run; it does not where MLflow lost that run."""
        return self._path.exists()

    def resend(self) -> None:
        """Gives a training that is done a run of its own, from the files that it left."""
        self.open()
        for text in (self.out / "progress.jsonl").read_text(encoding="utf-8").splitlines():
            self.relay(json.loads(text))
        self.close(ok=True)

    def open(self) -> None:
        if self.is_on_record:
            return
        run = self.run
        name = "/".join(part for part in (run.stage, run.dataset.name, run.method) if part)
        tags = {
            "cals.stage": run.stage,
            "cals.dataset": run.dataset.name,
            "cals.method": run.method or "",
            "cals.training_key": self.out.name,
            "cals.code_version": run.code.digest,
            "dagster.run_id": run.dagster_run_id,
            "cals.imported_from": imported_from(self.out).folder if (self.out / IMPORTED).exists() else "",
        }
        run_id = run.tracking.start_run(name, run.settings_values, tags)
        for dataset, folder in zip(
            (run.dataset.name, *run.dataset.train_on), self.config["shards"], strict=True
        ):
            digest = run.head("shards", dataset=dataset)["data_version"]
            run.tracking.log_dataset(run_id, dataset, digest, folder)
        write_text(self._path, run_id)

    def relay(self, line: dict[str, Any]) -> None:
        step = int(line.get("step", 0))
        if "warning" in line:
            self.run.log(f"WARNING {line['warning']}: {line['text']}")
            return
        split = line["split"]
        self._pending.setdefault(step, {}).update({f"{split}/{k}": v for k, v in line["metrics"].items()})
        if time.monotonic() - self._flushed_at > METRICS_EVERY_S:
            self._flush()
        if split == "val":
            figures = ", ".join(f"{k} {v:.4g}" for k, v in line["metrics"].items())
            self.run.log(f"{self.run.stage} step {step}: {figures}")

    def _flush(self) -> None:
        for step, metrics in self._pending.items():
            self.run.tracking.log_metrics(self.run_id, metrics, step, int(time.time() * 1000))
        self._pending.clear()
        self._flushed_at = time.monotonic()

    def close(self, *, ok: bool) -> None:
        self._flush()
        if ok:
            for name in ("model.safetensors", "model.json", "result.json"):
                self.run.tracking.log_artifact(self.run_id, self.out / name, "model")
            for picture in sorted((self.out / "samples").glob("*.png")):
                self.run.tracking.log_artifact(self.run_id, picture, "samples")
        self.run.tracking.end_run(self.run_id, ok=ok)

    def register(self, result: Mapping[str, Any]) -> str:
        """Registers the model once, and points the alias at it; the version's number is kept beside it."""
        path = self.out / "registered_version"
        if path.exists():
            self.run.tracking.point_alias(
                self.model_name, self.alias, path.read_text(encoding="utf-8").strip()
            )
        else:
            tags = {"weights_sha256": str(result["weights_sha256"]), "training_key": self.out.name}
            version = self.run.tracking.register(self.run_id, self.model_name, "model", self.alias, tags)
            write_text(path, version)
        return path.read_text(encoding="utf-8").strip()


def _write_tables(
    run: StageRun, out: Path, result: Mapping[str, Any], mlflow_run: _MlflowRun, version: str
) -> None:
    whose = {"dataset": run.dataset.name, "asset": run.stage, "method": run.method}
    curves = []
    for text in (out / "progress.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        for metric, value in line.get("metrics", {}).items():
            point = {"step": line["step"], "split": line["split"], "metric": metric, "value": float(value)}
            curves.append({**whose, **point, "model_version": result["weights_sha256"]})
    part = f"{run.stage}__{run.method}" if run.method else run.stage
    write_part(run.home, "training_curves", curves, dataset=run.dataset.name, method=part)
    model = {
        **whose,
        "weights_sha256": result["weights_sha256"],
        "training_key": out.name,
        "mlflow_run_id": mlflow_run.run_id,
        "registered_name": mlflow_run.model_name,
        "registered_version": version,
        "num_parameters": int(result["num_parameters"]),
        "steps": int(result["steps"]),
        "seconds": float(result["seconds"]),
        "device": str(result["device_name"]),
        "figures_json": json.dumps(result["figures"], sort_keys=True),
        "chance_json": json.dumps(result.get("chance", {}), sort_keys=True),
        "warnings_json": json.dumps(result["warnings"]),
    }
    write_part(run.home, "models", [model], dataset=run.dataset.name, method=part)


def _produced(
    run: StageRun, out: Path, result: Mapping[str, Any], mlflow_run: _MlflowRun, version: str
) -> StageResult:
    figures = {name: float(value) for name, value in result["figures"].items()}
    finite = bool(result.get("finite", True)) and all(value == value for value in figures.values())
    warnings = [_warning_text(entry) for entry in result["warnings"]]
    imported = {"imported_from": imported_from(out).folder} if (out / IMPORTED).exists() else {}
    return StageResult(
        data_version=str(result["weights_sha256"]),
        counts={"steps": int(result["steps"]), "num_parameters": int(result["num_parameters"]), **figures},
        previews={p.stem: Preview(p.read_bytes()) for p in sorted((out / "samples").glob("*.png"))[-4:]},
        facts={
            "model": str(out),
            "registered_model": f"{mlflow_run.model_name} version {version}, alias {mlflow_run.alias}",
            "warnings": "; ".join(warnings) or "none",
            **imported,
        },
        checks=[
            CheckOutcome(
                name="weights_are_finite",
                passed=finite,
                description="all weights and figures are finite"
                if finite
                else "NaN or infinity among weights or figures; lower the learning rate",
            ),
            CheckOutcome(
                name="no_training_warning",
                passed=not warnings,
                blocking=False,
                description="; ".join(warnings) or "no warning",
            ),
        ],
        mlflow_run_id=mlflow_run.run_id,
        device=str(result["device_name"]),
        imported_from=imported_from(out) if imported else None,
    )


def imported_from(out: Path) -> ImportedFrom:
    """Where an imported training comes from."""
    noted = json.loads((out / IMPORTED).read_text(encoding="utf-8"))
    return ImportedFrom(
        folder=noted["folder"], host=noted["host"], library_versions=noted["library_versions"]
    )


def _warning_text(entry: Any) -> str:
    return f"{entry['warning']}: {entry['text']}" if isinstance(entry, dict) else str(entry)


TRAINING_CHECKS = {"weights_are_finite": True, "no_training_warning": False}
