"""Files that a finished (or imported) training leaves in its folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assets.project.atomic_files import write_text
from assets.store.ledger import ImportedFrom

IMPORTED_FILE = "imported.json"
RESULT_FILE = "result.json"


def read_result(out: Path) -> dict[str, Any]:
    """``result.json``: hash of the weights, last metrics, warnings, steps, seconds, device."""
    result: dict[str, Any] = json.loads((out / RESULT_FILE).read_text(encoding="utf-8"))
    return result


def read_progress(out: Path) -> Iterator[dict[str, Any]]:
    """Lines of ``progress.jsonl``: the metrics of a step and split, or a warning."""
    for text in (out / "progress.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(text)


@contextmanager
def placed_training(source: Path, result: Mapping[str, Any], out: Path) -> Iterator[Path]:
    """A folder to copy a finished training into, which becomes ``out``: all of it, or nothing after an error.

    Args:
        source: folder that the training comes from.
        result: its ``result.json``.
        out: folder of the training here; one that was begun there and never finished is replaced.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".placing-", dir=out.parent) as temporary:
        staged = Path(temporary) / out.name
        staged.mkdir()
        yield staged
        origin = {"host": result.get("host", "unknown"), "library_versions": result["versions"]}
        write_text(staged / IMPORTED_FILE, json.dumps({"folder": str(source.absolute()), **origin}, indent=1))
        if out.exists():
            shutil.rmtree(out)
        staged.replace(out)


def read_imported_from(out: Path) -> ImportedFrom | None:
    """Where an imported training comes from; None for one of this machine."""
    path = out / IMPORTED_FILE
    if not path.exists():
        return None
    origin = json.loads(path.read_text(encoding="utf-8"))
    return ImportedFrom(
        folder=origin["folder"], host=origin["host"], library_versions=origin["library_versions"]
    )
