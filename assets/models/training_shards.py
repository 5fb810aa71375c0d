"""The shard sets that a training reads: its dataset's own, and those of the datasets that ``train_on`` names."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assets.project.settings import Project
from assets.shards.contents import read_contents, write_missing_contents
from assets.stage.run import StageRun
from cals_models.digests import digest_of
from cals_models.shards.shard_format import MANIFEST_NAME, ShardError, read_manifest

HELD_OUT = ("val", "test")


def training_shards(run: StageRun) -> list[Path]:
    """Folders of the shard sets, the dataset's own first.

    Raises:
        ValueError: a raw file that the dataset holds out (val or test) is in the train split of another one.
    """
    others = run.dataset.train_on
    if others:
        write_missing_contents(run.home)
        held_out = _raw_hashes(run, run.dataset.name, HELD_OUT)
        for other in others:
            shared = held_out.filter(pc.is_in(held_out, value_set=_raw_hashes(run, other, ("train",))))
            if len(shared):
                raise ValueError(
                    f"train_on {other}: its train split holds {len(shared)} raw files that {run.dataset.name} keeps for "
                    f"val or test (sha256 {shared[0].as_py()[:12]} for one); take them out of {other} or change its splits"
                )
    return [run.home.shards(name) for name in (run.dataset.name, *others)]


def train_on_version(project: Project, dataset: str) -> str:
    """Data version of the observed source ``train_on``: digest over the other shard sets on disk."""
    others = project.dataset(dataset).train_on
    return digest_of([[name, _manifest_digest(project, name)] for name in others]) if others else "none"


def _manifest_digest(project: Project, dataset: str) -> str:
    try:
        return read_manifest(project.home.shards(dataset) / MANIFEST_NAME).digest
    except ShardError:
        return "not made"


def _raw_hashes(run: StageRun, dataset: str, splits: tuple[str, ...]) -> pa.Array:
    """Hashes of the raw files behind the current shards of some splits.

    Raises:
        ValueError: the contents of that shard set are not on record.
    """
    version = run.head("shards", dataset=dataset)["data_version"]
    contents = read_contents(run.home, dataset, version)
    if contents is None:
        raise ValueError(
            f"shards of {dataset} {version[:12]}: their list of clips is not on record, so that nobody can tell whether "
            f"held-out clips are among them; run: cals run --dataset {dataset} --to shards --force shards"
        )
    chosen = contents.filter(pc.is_in(contents["split"], value_set=pa.array(splits)))
    return pc.unique(chosen["raw_sha256"].drop_null())
