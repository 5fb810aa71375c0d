"""Where everything that a run writes lies: one folder, ``CALS_HOME``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Paths under ``CALS_HOME``; nothing is created by looking at them."""

    root: Path

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def parts(self) -> Path:
        return self.warehouse / "parts"

    @property
    def database(self) -> Path:
        return self.warehouse / "cals.duckdb"

    def stage(self, stage: str, dataset: str) -> Path:
        return self.root / "stages" / stage / dataset

    def shards(self, dataset: str) -> Path:
        return self.root / "shards" / dataset

    def model(self, stage: str, dataset: str, method: str | None = None) -> Path:
        folder = self.root / "models" / dataset / stage
        return folder / method if method else folder

    def renders(self, dataset: str, method: str) -> Path:
        return self.root / "renders" / dataset / method

    def report(self, dataset: str) -> Path:
        return self.root / "report" / dataset / "index.html"

    @property
    def report_overview(self) -> Path:
        return self.root / "report" / "index.html"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; at a clean end it is synced and renamed to ``path``.

    After an error or a kill, what stood at ``path`` before still stands there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
