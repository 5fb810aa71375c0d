"""A run that has nothing to do says so at once: it loads no heavy library and scans each dataset once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fresh_home import Size, make_fresh_home

PROJECT = Path(__file__).resolve().parents[2]
METHODS = ["ground_truth", "wav2lip", "cals"]
HEAVY = ("torch", "dagster", "mlflow", "duckdb", "pandas", "av", "cv2")
RUN = f"""
import sys
from assets.raw_videos import dataset_scan as sources
plain, scanned = sources.scan_dataset, []
sources.scan_dataset = lambda project, name: scanned.append(name) or plain(project, name)
from pipelines.cli.main import main
status = main(["run"])
print(sorted(scanned), [name for name in {HEAVY} if name in sys.modules], status)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    size = Size(clips=90, ledger_rows=200, single_rows=5, datasets=3, buckets=2, test_clips=4)
    make_fresh_home(folder, size, METHODS)
    return folder


def cals_run(folder: Path) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_nothing_to_do_is_known_without_a_heavy_library(folder: Path) -> None:
    assert cals_run(folder) == [
        "nothing is stale: nothing to do",
        "['data0', 'data1', 'data2'] [] 0",
    ]


def test_a_change_in_the_fresh_home_is_noticed(folder: Path) -> None:
    """The check that the benchmark times is real: a missing video or a new raw file leaves something to do."""
    from assets.project.settings import load_project
    from pipelines.repair.repair import needs_repair
    from pipelines.staleness import find_stale

    project = load_project(folder / "cals.yaml", folder / ".cals")
    assert not needs_repair(project) and not find_stale(project)
    video = next((folder / ".cals" / "renders" / "data1" / "cals" / "own").iterdir())
    video.rename(video.with_suffix(".gone"))
    assert needs_repair(project)
    video.with_suffix(".gone").rename(video)
    (folder / "data2" / "s3" / "new.mpg").write_bytes(b"new")
    assert [(p.asset, p.dataset) for p in find_stale(project) if p.ready] == [("clips", "data2")]
