"""The layouts by name, and the one way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from assets.raw_videos.layouts import folder, grid, hdtf, lrs2, lrw
from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import (
    DatasetFiles,
    LayoutError,
    LayoutProblem,
    SourceClip,
    is_video,
)
from assets.raw_videos.walk import FoundFile, walk

LAYOUTS: dict[str, ModuleType] = {"lrw": lrw, "lrs2": lrs2, "hdtf": hdtf, "grid": grid, "folder": folder}
PROBLEM_DETAILS = {
    "unreadable": "can't be read; check its permissions",
    "unreadable_folder": "the folder can't be entered; check its permissions",
    "dangling_link": "a link to a file that is not there",
    "link_loop": "a link that leads to itself",
    "not_a_file": "not a regular file",
    "folder_again": "a link to a folder that is listed already",
    "vanished": "vanished while the folder was listed",
    "changed_while_read": "changed while it was read, twice; try again when it is complete",
}


def reads(layout: str) -> Callable[[str], bool]:
    """Which files of a dataset the layout reads: what `scan` hashes."""
    function: Callable[[str], bool] = _module(layout).reads
    return function


def enumerate_sources(
    layout: str,
    root: Path | str,
    options: LayoutOptions | None = None,
    files: Mapping[str, str | None] | None = None,
) -> list[SourceClip | LayoutProblem]:
    """What a dataset's folder holds, by its layout.

    Args:
        layout: lrw, lrs2, hdtf, grid or folder.
        root: the dataset's folder.
        options: the layout's options; the defaults if None.
        files: relative path -> problem or None, as a scan found them; None to list the folder now.

    Returns:
        Sources and problems, in a stable order. Every video below the root is in at least one of them.

    Raises:
        LayoutError: unknown layout, no such folder, no video in it, or no video where the layout expects one.
    """
    module = _module(layout)
    root = Path(root)
    if files is None:
        files = {file.relative_path: file.problem for file in _walk(layout, root)}
    given = DatasetFiles(root=root, problems=files)
    videos = given.videos()
    if not videos:
        raise LayoutError(f"{root}: no video in it; layout {layout} expects {module.EXPECTED}")
    unreadable = {path: problem for path, problem in files.items() if problem is not None}
    found = [
        item
        for item in module.enumerate_clips(given, options or LayoutOptions())
        if not (isinstance(item, SourceClip) and item.relative_path in unreadable)
    ]
    if not any(module.fits(path) for path in videos) and not any(isinstance(i, SourceClip) for i in found):
        raise LayoutError(
            f"{root}: not laid out as {layout}: expected {module.EXPECTED}, found {videos[0]}"
            f"{_and_more(videos)}{_hint(layout, list(files))}"
        )
    found += [
        LayoutProblem(relative_path=path, reason=problem, detail=PROBLEM_DETAILS.get(problem, problem))
        for path, problem in unreadable.items()
    ]
    return sorted(found, key=_order)


def check_layout(layout: str, root: Path | str, options: LayoutOptions | None = None) -> int:
    """Number of clip sources; raises `LayoutError` if the folder does not fit. For `cals add`, before anything runs."""
    found = enumerate_sources(layout, root, options)
    num = sum(isinstance(item, SourceClip) for item in found)
    if num == 0:
        problem = next(item for item in found if isinstance(item, LayoutProblem))
        raise LayoutError(
            f"{root}: layout {layout} finds no clip; for example {problem.relative_path}: {problem.detail}"
        )
    return num


def looks_like(paths: list[str]) -> str | None:
    """The layout that most of the videos fit, None if there are none."""
    videos = [path for path in paths if is_video(path)]
    if not videos:
        return None
    if any(path.rsplit("/", 1)[-1] in hdtf.ANNOTATION_NAMES for path in paths):
        return "hdtf"
    counts = {
        name: sum(LAYOUTS[name].fits(path) for path in videos) for name in ("lrw", "lrs2", "grid", "hdtf")
    }
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > len(videos) / 2 else "folder"


def _module(layout: str) -> ModuleType:
    if layout not in LAYOUTS:
        raise LayoutError(f"layout {layout!r} is not known; one of {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]


def _walk(layout: str, root: Path) -> list[FoundFile]:
    try:
        return walk(root, reads(layout))
    except FileNotFoundError as error:
        raise LayoutError(
            f"{root}: no such folder; give the folder that holds {LAYOUTS[layout].EXPECTED}"
        ) from error
    except NotADirectoryError as error:
        raise LayoutError(
            f"{root}: not a folder; give the folder that holds {LAYOUTS[layout].EXPECTED}"
        ) from error
    except OSError as error:
        raise LayoutError(f"{root}: can't be read: {error.strerror}") from error


def _and_more(videos: list[str]) -> str:
    return f" and {len(videos) - 1} more" if len(videos) > 1 else ""


def _hint(layout: str, paths: list[str]) -> str:
    other = looks_like(paths)
    return f"; it looks like layout {other}" if other not in (None, layout) else ""


def _order(item: SourceClip | LayoutProblem) -> tuple[str, int, str]:
    number = item.segment_number if isinstance(item, SourceClip) else None
    return item.relative_path, -1 if number is None else number, type(item).__name__
