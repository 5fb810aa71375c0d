"""A training stage: starts or resumes the training process, and records the model that it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assets.models.kept_model import keep_model
from assets.models.mlflow_run import MlflowRun
from assets.models.training_files import RESULT_FILE, read_result
from assets.models.training_process import LOG_FILE, run_training
from assets.models.training_result import stage_result, write_tables
from assets.models.training_shards import training_shards
from assets.stage.run import StageResult, StageRun
from assets.store.current_model import find_current_model, read_current_model, write_current_model
from assets.workers.progress import Progress, report_progress
from cals_models.digests import digest_of


def model_folder(run: StageRun, stage: str, method: str | None = None, *, dataset: str | None = None) -> Path:
    """Folder of the current model of an input stage, of this dataset or of another.

    Raises:
        MissingInput: it was never trained.
    """
    run.head(stage, method, dataset=dataset)
    return read_current_model(run.home.model(stage, dataset or run.dataset.name, method))


def train_or_keep(run: StageRun, inputs: Mapping[str, Path]) -> StageResult:
    """Trains the run's stage; a dataset with a base keeps the base's model as it is."""
    if run.dataset.base is not None:
        keep_model(model_folder(run, run.stage, dataset=run.dataset.base), training_folder(run))
    return train_stage(run, inputs)


def train_stage(run: StageRun, inputs: Mapping[str, Path]) -> StageResult:
    """Trains the run's stage on its dataset's shards; reuses a finished training with the same settings, code and inputs.

    Args:
        inputs: stage name -> folder of each trained model that this training reads.
    """
    shards = training_shards(run)
    out = training_folder(run)
    config = {
        "stage": run.stage,
        "method": run.method,
        "dataset": run.dataset.name,
        "shards": [str(folder) for folder in shards],
        "config": run.settings_values,
        "inputs": {name: str(path) for name, path in inputs.items()},
    }
    mlflow_run = MlflowRun(run, out, shards)
    if not (out / RESULT_FILE).exists():
        mlflow_run.open()
        try:
            run_training(run.stage, config, out, _relay(run, out, mlflow_run))
        except BaseException:
            mlflow_run.close(ok=False)
            raise
        mlflow_run.close(ok=True)
    elif not mlflow_run.is_recorded:
        mlflow_run.resend()
    elif not run.tracking.is_finished(mlflow_run.run_id):  # the training process outlived a killed run
        mlflow_run.close(ok=True)
    result = read_result(out)
    version = mlflow_run.register(str(result["weights_sha256"]))
    write_current_model(out.parent, out.name, version)
    write_tables(run, out, result, mlflow_run, version)
    return stage_result(out, result, mlflow_run, version)


def _relay(run: StageRun, out: Path, mlflow_run: MlflowRun) -> Callable[[dict[str, Any]], None]:
    """Sends each line of the training to MLflow, and its step to whoever asks how far it is."""
    title, total = f"training of {run.stage}", int(run.settings_values["steps"])
    log = str(out / LOG_FILE)

    def relay(line: dict[str, Any]) -> None:
        mlflow_run.relay(line)
        step = int(line.get("step", 0))
        report_progress(Progress(title=title, done=step, total=total, unit="step", log=log))

    report_progress(Progress(title=title, done=0, total=total, unit="step", log=log))
    return relay


def training_folder(run: StageRun) -> Path:
    """Folder of the training with the run's settings and inputs, by the code of the training process.

    Code of the asset around it, such as what is recorded of a training, makes the asset stale but trains nothing again.
    A forced training gets a folder of its own beside that of the training that it repeats (``KEY-2``, ``KEY-3``); one
    that was killed is resumed there.
    """
    base = run.home.model(run.stage, run.dataset.name, run.method)
    first = base / digest_of(run.training_code, run.inputs() | run.parts_read(), run.method)[:16]
    folders, number = [first], 2
    while (folders[-1] / RESULT_FILE).exists():
        folders.append(first.with_name(f"{first.name}-{number}"))
        number += 1
    if run.forced.every:
        return folders[-1]
    current = find_current_model(base)
    return current if current in folders else folders[max(0, len(folders) - 2)]
