"""What a dataset lacks for its methods, as far as its inventory tells: known before anything is trained.

The planner imports this module: what reads the inventory is imported where it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.project.home import Home
from assets.project.settings import Dataset, Project
from cals_models.methods.method import Needs
from cals_models.methods.needs import LEAST_SPEAKERS, DatasetFacts, has_words, unmet_need
from cals_models.methods.registry import METHODS

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ["split", "speaker", "words", "transcript", "num_frames_25"]


def unmet_need_of(project: Project, dataset: Dataset, method: str | None) -> str | None:
    """What the dataset lacks for the training of a method, in one line; None where nothing, or nothing yet known.

    The inventory is read for methods that need anything at all. A clip is never longer in the shards than there.
    """
    declared = METHODS[method] if method is not None else None
    if declared is None or declared.needs == Needs():
        return None
    tables = {name: _accepted(project.home, name) for name in (dataset.name, *dataset.train_on)}
    if any(table is None for table in tables.values()):
        return None
    found = {name: table for name, table in tables.items() if table is not None}
    config = project.stage_settings(dataset.name, "generator", method)
    return unmet_need(declared, config, _facts(dataset.name, found))


def _accepted(home: Home, dataset: str) -> pa.Table | None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from assets.clips.clip_table import clip_table_path

    path = clip_table_path(home, dataset)
    if not path.is_file():
        return None
    with pq.ParquetFile(path) as file:
        table = file.read(columns=[*COLUMNS, "status"])
    return table.filter(pc.equal(table["status"], "ok"))


def _facts(name: str, tables: dict[str, pa.Table]) -> DatasetFacts:
    import pyarrow as pa
    import pyarrow.compute as pc

    train = pa.concat_tables([_of_split(table, "train") for table in tables.values()])
    val = _of_split(tables[name], "val")
    speakers = {speaker for speaker in pc.unique(train["speaker"]).to_pylist() if speaker}
    labels = zip(train["words"].to_pylist(), train["transcript"].to_pylist(), strict=True)
    return DatasetFacts(
        dataset=name,
        longest={
            split: int(pc.max(table["num_frames_25"]).as_py() or 0)
            for split, table in (("train", train), ("val", val))
            if table.num_rows
        },
        num_speakers=min(len(speakers), LEAST_SPEAKERS),
        has_words=any(has_words(words, transcript) for words, transcript in labels),
    )


def _of_split(table: pa.Table, split: str) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["split"], split))
