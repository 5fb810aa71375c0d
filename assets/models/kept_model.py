"""A dataset with a base takes the base's model of a stage as its own, unchanged."""

from __future__ import annotations

import shutil
from pathlib import Path

from assets.models.training_files import RESULT_FILE, placed_training, read_result

FILES = ("model.json", "model.safetensors", "progress.jsonl", "job.json", "config.json", RESULT_FILE)


def keep_model(base: Path, out: Path) -> None:
    """Copies a finished training to where one of the dataset would be written; all of it or nothing.

    Args:
        base: folder of the base's training.
        out: folder of the dataset's; one that is finished stays.

    Raises:
        FileNotFoundError: a file of the base's training is missing.
    """
    if (out / RESULT_FILE).exists():
        return
    with placed_training(base, read_result(base), out) as staged:
        for name in FILES:
            shutil.copyfile(base / name, staged / name)
