"""The table of ``cals dub --list``: one dub a row, checked before any work."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pipelines.dubbing.settings import FITS, Fit

NEEDED, OPTIONAL = ("video", "audio", "out"), ("model", "face", "fit")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row.

    Args:
        line: of the table, counted from 1.
        video, audio, out: files; relative paths begin at the table's folder.
        model: as ``--model``; None for that of the command.
        faces: as ``--face``, repeated; None for those of the command.
        fit: as ``--fit``; None for that of the command.
    """

    line: int
    video: Path
    audio: Path
    out: Path
    model: str | None
    faces: tuple[int, ...] | None
    fit: Fit | None


@dataclass(frozen=True, kw_only=True)
class JobList:
    """The rows that can be dubbed, and one line for each that can't."""

    jobs: list[Job]
    problems: list[str]


def read_jobs(path: Path) -> JobList:
    """Reads and checks the table.

    Raises:
        ValueError: it can't be read, lacks a column, has an unknown one, or holds no row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path, list(reader.fieldnames or []))
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{path}: can't be read as CSV in UTF-8: {why}; give a readable table") from error
    if not rows:
        raise ValueError(f"{path}: holds no rows; give one for each dub")
    jobs: list[Job] = []
    problems = []
    for line, row in rows:
        try:
            job = _job(path.parent, line, row)
            _check_files(job, jobs)
            jobs.append(job)
        except ValueError as error:
            problems.append(f"{path}, line {line}: {error}")
    return JobList(jobs=jobs, problems=problems)


def _check_columns(path: Path, columns: list[str]) -> None:
    lacking = [name for name in NEEDED if name not in columns]
    unknown = [name for name in columns if name not in (*NEEDED, *OPTIONAL)]
    if lacking or unknown or len(set(columns)) < len(columns):
        raise ValueError(
            f"{path}: the first line is {','.join(columns) or 'empty'}; it names the columns {', '.join(NEEDED)} and, "
            f"where wanted, {', '.join(OPTIONAL)}, each once"
        )


def _job(folder: Path, line: int, row: dict[str, str | None]) -> Job:
    if None in row or None in row.values():
        raise ValueError("has more or fewer fields than the first line; quote names that hold commas")
    given = {name: (value or "").strip() for name, value in row.items()}
    for name in NEEDED:
        if not given[name]:
            raise ValueError(f"{name} is empty; give the path of a file")
    fit = given.get("fit", "")
    if fit and fit not in FITS:
        raise ValueError(f"fit is {fit!r}; one of {', '.join(FITS)}")
    faces = tuple(_numbers(given.get("face", "")))
    return Job(
        line=line,
        video=folder / given["video"],
        audio=folder / given["audio"],
        out=folder / given["out"],
        model=given.get("model") or None,
        faces=faces or None,
        fit=cast("Fit", fit) if fit else None,
    )


def _numbers(text: str) -> Iterator[int]:
    for word in text.split():
        if not (word.isascii() and word.isdigit() and int(word) > 0):
            raise ValueError(
                f"face is {text!r}; give the numbers of faces, 1 or more, with spaces between them"
            )
        yield int(word)


def _check_files(job: Job, before: list[Job]) -> None:
    for given in (job.video, job.audio):
        if not given.is_file():
            raise ValueError(f"{given}: no such file; give the path of a readable file")
    out = job.out.absolute()
    for other in before:
        if other.out.absolute() == out:
            raise ValueError(f"{job.out}: line {other.line} writes it already; give another name")
        if out in (other.video.absolute(), other.audio.absolute()):
            raise ValueError(f"{job.out}: an input of line {other.line}; give another name")
        if other.out.absolute() in (job.video.absolute(), job.audio.absolute()):
            raise ValueError(f"{other.out}: line {other.line} writes it; give another input")
