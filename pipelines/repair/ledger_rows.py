"""Checks the rows of the ledger against their own digests and each other, and restores rows from the published database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from assets.project.home import Home
from assets.project.settings import Project
from assets.stage.partition_files import partition_files
from assets.store import ledger
from assets.store.file_digests import FileDigests
from assets.store.file_records import (
    COLUMNS,
    Record,
    RecordedFile,
    RecordError,
    command_records,
    look_at,
    read_records,
    record_of,
    record_paths,
    write_record,
)
from assets.store.ledger_chain import Nodes, digest_of_row, missing_from
from assets.store.ledger_upkeep import add_rows, read_one, seal
from assets.store.published_file import read_published
from pipelines.lineage.ledger_graph import Row, label, partition
from pipelines.lineage.registered_models import model_folders
from pipelines.repair.flaw import Flaw
from pipelines.repair.mending import BY_HAND, set_aside

RESTORED = "restored from the published database; the file is kept in damaged/"


@dataclass(kw_only=True)
class _Reading:
    """All parts of the ledger.

    Args:
        good: rows whose digest is that of their content, or that have none yet, by id.
        bad: part -> what is wrong with it, one sentence a row.
        nodes: digest of each row, as it says -> the digests that it names.
        unreadable: whether a part is.
    """

    good: dict[str, Row] = field(default_factory=dict)
    bad: dict[Path, list[str]] = field(default_factory=dict)
    nodes: Nodes = field(default_factory=dict)
    unreadable: bool = False


def find_ledger_flaws(project: Project) -> Iterator[Flaw]:
    """Parts that are not readable, rows that were changed or removed, and rows of an earlier version."""
    home = project.home
    yield from _record_flaws(home)
    reading = _read(home)
    lost = _lost(home, reading)
    if reading.bad or lost:
        copies = _published_rows(home)
        for path, texts in reading.bad.items():
            for text in texts:
                yield _flaw(home, f"{path.relative_to(home.root)}: {text}", bool(copies))
        for digest in lost:
            row = next((row for row in copies.values() if row["row_digest"] == digest), None)
            text = f"{row['materialization_id']} ({label(row)})" if row else f"with the digest {digest[:16]}"
            yield _flaw(home, f"the ledger lacks the row {text}, which other rows name", row is not None)
    if reading.bad:
        return
    bare = [row for row in reading.good.values() if row["row_digest"] is None]
    if bare:
        yield Flaw(
            kind="old_ledger",
            text=f"{len(bare)} rows of the ledger were written by an earlier version, without digests",
            remedy="digests of rows and files added",
            mend=partial(seal_home, project),
        )


def _record_flaws(home: Home) -> Iterator[Flaw]:
    """Parts of records of files that are not readable."""
    for path in record_paths(home):
        try:
            read_records([path], ())
        except RecordError:
            text = f"{path.relative_to(home.root)} is not a readable record of files"
            has_copy = bool(_published_records(home))
            mend = partial(restore_records, home, path) if has_copy else None
            remedy = RESTORED if has_copy else f"{BY_HAND}: the published database has no copy"
            yield Flaw(kind="damaged_ledger", text=text, remedy=remedy, mend=mend)


def _flaw(home: Home, text: str, has_copy: bool) -> Flaw:
    remedy = RESTORED if has_copy else f"{BY_HAND}: the published database has no copy"
    mend = partial(restore_ledger, home) if has_copy else None
    return Flaw(kind="damaged_ledger", text=text, remedy=remedy, mend=mend)


def _read(home: Home) -> _Reading:
    reading = _Reading()
    with ledger.locked(home):
        for path in ledger.part_paths(home):
            try:
                rows = read_one(path)
            except ledger.LedgerError:
                reading.bad[path] = ["is not a readable part of the ledger"]
                reading.unreadable = True
                continue
            for row in rows:
                if row["row_digest"] is not None:
                    reading.nodes[row["row_digest"]] = json.loads(row["heads_json"] or "[]")
                if row["row_digest"] in (None, digest_of_row(row)):
                    reading.good[row["materialization_id"]] = row
                else:
                    name = f"row {row['materialization_id']} ({label(row)})"
                    reading.bad.setdefault(path, []).append(f"{name} was changed: it has another digest")
    return reading


def _lost(home: Home, reading: _Reading) -> list[str]:
    """Digests of rows that others, or the published database, name and no part has.

    None is told while a part is not readable: its rows would be among them.
    """
    if reading.unreadable:
        return []
    records = command_records(home).values()
    nodes = reading.nodes | {record.digest: json.loads(record.heads_json or "[]") for record in records}
    record = read_published(home)
    published = set() if record is None else set(record.heads)
    return sorted(missing_from(nodes) | (published - nodes.keys()))


def _published_rows(home: Home) -> dict[str, Row]:
    """Rows of the ledger in the published database that are whole, by id."""
    found = {}
    names = [name for name in ledger.SCHEMA.names if name != "at"]
    try:
        rows = _select(home, "materializations", names, "epoch_us(finished_at) as at")
    except (ImportError, RuntimeError):
        return {}
    for row in rows:
        row["at"] = ledger.EPOCH + timedelta(microseconds=row["at"])
        if row["row_digest"] is not None and row["row_digest"] == digest_of_row(row):
            found[row["materialization_id"]] = row
    return found


def _select(home: Home, table: str, names: list[str], *more: str) -> list[dict[str, Any]]:
    import duckdb

    from assets.store.warehouse import WarehouseError, connect

    try:
        with connect(home.database) as connection:
            columns = ", ".join([*names, *more])
            result = connection.execute(f"select {columns} from {table}")
            heads = [column[0] for column in result.description or []]
            return [dict(zip(heads, row, strict=True)) for row in result.fetchall()]
    except (duckdb.Error, WarehouseError) as error:
        raise RuntimeError(f"{home.database}: {error}") from error


def restore_ledger(home: Home) -> int:
    """Writes rows that were changed or removed again from the published database; damaged parts are set aside.

    Returns:
        Number of rows restored.
    """
    reading = _read(home)
    copies = _published_rows(home)
    lost = [row for row_id, row in copies.items() if row_id not in reading.good]
    with ledger.locked(home):
        held = [row for path in reading.bad for row in _good_rows(path, reading)]
        if lost or held:
            add_rows(home, [*held, *lost])
        for path in reading.bad:
            set_aside(home, path)
    restore_records(home)
    return len(lost)


def restore_records(home: Home, damaged: Path | None = None) -> int:
    """Writes records of files again that the published database has, as ledger rows name them, and no part has.

    Args:
        damaged: a part that is set aside first.

    Returns:
        Number of records.
    """
    if damaged is not None:
        set_aside(home, damaged)
    named = {row["materialization_id"]: row["files_digest"] for row in ledger.read(home, ["files_digest"])}
    there = read_records(record_paths(home))
    found = [
        record
        for record in _published_records(home)
        if record.record_id not in there and named.get(record.record_id) == record.digest
    ]
    for record in found:
        write_record(home, record)
    return len(found)


def _good_rows(path: Path, reading: _Reading) -> list[Row]:
    try:
        return [row for row in read_one(path) if reading.good.get(row["materialization_id"]) == row]
    except ledger.LedgerError:
        return []


def _published_records(home: Home) -> list[Record]:
    """Records of materialisations in the published database."""
    files: dict[str, list[RecordedFile]] = {}
    try:
        rows = _select(home, "recorded_files", [name for name in COLUMNS if name != "recorded_at"])
    except RuntimeError:
        return []
    for row in rows:
        if row["heads_json"] is None:
            file = RecordedFile(path=row["path"], sha256=row["sha256"], bytes=row["bytes"])
            files.setdefault(row["record_id"], []).append(file)
    return [record_of(record_id, some) for record_id, some in files.items()]


def seal_home(project: Project) -> int:
    """Gives digests to the rows of an earlier version, and records the files that are there now.

    Returns:
        Number of rows.
    """
    from pipelines.repair.outputs import find_unrecorded_flaws

    home = project.home
    digests = FileDigests.open(home)
    newest = {row["materialization_id"] for row in ledger.heads(home).values()}
    models = {model.weights_sha256: model.path for model in model_folders(home)}

    def files_of(row: Row) -> tuple[RecordedFile, ...] | None:
        paths = [
            path.relative_to(home.root).as_posix() for path in ledger.code_files(home, row["code_version"])
        ]
        if row["materialization_id"] not in newest:
            return look_at(digests, [*paths, *_kept_of(home, row, models)])
        if any(find_unrecorded_flaws(home, row, digests)):
            return None
        return look_at(digests, [*paths, *partition_files(home, *partition(row), row["data_version"])])

    count = seal(home, files_of)
    digests.save(home)
    return count


def _kept_of(home: Home, row: Row, models: dict[str, Path]) -> list[str]:
    """Files that stay of a superseded row: the list of a shard set's clips, a model."""
    paths = [home.contents(row["dataset"], row["data_version"])] if row["asset"] == "shards" else []
    folder = models.get(row["data_version"])
    paths += [path for path in folder.rglob("*") if path.is_file()] if folder else []
    return [path.relative_to(home.root).as_posix() for path in paths]
