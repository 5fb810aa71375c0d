"""Real data stages on three clips, in this process: through ``cals run``, or a stage's function alone, without Dagster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assets.project.graph import STAGES, computed_together
from assets.project.home import Home
from assets.project.settings import Project, load_project
from assets.stage.resources import ProjectResource
from assets.stage.run import StageResult, StageRun
from assets.store import ledger
from assets.store.bucket_files import read_rows
from assets.store.forced_clips import NOTHING_FORCED, ForcedClips
from assets.workers.clip_pool import PoolSettings
from cals_models.references import load
from tests.support.split_clips import add_clip

DATASET = "one"
SPLITS = ("train", "val", "test")
BY_CLIP = ("clips", "face_tracks", "face_crops", "mels", "av_offsets")
CONFIG = """
settings: {settings}
datasets:
  one: {{layout: folder, root: one, profile: tiny, num_buckets: 2, to: {to}}}
"""


class SmallRuns:
    """A project with one dataset of layout ``folder``, and its home.

    Args:
        folder: of the project.
        clips: at least three; one goes to each split.
        monkeypatch: sets the environment of the home, and keeps the work in this process.
    """

    def __init__(self, folder: Path, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        for name in ("CALS_HOME", "DAGSTER_HOME"):
            monkeypatch.setenv(name, str(folder / ".cals"))
        monkeypatch.setenv("CALS_CONFIG", str(folder / "cals.yaml"))
        monkeypatch.setattr(ProjectResource, "pool", lambda self: PoolSettings(num_workers=0))
        for clip, split in zip(clips, SPLITS, strict=False):
            add_clip(self.root, clip, split)
        self.configure()

    @property
    def root(self) -> Path:
        return self.folder / DATASET

    @property
    def home(self) -> Home:
        return Home(self.folder / ".cals")

    @property
    def project(self) -> Project:
        return load_project(self.folder / "cals.yaml", self.home.root)

    def configure(self, settings: str = "{}", to: str = "shards") -> None:
        (self.folder / "cals.yaml").write_text(CONFIG.format(settings=settings, to=to))

    def compute(
        self, *stages: str, forced: Mapping[str, ForcedClips] | None = None
    ) -> dict[str, StageResult]:
        """Runs the functions of stages, those of one pass together, and records them in the ledger."""
        results: dict[str, StageResult] = {}
        for stage in stages:
            if stage in results:
                continue
            names = [name for name in computed_together(stage) if name in stages]
            runs = {name: self._run(name, (forced or {}).get(name, NOTHING_FORCED)) for name in names}
            made: dict[str, StageResult] = load(STAGES[stage].asset).compute(runs)
            for name, result in made.items():
                self._record(self._run(name, NOTHING_FORCED), result)
            results |= made
        return results

    def _run(self, stage: str, forced: ForcedClips) -> StageRun:
        project = self.project
        return StageRun(
            stage=stage,
            project=project,
            dataset=project.dataset(DATASET),
            method=None,
            pool=PoolSettings(num_workers=0),
            heads=ledger.heads(project.home),
            dagster_run_id="none",
            tracking=None,
            log=print,
            forced=forced,
        )

    def _record(self, run: StageRun, result: StageResult) -> None:
        entry = ledger.Entry(
            asset=run.stage,
            dataset=DATASET,
            method=None,
            data_version=result.data_version,
            code_version=run.code.digest,
            settings=run.settings_values,
            inputs=run.inputs(),
            dagster_run_id="none",
            duration_s=1.0,
            num_clips=result.num_clips,
            counts=result.counts,
        )
        ledger.append(run.home, entry, run.code)

    def heads(self) -> dict[str, dict[str, Any]]:
        """The latest ledger row of each stage."""
        return {asset: row for (asset, _, _), row in ledger.heads(self.home).items()}

    def versions(self) -> dict[str, str]:
        return {asset: row["data_version"] for asset, row in self.heads().items()}

    def computed(self, stage: str) -> int:
        """How many clips the stage's last materialisation computed."""
        return int(json.loads(self.heads()[stage]["counts_json"])["computed"])

    def rows(self, stage: str) -> dict[str, dict[str, Any]]:
        """Rows of a stage's bucket files by clip id."""
        paths = sorted(self.home.stage(stage, DATASET).glob("[0-9]*.parquet"))
        return {row["clip_id"]: row for path in paths for row in read_rows(path)}
