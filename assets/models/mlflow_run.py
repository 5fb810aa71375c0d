"""The MLflow run of one training: opened, fed with its metrics, closed, and its model registered."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from assets.models.training_files import read_imported_from, read_progress
from assets.project.atomic_files import write_text
from assets.stage.run import StageRun
from assets.store.mlflow_tracking import RUN_FILE, VERSION_FILE, alias_of, registered_name

METRICS_EVERY_S = 2.0


class MlflowRun:
    """The MLflow run of one training; its id lies beside the checkpoint, so that a resumed training continues it.

    Args:
        run: the stage's run.
        out: folder of the training.
        shards: folders of the shard sets that it reads, the dataset's own first.
    """

    def __init__(self, run: StageRun, out: Path, shards: list[Path]) -> None:
        self.run = run
        self.out = out
        self.shards = shards
        self.model_name = registered_name(run.stage)
        self.alias = alias_of(run.dataset.name, run.method)
        self._pending: dict[int, dict[str, float]] = {}
        self._flushed_at = time.monotonic()

    @property
    def run_id(self) -> str:
        return (self.out / RUN_FILE).read_text(encoding="utf-8").strip()

    @property
    def is_recorded(self) -> bool:
        """Whether the training's folder names its run; `cals doctor` removes the name where MLflow lost the run."""
        return (self.out / RUN_FILE).exists()

    def open(self) -> None:
        """Starts the run, unless there is one."""
        if self.is_recorded:
            return
        run = self.run
        imported_from = read_imported_from(self.out)
        name = "/".join(part for part in (run.stage, run.dataset.name, run.method) if part)
        tags = {
            "cals.stage": run.stage,
            "cals.dataset": run.dataset.name,
            "cals.method": run.method or "",
            "cals.training_key": self.out.name,
            "cals.code_version": run.code.digest,
            "dagster.run_id": run.dagster_run_id,
            "cals.imported_from": imported_from.folder if imported_from else "",
        }
        run_id = run.tracking.start_run(name, run.settings_values, tags)
        for dataset, folder in zip((run.dataset.name, *run.dataset.train_on), self.shards, strict=True):
            digest = run.head("shards", dataset=dataset)["data_version"]
            run.tracking.log_dataset(run_id, dataset, digest, str(folder))
        write_text(self.out / RUN_FILE, run_id)

    def relay(self, line: dict[str, Any]) -> None:
        """Logs one line of the training's ``progress.jsonl``."""
        step = int(line.get("step", 0))
        if "warning" in line:
            self.run.log(f"WARNING {line['warning']}: {line['text']}")
            return
        split = line["split"]
        self._pending.setdefault(step, {}).update({f"{split}/{k}": v for k, v in line["metrics"].items()})
        if time.monotonic() - self._flushed_at > METRICS_EVERY_S:
            self._flush()
        if split == "val":
            values = ", ".join(f"{k} {v:.4g}" for k, v in line["metrics"].items())
            self.run.log(f"{self.run.stage} step {step}: {values}")

    def _flush(self) -> None:
        for step, metrics in self._pending.items():
            self.run.tracking.log_metrics(self.run_id, metrics, step, int(time.time() * 1000))
        self._pending.clear()
        self._flushed_at = time.monotonic()

    def close(self, *, ok: bool) -> None:
        """Ends the run; that of a finished training gets its files first."""
        self._flush()
        if ok:
            for name in ("model.safetensors", "model.json", "result.json"):
                self.run.tracking.log_artifact(self.run_id, self.out / name, "model")
            for image in sorted((self.out / "samples").glob("*.png")):
                self.run.tracking.log_artifact(self.run_id, image, "samples")
        self.run.tracking.end_run(self.run_id, ok=ok)

    def resend(self) -> None:
        """Gives a finished training a new run, from the files in its folder."""
        self.open()
        for line in read_progress(self.out):
            self.relay(line)
        self.close(ok=True)

    def register(self, weights_sha256: str) -> str:
        """Registers the model once and points the alias at it.

        Returns:
            The version's number, which is kept in the training's folder.
        """
        path = self.out / VERSION_FILE
        if path.exists():
            version = path.read_text(encoding="utf-8").strip()
            self.run.tracking.point_alias(self.model_name, self.alias, version)
            return version
        tags = {"weights_sha256": weights_sha256, "training_key": self.out.name}
        version = str(self.run.tracking.register(self.run_id, self.model_name, "model", self.alias, tags))
        write_text(path, version)
        return version
