"""``CALS_HOME``: the one folder that runs write to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Paths under ``CALS_HOME``; none of them is created here.

    Args:
        root: the folder.
        user_sql: folder of the project's own SQL, which lies outside; its views are part of each publish.
    """

    root: Path
    user_sql: Path | None = None

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def running(self) -> Path:
        """What runs note of themselves while they work."""
        return self.root / "running"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def parts(self) -> Path:
        return self.warehouse / "parts"

    @property
    def history(self) -> Path:
        """Earlier versions of parts, by table and digest (`assets.store.kept_parts`)."""
        return self.warehouse / "history"

    @property
    def database(self) -> Path:
        return self.warehouse / "cals.duckdb"

    def contents(self, dataset: str, version: str) -> Path:
        """The list of clips of a version of a shard set (`assets.shards.contents`)."""
        return self.warehouse / "contents" / dataset / f"{version}.parquet"

    @property
    def sample_corpus(self) -> Path:
        """Raw files that ``cals demo`` generates; the only ones inside the home."""
        return self.root / "sample"

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
