"""The worked example of a stage: added to a copy of the project, it is planned, computed and made stale by its setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.media_files import FlashFile, make_flash_file
from tests.support.worked_examples import carry_out, copy_project

CONFIG = "datasets:\n  talks: {layout: folder, root: raw, profile: tiny, num_buckets: 1, methods: [cals]}\nsettings:\n"
RUN_TWICE = """
import json
from pathlib import Path
from assets.project.settings import load_project
from assets.store.table_parts import part_path, read_part
from pipelines.runner import run_stale
from pipelines.staleness import find_stale

def stale():
    return {p.label: p.cause.text for p in find_stale(load_project(), to="loudness")}

def run():
    project = load_project()
    outcome = run_stale(project, to="loudness", say=lambda line: None)
    assert not outcome.failed, outcome.failed
    rows = read_part(part_path(project.home, "clip_loudness", "talks")).to_pylist()
    return {"made": outcome.made, "left": stale(), "rows": rows}

before, first = stale(), run()
with Path("cals.yaml").open("a") as file:
    file.write("  loudness: {floor_dbfs: -20.0}\\n")
changed, second = stale(), run()
print(json.dumps({"before": before, "first": first, "changed": changed, "second": second}))
"""
PLAN = """
import sys
from assets.project.settings import load_project
from pipelines.staleness import find_stale
assert any(p.label == "loudness/talks" for p in find_stale(load_project()))
print([name for name in ("dagster", "torch", "mlflow", "duckdb", "av", "cv2") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the example and a dataset of two clips: a few beeps each."""
    folder = copy_project(tmp_path_factory.mktemp("stage") / "cals")
    carry_out("A stage", folder)
    (folder / "cals.yaml").write_text(CONFIG)
    (folder / "raw").mkdir()
    for name, flashes in (("beeps", (0.2, 0.6)), ("more_beeps", (0.4,))):
        make_flash_file(folder / "raw" / f"{name}.mp4", FlashFile(duration_s=1.0, flash_times_s=flashes))
    return folder


def run(project: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    environment |= {"PYTHONPATH": str(project), "CALS_NUM_WORKERS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_planner_lists_it_and_loads_nothing_heavy(project: Path) -> None:
    assert run(project, "-c", PLAN) == "[]\n"


def test_it_is_computed_and_again_when_its_setting_changes(project: Path) -> None:
    answer: dict[str, Any] = json.loads(run(project, "-c", RUN_TWICE).splitlines()[-1])
    assert answer["before"] == dict.fromkeys(("clips/talks", "mels/talks", "loudness/talks"), "never made")
    assert answer["first"]["made"] == ["clips/talks", "mels/talks", "loudness/talks"]
    assert answer["first"]["left"] == {} and answer["second"]["left"] == {}
    assert answer["changed"] == {"loudness/talks": "settings: floor_dbfs: -90.0 -> -20.0"}
    assert answer["second"]["made"] == ["loudness/talks"]
    levels = {row["clip_id"]: row["peak_dbfs"] for row in answer["first"]["rows"]}
    assert len(levels) == 2 and all(-20 < level < 0 for level in levels.values())
    assert answer["second"]["rows"] == answer["first"]["rows"]


def test_its_place_fits_the_layers(project: Path) -> None:
    assert "0 broken" in run(project, "-c", "from importlinter.cli import lint_imports_command as run; run()")


def test_a_setting_out_of_bounds_is_named(project: Path) -> None:
    text = (project / "cals.yaml").read_text()
    (project / "cals.yaml").write_text(CONFIG + "  loudness: {block_ms: 0}\n")
    try:
        with pytest.raises(AssertionError, match="block_ms"):
            run(project, "-m", "pipelines.cli.main", "stale")
    finally:
        (project / "cals.yaml").write_text(text)
