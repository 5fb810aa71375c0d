"""A project with real shards of synthetic clips, their parts, contents and ledger row."""

from __future__ import annotations

from pathlib import Path

from assets.project.settings import Project
from assets.shards.contents import write_contents
from assets.store import ledger
from assets.store.table_parts import write_part
from tests.support.lineage_home import CODE, DATASET, make_project, sha256
from tests.support.shard_sets import make_shard_set


def make_shards(folder: Path) -> Project:
    """Ten clips in real tars under the project's home, as the stages would write them."""
    project = make_project(folder)
    home = project.home
    manifest, _ = make_shard_set(home.root / "made", dataset=DATASET)
    home.shards(DATASET).parent.mkdir(parents=True)
    (home.root / "made" / "shards").rename(home.shards(DATASET))
    write_part(home, "shards", manifest.shards, dataset=DATASET)
    write_part(home, "shard_clips", manifest.clips, dataset=DATASET)
    raw = [
        {
            "dataset": DATASET,
            "clip_id": row["clip_id"],
            "path": f"{row['clip_id']}.mpg",
            "sha256": sha256(row["clip_id"]),
        }
        for row in manifest.clips
    ]
    write_part(home, "clip_inventory", raw, dataset=DATASET)
    write_contents(home, DATASET, manifest.digest)
    entry = ledger.Entry(
        asset="shards", dataset=DATASET, method=None, data_version=manifest.digest, code_version=CODE.digest,
        settings={}, inputs={}, dagster_run_id="run", duration_s=1.0, num_clips=len(manifest.clips),
    )  # fmt: skip
    ledger.append(home, entry, CODE)
    return project
