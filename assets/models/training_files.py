"""Files that a finished (or imported) training leaves in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def read_imported_from(out: Path) -> ImportedFrom | None:
    """Where an imported training comes from; None for one of this machine."""
    path = out / IMPORTED_FILE
    if not path.exists():
        return None
    origin = json.loads(path.read_text(encoding="utf-8"))
    return ImportedFrom(
        folder=origin["folder"], host=origin["host"], library_versions=origin["library_versions"]
    )
