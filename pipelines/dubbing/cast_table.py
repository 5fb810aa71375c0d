"""The table of ``cals dub --cast``: which face speaks which audio when. Checked before any work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.dubbing.clock import clock
from pipelines.dubbing.csv_table import fields_of, read_table

NEEDED, OPTIONAL = ("face", "audio", "from", "to"), ("audio_from",)
TIME = re.compile(r"(?:(\d+):)?(\d+(?:\.\d*)?)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class CastLine:
    """One row.

    Args:
        line: of the table, counted from 1.
        face: its number; None places the audio and moves no face.
        audio: file; relative paths begin at the table's folder. None lets the face rest.
        start_s: of the stretch, on the time line of the dub.
        end_s: of the stretch; None for that of the audio, without audio for that of the dub.
        audio_start_s: place in the audio with which the stretch begins; None for its start, to be spoken whole.
    """

    line: int
    face: int | None
    audio: Path | None
    start_s: float
    end_s: float | None
    audio_start_s: float | None


@dataclass(frozen=True, kw_only=True)
class Cast:
    """The table."""

    path: Path
    lines: tuple[CastLine, ...]

    @property
    def audios(self) -> tuple[Path, ...]:
        """Each audio file once."""
        return tuple(dict.fromkeys(line.audio for line in self.lines if line.audio is not None))

    def at(self, line: int) -> str:
        """A row in words, as errors begin with it."""
        return f"{self.path}, line {line}"


def read_cast(path: Path) -> Cast:
    """Reads and checks the table as far as that needs no video.

    Raises:
        ValueError: it can't be used; the message names the line.
    """
    lines: list[CastLine] = []
    for number, row in read_table(path, NEEDED, OPTIONAL, "audio that a face speaks"):
        try:
            lines.append(_line(path.parent, number, fields_of(row)))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    if all(line.face is None for line in lines):
        raise ValueError(f"{path}: no row names a face; give the number of a face in one of them")
    if all(line.audio is None for line in lines):
        raise ValueError(f"{path}: no row names an audio; give one in one of them")
    cast = Cast(path=path, lines=tuple(lines))
    check_overlaps(cast, cast.lines)
    return cast


def check_overlaps(cast: Cast, lines: Sequence[CastLine]) -> None:
    """Rejects two stretches of one face at one time, where both ends are known.

    Raises:
        ValueError: names both rows.
    """
    of_face: dict[int, list[CastLine]] = {}
    for line in lines:
        if line.face is not None:
            of_face.setdefault(line.face, []).append(line)
    for face, own in of_face.items():
        own.sort(key=lambda line: line.start_s)
        for before, after in zip(own, own[1:], strict=False):
            if after.start_s == before.start_s or (before.end_s is not None and after.start_s < before.end_s):
                late, early = max(before.line, after.line), min(before.line, after.line)
                raise ValueError(
                    f"{cast.at(late)}: face {face} is in line {early} at {clock(after.start_s, 2)} already; "
                    "a face speaks one audio at a time"
                )


def _line(folder: Path, number: int, given: dict[str, str]) -> CastLine:
    face, audio = given["face"], given["audio"]
    if not face and not audio:
        raise ValueError("names neither a face nor an audio; give one of them, or both")
    if face and not (face.isascii() and face.isdigit() and int(face) > 0):
        raise ValueError(f"face is {face!r}; give the number of a face, 1 or more")
    times = dict(_times(given))
    start_s, end_s = times["from"] or 0.0, times["to"]
    if end_s is not None and end_s <= start_s:
        raise ValueError(f"to is {given['to']}, from is {given['from'] or 0}; a stretch ends after its start")
    if times.get("audio_from") is not None and not audio:
        raise ValueError(f"audio_from is {given['audio_from']}, but there is no audio; leave it empty")
    path = folder / audio if audio else None
    if path is not None and not path.is_file():
        raise ValueError(
            f"{path}: no such file; give the path of a readable file, or none where the face rests"
        )
    return CastLine(
        line=number,
        face=int(face) if face else None,
        audio=path,
        start_s=start_s,
        end_s=end_s,
        audio_start_s=times.get("audio_from"),
    )


def _times(given: dict[str, str]) -> Iterator[tuple[str, float | None]]:
    """Seconds of each time; None where it is empty."""
    for name in ("from", "to", "audio_from"):
        text = given.get(name, "")
        found = TIME.fullmatch(text)
        if text and found is None:
            raise ValueError(f"{name} is {text!r}; give seconds, as 62.5, or minutes and seconds, as 1:02.5")
        yield name, 60 * int(found[1] or 0) + float(found[2]) if found else None
