"""Which generated video belongs to which reference: by name, or by a table."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from assets.raw_videos.layouts import source_clip
from assets.raw_videos.walk import path_to_text, same_name

VIDEO_SUFFIXES = frozenset((*source_clip.VIDEO_SUFFIXES, ".gif"))
MOST_SHOWN = 80
"""Letters of a name that messages show."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A generated video and the true one. ``name`` is the reference's path in its folder without its suffix, as text."""

    name: str
    generated: Path
    reference: Path


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A video without values: which, a snake_case code, and what was found and what would have been right."""

    video: str
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.video}: {self.reason}: {self.detail}"


def find_pairs(generated: Path, reference: Path, table: Path | None) -> tuple[list[Pair], list[Failure]]:
    """Pairs by a table, or by name where there is none; see `pairs_by_table` and `pairs_by_name`."""
    return (
        pairs_by_name(generated, reference) if table is None else pairs_by_table(generated, reference, table)
    )


def pairs_by_name(generated: Path, reference: Path) -> tuple[list[Pair], list[Failure]]:
    """Pairs of videos whose paths in their folders are equal but for the suffix and for Unicode's normal forms.

    Every video that is left over, on either side, is a failure.

    Raises:
        ValueError: one of the folders does not exist or holds no video.
    """
    ours, true = _videos(generated), _videos(reference)
    pairs, failures = [], []
    for name in sorted(ours.keys() | true.keys()):
        if name not in true:
            detail = f"no reference of that name in {reference}; name it as its reference, or give a table of pairs"
            failures += [_failure(path, generated, "no_reference", detail) for path in ours[name]]
        elif name not in ours:
            detail = f"no generated video of that name in {generated}"
            failures += [_failure(path, reference, "not_generated", detail) for path in true[name]]
        elif len(ours[name]) > 1 or len(true[name]) > 1:
            several = ", ".join(
                text_of(path, folder)
                for folder, paths in ((generated, ours[name]), (reference, true[name]))
                for path in paths
            )
            detail = f"several videos have this name: {several}; keep one, or give a table of pairs"
            failures.append(Failure(video=name, reason="ambiguous", detail=detail))
        elif outside := _link_outside(generated, ours[name][0]) or _link_outside(reference, true[name][0]):
            failures.append(Failure(video=name, reason="outside_folder", detail=outside))
        else:
            path = true[name][0]
            pairs.append(Pair(name=_name(path, reference), generated=ours[name][0], reference=path))
    return pairs, failures


def pairs_by_table(generated: Path, reference: Path, table: Path) -> tuple[list[Pair], list[Failure]]:
    """Pairs from a CSV with the columns ``generated`` and ``reference``: paths within the two folders.

    Raises:
        ValueError: a folder or the table can't be read, or it lacks a column or any row.
    """
    _videos(generated)
    _videos(reference)
    try:
        with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"generated", "reference"} - set(reader.fieldnames or ())
            if missing:
                raise ValueError(
                    f"{table}: no column {sorted(missing)[0]!r}; give the columns generated,reference"
                )
            rows = [(row["generated"] or "", row["reference"] or "") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table}: not a readable CSV ({error})") from error
    if not rows:
        raise ValueError(f"{table}: holds no pair")
    pairs: list[Pair] = []
    failures: list[Failure] = []
    for number, (video, true) in enumerate(rows, start=2):
        problem = _problem(generated, video) or _problem(reference, true)
        if problem is not None:
            shown = path_to_text(video) or f"line {number}"
            failures.append(Failure(video=shown, reason=problem[0], detail=problem[1]))
            continue
        ours, truth = _listed(generated, video), _listed(reference, true)
        name = _name(truth, reference)
        if name in {pair.name for pair in pairs}:
            detail = f"line {number}: another line is compared with {name} already; keep one of them"
            failures.append(_failure(ours, generated, "ambiguous", detail))
            continue
        pairs.append(Pair(name=name, generated=ours, reference=truth))
    return pairs, failures


def _videos(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; give a folder of videos")
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and not hidden:
            found[same_name(_name(path, folder))].append(path)
    if not found:
        raise ValueError(f"{folder}: holds no video; known suffixes: {' '.join(sorted(VIDEO_SUFFIXES))}")
    return found


def _problem(folder: Path, name: str) -> tuple[str, str] | None:
    shown = repr(path_to_text(name if len(name) <= MOST_SHOWN else f"{name[:MOST_SHOWN]}..."))
    try:
        path = _listed(folder, name)
        if not name or not path.resolve().is_relative_to(folder.resolve()):
            return "outside_folder", f"{shown} is not a path within {folder}"
        if not path.is_file():
            return "no_such_file", f"{folder}/{path_to_text(name)} does not exist"
    except (OSError, ValueError) as error:  # a NUL in the name; longer than names can be
        why = getattr(error, "strerror", None) or str(error)
        return "no_such_file", f"{shown} in {folder} can't be the name of a file ({why})"
    return None


def _link_outside(folder: Path, path: Path) -> str:
    """What is wrong with a link that leads out of its folder; empty for anything else."""
    target = path.resolve()
    if target.is_relative_to(folder.resolve()):
        return ""
    return (
        f"{text_of(path, folder)} is a link to {path_to_text(str(target))}, out of {folder}; copy the video, or link the "
        "folder itself"
    )


def _listed(folder: Path, name: str) -> Path:
    """The file that a list names; one of another normal form of Unicode where there is none of just this."""
    path = folder / name
    if path.exists() or name.isascii():
        return path
    here = folder
    for part in Path(name).parts:
        beside = sorted(here.iterdir()) if here.is_dir() and not (here / part).exists() else []
        here = next((other for other in beside if same_name(other.name) == same_name(part)), here / part)
    return here


def text_of(path: Path, folder: Path) -> str:
    """A video's path in its folder as text: of one line, whatever bytes are in the name."""
    return path_to_text(path.relative_to(folder).as_posix())


def _name(path: Path, folder: Path) -> str:
    return path_to_text(path.relative_to(folder).with_suffix("").as_posix())


def _failure(path: Path, folder: Path, reason: str, detail: str) -> Failure:
    return Failure(video=text_of(path, folder), reason=reason, detail=detail)
