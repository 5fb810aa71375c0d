"""The official reader accepts the Croissant metadata and reads the clips through it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.project.settings import Project, SettingsError
from cals_models.shards.shard_format import clip_key
from pipelines.exports.croissant import write_croissant
from tests.support.export_project import make_shards
from tests.support.lineage_home import DATASET, make_project

READ = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(sys.argv[1])
issues = dataset.metadata.ctx.issues
records = {name: list(dataset.records(name)) for name in ("clips", "flac", "json")}
print(json.dumps({
    "errors": sorted(map(str, issues.errors)), "warnings": sorted(map(str, issues.warnings)),
    "clips": sorted(row["clips/clip_id"].decode() for row in records["clips"]),
    "keys": sorted(row["flac/key"].decode() for row in records["flac"]),
    "named": sorted(json.loads(row["json/content"])["clip_id"] for row in records["json"]),
    "version": str(dataset.metadata.version), "license": dataset.metadata.license,
}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_shards(tmp_path_factory.mktemp("exports"))


def test_the_official_reader_accepts_the_croissant_and_reads_the_clips(
    project: Project, tmp_path: Path
) -> None:
    path = write_croissant(project, DATASET)
    environment = {**os.environ, "CROISSANT_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, env=environment, check=True
    )
    read = json.loads(done.stdout.splitlines()[-1])
    index = json.loads((project.home.shards(DATASET) / "manifest.json").read_text())
    assert read["errors"] == [] and read["warnings"] == []
    assert len(read["clips"]) == 10 and read["clips"] == read["named"]
    assert read["keys"] == sorted(clip_key(clip) for clip in read["clips"])
    assert read["version"].endswith(index["digest"][:16])
    assert "@context" not in done.stderr


def test_the_croissant_is_the_same_for_the_same_shards(project: Project) -> None:
    path = write_croissant(project, DATASET)
    before = path.read_bytes()
    assert write_croissant(project, DATASET).read_bytes() == before


def test_without_shards_one_line_says_what_to_run(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(SettingsError, match="has no shards yet; run: cals run --dataset talks --to shards"):
        write_croissant(project, DATASET)
    with pytest.raises(SettingsError, match="no dataset 'tolks'"):
        write_croissant(project, "tolks")
