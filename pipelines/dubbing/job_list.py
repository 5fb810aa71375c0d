"""The table of ``cals dub --list``: one dub a row, checked before any work."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.dubbing.cast_table import Cast, read_cast
from pipelines.dubbing.csv_table import fields_of, read_table
from pipelines.dubbing.settings import FITS, SPEAKER, Fit

NEEDED, OPTIONAL = ("video", "audio", "out"), ("model", "face", "fit", "cast")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row.

    Args:
        line: of the table, counted from 1.
        video, audio, out: files; relative paths begin at the table's folder. There is an audio or a cast.
        model: as ``--model``; None for that of the command.
        faces: as ``--face``, repeated; None for those of the command, empty with ``speaker`` or a cast.
        speaker: the face who speaks.
        fit: as ``--fit``; None for that of the command.
        cast: the table of ``--cast``.
    """

    line: int
    video: Path
    audio: Path | None
    out: Path
    model: str | None
    faces: tuple[int, ...] | None
    fit: Fit | None
    cast: Cast | None = None
    speaker: bool = False

    @property
    def given(self) -> tuple[Path, ...]:
        """All files that are read."""
        audios = (self.audio,) if self.audio is not None else ()
        return (self.video, *audios, *(() if self.cast is None else (self.cast.path, *self.cast.audios)))


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
    jobs: list[Job] = []
    problems = []
    for line, row in read_table(path, NEEDED, OPTIONAL, "dub"):
        try:
            job = _job(path.parent, line, fields_of(row))
            _check_files(job, jobs)
            jobs.append(job)
        except ValueError as error:
            problems.append(f"{path}, line {line}: {error}")
    return JobList(jobs=jobs, problems=problems)


def _job(folder: Path, line: int, given: dict[str, str]) -> Job:
    cast, audio, face = given.get("cast", ""), given["audio"], given.get("face", "")
    if cast and (audio or face):
        raise ValueError(
            f"cast and {'audio' if audio else 'face'} are given; the cast names faces and audios"
        )
    for name in NEEDED:
        if not given[name] and not (name == "audio" and cast):
            raise ValueError(f"{name} is empty; give the path of a file")
    fit = given.get("fit", "")
    if fit and fit not in FITS:
        raise ValueError(f"fit is {fit!r}; one of {', '.join(FITS)}")
    is_speaker = face == SPEAKER
    faces = () if is_speaker or cast else tuple(_numbers(face)) or None
    return Job(
        line=line,
        video=folder / given["video"],
        audio=folder / audio if audio else None,
        out=folder / given["out"],
        model=given.get("model") or None,
        faces=faces,
        speaker=is_speaker,
        fit=typing.cast("Fit", fit) if fit else None,
        cast=read_cast(folder / cast) if cast else None,
    )


def _numbers(text: str) -> Iterator[int]:
    for word in text.split():
        if not (word.isascii() and word.isdigit() and int(word) > 0):
            raise ValueError(
                f"face is {text!r}; give the numbers of faces, 1 or more, with spaces between them, or {SPEAKER}"
            )
        yield int(word)


def _check_files(job: Job, before: list[Job]) -> None:
    for given in job.given:
        if not given.is_file():
            raise ValueError(f"{given}: no such file; give the path of a readable file")
    out = job.out.absolute()
    for other in before:
        if other.out.absolute() == out:
            raise ValueError(f"{job.out}: line {other.line} writes it already; give another name")
        if out in map(Path.absolute, other.given):
            raise ValueError(f"{job.out}: an input of line {other.line}; give another name")
        if other.out.absolute() in map(Path.absolute, job.given):
            raise ValueError(f"{other.out}: line {other.line} writes it; give another input")
