"""The worked example of a dataset layout: added to a copy of the project, it registers and inventories a dataset."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.media_files import FlashFile, make_flash_file
from tests.support.worked_examples import carry_out, copy_project

VIDEOS = (
    "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4",
    "dev/mp4/id00013/0cn2bkvRtz0/00002.mp4",
    "test/mp4/id00017/01dfn2spqyE/00003.mp4",
    "dev/mp4/stray.mp4",
)
INVENTORY = """
import json, sys
from pathlib import Path
from assets.clips.inventory import SOURCES_SCHEMA, compute_inventory
from assets.clips.settings import ClipsSettings
from assets.project.chosen_code import chosen_code
from assets.project.settings import load_project
from assets.raw_videos.dataset_scan import scan_dataset
from assets.store.bucket_files import StageOutput
from assets.workers.clip_pool import PoolSettings

project = load_project(Path(sys.argv[1]))
dataset = project.dataset("celebrities")
output = StageOutput(name="clips", folder=project.home.stage("clips", dataset.name), schema=SOURCES_SCHEMA, version="1")
found = scan_dataset(project, dataset.name)
rows = compute_inventory(dataset, found, ClipsSettings(), output, PoolSettings(num_workers=0), {})
code = chosen_code(project, "clips", dataset.name, None)
print(json.dumps({"rows": rows, "code": list(code.definitions)}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("layout") / "cals")
    carry_out("A dataset layout", folder)
    return folder


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("celebrities")
    clip = make_flash_file(root / "clip.mp4", FlashFile(duration_s=0.4, flash_times_s=())).path
    for number, name in enumerate(VIDEOS):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # a free box at the end gives each file its own content hash
        path.write_bytes(clip.read_bytes() + b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
    clip.unlink()
    return root


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project), "CALS_HOME": str(project / "home")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_dataset_is_added_and_its_inventory_computed(project: Path, videos: Path) -> None:
    added = run(project, "-m", "pipelines.cli.main", "add", "celebrities", "--layout", "voxceleb2", "--root", str(videos), "--profile", "tiny")  # fmt: skip
    assert added.returncode == 0, added.stderr
    assert "3 sources" in added.stdout and "as voxceleb2" in added.stdout
    computed = run(project, "-c", INVENTORY, str(project / "cals.yaml"))
    assert computed.returncode == 0, computed.stderr
    answer = json.loads(computed.stdout.splitlines()[-1])
    rows = {row["relative_path"]: row for row in answer["rows"]}
    assert set(rows) == set(VIDEOS)
    assert [rows[path]["status"] for path in VIDEOS] == ["ok", "ok", "ok", "rejected"]
    assert [rows[path]["speaker"] for path in VIDEOS] == ["id00012", "id00013", "id00017", None]
    assert rows[VIDEOS[2]]["split"] == "test"
    assert {rows[path]["split"] for path in VIDEOS[:2]} <= {"train", "val"}
    assert rows[VIDEOS[3]]["reason"] == "not_in_layout"
    assert "assets.raw_videos.layouts.voxceleb2.fits" in answer["code"]


def test_a_folder_that_does_not_fit_is_named(project: Path, videos: Path, tmp_path: Path) -> None:
    shutil.copytree(videos / "dev" / "mp4", tmp_path / "other" / "speakers")
    added = run(project, "-m", "pipelines.cli.main", "add", "other", "--layout", "voxceleb2", "--root", str(tmp_path / "other"), "--profile", "tiny")  # fmt: skip
    assert added.returncode != 0
    assert "not laid out as voxceleb2" in added.stderr and "{dev,test}/mp4/<speaker>" in added.stderr
