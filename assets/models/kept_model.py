"""A dataset with a base takes the base's model of a stage as its own, unchanged."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from assets.models.training_files import IMPORTED_FILE, RESULT_FILE, read_result
from assets.project.atomic_files import write_text

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
    result = read_result(base)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".keeping-", dir=out.parent) as temporary:
        staged = Path(temporary) / out.name
        staged.mkdir()
        for name in FILES:
            shutil.copyfile(base / name, staged / name)
        origin = {
            "folder": str(base.absolute()),
            "host": result.get("host", "unknown"),
            "library_versions": result["versions"],
        }
        write_text(staged / IMPORTED_FILE, json.dumps(origin, indent=1))
        if out.exists():
            shutil.rmtree(out)  # a training that was started here and never finished
        staged.replace(out)
