"""Records of files: which files a materialisation, or a command, left in the home, and their digests.

Each record is a Parquet part of ``recorded_files``, one row a file. That of a materialisation belongs to a ledger row,
which names its digest (``files_digest``); that of a command (a dub, a withdrawal) stands by itself and names the
digests that it saw, as ledger rows do.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.project.home import Home
from assets.store.arrow_rows import table_of
from assets.store.file_digests import FileDigests
from assets.store.table_parts import merge_parts, read_part
from cals_models.digests import digest_of

TABLE = "recorded_files"
MATERIALIZATION = "materialization"
SCHEMA = pa.schema([
    ("record_id", pa.string()),
    ("recorded_by", pa.string()),
    ("recorded_at", pa.timestamp("us")),
    ("heads_json", pa.string()),
    ("path", pa.string()),
    ("sha256", pa.string()),
    ("bytes", pa.int64()),
])  # fmt: skip
COLUMNS = tuple(SCHEMA.names)
_COMMAND = "command-"  # begins the names of parts that hold records of commands


class RecordError(ValueError):
    """A record of files is not readable; the message names it and the remedy."""


@dataclass(frozen=True, kw_only=True)
class RecordedFile:
    """One file.

    Args:
        path: relative to the home, with slashes.
        sha256: of its bytes; None where the record says that the file was removed.
        bytes: its size.
    """

    path: str
    sha256: str | None
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """The files that one materialisation or command left.

    Args:
        record_id: the materialisation's id, or one of its own.
        recorded_by: ``materialization``, or the command.
        recorded_at: when a command wrote it, UTC; None for a materialisation, whose ledger row has it.
        heads_json: JSON list of the digests that a command saw; None for a materialisation, whose ledger row has them.
        files: sorted by path.
    """

    record_id: str
    recorded_by: str
    recorded_at: datetime | None
    heads_json: str | None
    files: tuple[RecordedFile, ...]

    @property
    def digest(self) -> str:
        files = [(file.path, file.sha256, file.bytes) for file in self.files]
        return digest_of(self.record_id, self.recorded_by, str(self.recorded_at), self.heads_json, files)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of ``sql/schema/recorded_files.sql``."""
        whose = {name: getattr(self, name) for name in COLUMNS[:4]}
        return [whose | {name: getattr(file, name) for name in COLUMNS[4:]} for file in self.files]


@dataclass(kw_only=True)
class _Reader:
    rows: dict[str, dict[str, RecordedFile]] = field(default_factory=dict)
    whose: dict[str, tuple[str, datetime | None, str | None]] = field(default_factory=dict)

    def add(self, table: pa.Table) -> None:
        for record_id, by, at, heads, path, sha256, size in zip(
            *(table[name].to_pylist() for name in COLUMNS), strict=True
        ):
            self.whose[record_id] = (by, at, heads)
            self.rows.setdefault(record_id, {})[path] = RecordedFile(path=path, sha256=sha256, bytes=size)

    def records(self) -> dict[str, Record]:
        return {
            record_id: Record(
                record_id=record_id,
                recorded_by=self.whose[record_id][0],
                recorded_at=self.whose[record_id][1],
                heads_json=self.whose[record_id][2],
                files=tuple(files[path] for path in sorted(files)),
            )
            for record_id, files in self.rows.items()
        }


def look_at(digests: FileDigests, paths: Iterable[str]) -> tuple[RecordedFile, ...]:
    """The files as they are now, sorted by path; those that are not there are left out."""
    found = []
    for path in sorted(set(paths)):
        sha256, size = digests.of(path), digests.size_of(path)
        if sha256 is not None and size is not None:
            found.append(RecordedFile(path=path, sha256=sha256, bytes=size))
    return tuple(found)


def folder(home: Home) -> Path:
    return home.parts / TABLE


def record_of(materialization_id: str, files: Iterable[RecordedFile]) -> Record:
    """The record of a materialisation."""
    ordered = tuple(sorted(files, key=lambda file: file.path))
    return Record(
        record_id=materialization_id,
        recorded_by=MATERIALIZATION,
        recorded_at=None,
        heads_json=None,
        files=ordered,
    )


def write_record(home: Home, record: Record) -> Path:
    """Writes a record as a part of its own; one without files has none."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    kind = "" if record.heads_json is None else _COMMAND
    path = folder(home) / f"{kind}{stamp}-{record.record_id[:8]}.parquet"
    if record.files:
        with replacing(path) as temporary:
            pq.write_table(table_of(record.rows(), SCHEMA), temporary, compression="zstd")
    return path


def record_paths(home: Home) -> list[Path]:
    """Parts of all records."""
    return sorted(folder(home).glob("*.parquet"))


def command_records(home: Home) -> dict[str, Record]:
    """Records of commands by id."""
    return read_records(sorted(folder(home).glob(f"{_COMMAND}*.parquet")))


def merge_records(home: Home, above: int) -> None:
    """Merges the parts of records into one where there are more than ``above``, those of commands by themselves."""
    paths = record_paths(home)
    for parts in (
        [path for path in paths if not path.name.startswith(_COMMAND)],
        [path for path in paths if path.name.startswith(_COMMAND)],
    ):
        if len(parts) > above:
            merge_parts(parts, SCHEMA, ["record_id", "path"], "record_id")


def read_records(parts: Iterable[Path], record_ids: Collection[str] | None = None) -> dict[str, Record]:
    """Records by id, all or some; a row that two parts hold during a merge counts once."""
    reader = _Reader()
    wanted = None if record_ids is None else _strings(sorted(record_ids))
    for path in parts:
        try:
            table = read_part(path, COLUMNS)
        except (pa.ArrowException, OSError) as error:
            raise RecordError(
                f"{path}: not a readable record of files ({error}); `cals run` restores it where the published database "
                "has it, and keeps the file in damaged/; else put the file back from a copy of the home"
            ) from error
        if wanted is not None:
            table = table.filter(pc.is_in(table["record_id"], value_set=wanted))
        reader.add(table)
    return reader.records()


def _strings(values: Sequence[str]) -> pa.StringArray:
    """An array of texts; ``pa.array`` of a list would load pandas, which takes longer than all that a run checks."""
    encoded = [value.encode("utf-8") for value in values]
    ends = array("i", accumulate(map(len, encoded), initial=0))
    return pa.StringArray.from_buffers(
        len(encoded), pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(encoded))
    )
