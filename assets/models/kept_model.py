"""A finished training that is taken instead of training another: of a dataset's base, or of a method that shares it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from assets.models.training_files import RESULT_FILE, placed_training, read_result
from assets.project.atomic_files import write_text

NAMES_METHOD = ("model.json", "config.json", RESULT_FILE)
FILES = ("model.json", "model.safetensors", "progress.jsonl", "job.json", "config.json", RESULT_FILE)


def keep_model(base: Path, out: Path, *, method: str | None = None) -> None:
    """Copies a finished training to where one of the dataset would be written; all of it or nothing.

    Args:
        base: folder of the base's training.
        out: folder of the dataset's; one that is finished stays.
        method: that the copy is of, where it is another than the base's.

    Raises:
        FileNotFoundError: a file of the base's training is missing.
    """
    if (out / RESULT_FILE).exists():
        return
    with placed_training(base, read_result(base), out) as staged:
        for name in FILES:
            shutil.copyfile(base / name, staged / name)
        for name in NAMES_METHOD if method is not None else ():
            plain = json.loads((staged / name).read_text(encoding="utf-8"))
            write_text(staged / name, json.dumps({**plain, "method": method}, indent=1) + "\n")
