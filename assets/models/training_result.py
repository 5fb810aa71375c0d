"""A finished training as rows of the warehouse and as the stage's result with its checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.models.mlflow_run import MlflowRun
from assets.models.training_files import read_imported_from, read_progress
from assets.stage.run import CheckOutcome, Preview, StageResult, StageRun
from assets.store.table_parts import trained_part, write_part

FINITE, NO_WARNING = "weights_are_finite", "no_training_warning"
TRAINING_CHECKS = {FINITE: True, NO_WARNING: False}
NUM_PREVIEWS = 4


def write_tables(
    run: StageRun, out: Path, result: Mapping[str, Any], mlflow_run: MlflowRun, version: str
) -> None:
    """Writes the partition's parts of ``training_curves`` and ``models``.

    Args:
        out: folder of the training.
        result: its ``result.json``.
        version: number of its version in MLflow's registry.
    """
    keys = {"dataset": run.dataset.name, "asset": run.stage, "method": run.method}
    part = trained_part(run.stage, run.method)
    curves = [
        {
            **keys,
            "step": line["step"],
            "split": line["split"],
            "metric": metric,
            "value": float(value),
            "model_version": result["weights_sha256"],
        }
        for line in read_progress(out)
        for metric, value in line.get("metrics", {}).items()
    ]
    write_part(run.home, "training_curves", curves, dataset=run.dataset.name, method=part)
    model = {
        **keys,
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


def stage_result(out: Path, result: Mapping[str, Any], mlflow_run: MlflowRun, version: str) -> StageResult:
    """The stage's result: data version, last metrics, samples as previews, and the checks of a training."""
    metrics = {name: float(value) for name, value in result["figures"].items()}
    warnings = [_warning_text(warning) for warning in result["warnings"]]
    imported_from = read_imported_from(out)
    samples = sorted((out / "samples").glob("*.png"))[-NUM_PREVIEWS:]
    return StageResult(
        data_version=str(result["weights_sha256"]),
        counts={"steps": int(result["steps"]), "num_parameters": int(result["num_parameters"]), **metrics},
        previews={path.stem: Preview(path.read_bytes()) for path in samples},
        facts={
            "model": str(out),
            "registered_model": f"{mlflow_run.model_name} version {version}, alias {mlflow_run.alias}",
            "warnings": "; ".join(warnings) or "none",
            **({"imported_from": imported_from.folder} if imported_from else {}),
        },
        checks=_checks(result, metrics, warnings),
        mlflow_run_id=mlflow_run.run_id,
        device=str(result["device_name"]),
        imported_from=imported_from,
    )


def _checks(
    result: Mapping[str, Any], metrics: Mapping[str, float], warnings: list[str]
) -> list[CheckOutcome]:
    is_finite = bool(result.get("finite", True)) and all(value == value for value in metrics.values())
    return [
        CheckOutcome(
            name=FINITE,
            passed=is_finite,
            description="all weights and metrics are finite"
            if is_finite
            else "NaN or infinity among weights or metrics; lower the learning rate",
        ),
        CheckOutcome(
            name=NO_WARNING,
            passed=not warnings,
            blocking=False,
            description="; ".join(warnings) or "no warning",
        ),
    ]


def _warning_text(warning: Any) -> str:
    return f"{warning['warning']}: {warning['text']}" if isinstance(warning, dict) else str(warning)
