"""The folder of one training: job, progress, checkpoint, result.

job.json, progress.jsonl, checkpoint.pt, samples/, model.safetensors, model.json, and last result.json. All but
progress.jsonl are written atomically; a line of progress.jsonl that a kill cut short is dropped on resuming.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from cals_models.training.job import TrainingJob


class RunDirectory:
    """One training's folder.

    Args:
        folder: created by `claim` where it does not exist.
        is_writer: False on all but the first of several processes, which never write.
    """

    def __init__(self, folder: Path, *, is_writer: bool = True) -> None:
        self.folder = folder
        self.is_writer = is_writer
        self.warnings: dict[str, dict[str, object]] = {}

    @property
    def checkpoint_path(self) -> Path:
        """State from which a killed training resumes."""
        return self.folder / "checkpoint.pt"

    @property
    def result_path(self) -> Path:
        """Written last, so it exists only if the training is complete."""
        return self.folder / "result.json"

    @property
    def progress_path(self) -> Path:
        """One JSON object a line."""
        return self.folder / "progress.jsonl"

    def claim(self, job: TrainingJob) -> None:
        """Takes the folder for a job.

        Raises:
            ValueError: the folder holds another job's training.
        """
        path = self.folder / "job.json"
        wanted = job.as_plain()
        if path.exists():
            there = json.loads(path.read_text(encoding="utf-8"))
            if there != wanted:
                raise ValueError(
                    f"{self.folder}: holds a training with another {_first_difference(there, wanted)};"
                    " give an empty folder, or the settings it was started with"
                )
        elif self.is_writer:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.write_json("job.json", wanted)

    def log(self, split: str, step: int, metrics: Mapping[str, float]) -> None:
        """Appends metrics of a step; values that are not finite are left out, since JSON cannot hold them."""
        finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        self._append({"step": step, "split": split, "metrics": finite})

    def warn(self, name: str, text: str, step: int) -> None:
        """Appends a named warning; a training gets each name once."""
        if name not in self.warnings:
            self.warnings[name] = {"warning": name, "text": text, "step": step}
            self._append(self.warnings[name])

    def rewind(self, step: int) -> None:
        """Drops the progress after a step from which the training resumes."""
        lines = read_progress(self.progress_path)
        kept = [line for line in lines if int(line["step"]) <= step]
        self.warnings = {str(line["warning"]): line for line in kept if "warning" in line}
        if self.is_writer:
            text = "".join(json.dumps(line) + "\n" for line in kept)
            _replace(self.progress_path, lambda path: path.write_text(text, encoding="utf-8"))

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Writes tensors and plain data to checkpoint.pt."""
        if self.is_writer:
            _replace(self.checkpoint_path, lambda path: torch.save(dict(state), path))

    def load_checkpoint(self) -> dict[str, Any] | None:
        """What `save_checkpoint` was given, or None.

        Raises:
            ValueError: the file is damaged or holds more than tensors and plain data.
        """
        if not self.checkpoint_path.exists():
            return None
        try:
            state = torch.load(self.checkpoint_path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(
                f"{self.checkpoint_path}: not a checkpoint of tensors and plain data;"
                " delete it to train from the start"
            ) from error
        return dict(state)

    def write_weights(self, weights: Mapping[str, torch.Tensor]) -> Path:
        """Writes model.safetensors."""
        path = self.folder / "model.safetensors"
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        _replace(path, lambda partial: save_file(tensors, partial))
        return path

    def write_json(self, name: str, value: object) -> None:
        """Writes a JSON file of the folder."""
        text = json.dumps(value, indent=2, allow_nan=False) + "\n"
        _replace(self.folder / name, lambda path: path.write_text(text, encoding="utf-8"))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Writes a file of the folder, such as samples/000100.png."""
        if self.is_writer:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, lambda partial: partial.write_bytes(data))

    def _append(self, line: Mapping[str, object]) -> None:
        if self.is_writer:
            with self.progress_path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def read_progress(path: Path) -> list[dict[str, Any]]:
    """The lines of progress.jsonl, without a last one that is incomplete."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _first_difference(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    for name in wanted:
        if name == "config" and isinstance(there.get(name), dict):
            for field, value in wanted[name].items():
                if there[name].get(field) != value:
                    return f"config.{field} ({there[name].get(field)!r}, now {value!r})"
        elif there.get(name) != wanted[name]:
            return f"{name} ({there.get(name)!r}, now {wanted[name]!r})"
    return "job"
