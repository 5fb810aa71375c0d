"""The layouts by name: which files one reads, and the clip sources that it finds in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from assets.project.layouts import LAYOUTS
from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import (
    DatasetFiles,
    LayoutError,
    LayoutProblem,
    SourceClip,
    is_video,
)
from assets.raw_videos.walk import FoundFile, walk
from cals_models.references import load

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


class Layout(Protocol):
    """What a layout's module defines."""

    EXPECTED: str
    """The paths that it expects, for error messages."""

    def reads(self, path: str) -> bool:
        """Whether it reads the file of this relative path: only such files are hashed."""
        ...

    def fits(self, path: str) -> bool:
        """Whether the file of this relative path is a video where it expects one, or a list that only it has."""
        ...

    def enumerate_clips(
        self, files: DatasetFiles, options: LayoutOptions
    ) -> list[SourceClip | LayoutProblem]:
        """Sources and problems; every video is in at least one of them."""
        ...


def layout_named(name: str) -> Layout:
    """The module of a layout.

    Raises:
        LayoutError: unknown name.
    """
    if name not in LAYOUTS:
        raise LayoutError(f"layout {name!r} is not known; one of {', '.join(LAYOUTS)}")
    return cast(Layout, load(LAYOUTS[name]))


def reads(layout: str) -> Callable[[str], bool]:
    """Which files of a dataset the layout reads: what `scan` hashes."""
    return layout_named(layout).reads


def enumerate_sources(
    layout: str,
    root: Path | str,
    options: LayoutOptions | None = None,
    files: Mapping[str, str | None] | None = None,
) -> list[SourceClip | LayoutProblem]:
    """Lists the clip sources in a dataset's folder.

    Args:
        layout: a name of `LAYOUTS`.
        root: the dataset's folder.
        options: the layout's options; the defaults if None.
        files: relative path -> problem or None, as a scan found them; None to list the folder now.

    Returns:
        Sources and problems, in a stable order. Every video below the root is in at least one of them.

    Raises:
        LayoutError: unknown layout, no such folder, no video in it, or no video where the layout expects one.
    """
    module = layout_named(layout)
    root = Path(root)
    if files is None:
        files = {file.relative_path: file.problem for file in _walk(module, root)}
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
    """Number of clip sources in a folder, before anything runs.

    Raises:
        LayoutError: the folder does not fit the layout, or gives no clip.
    """
    found = enumerate_sources(layout, root, options)
    num = sum(isinstance(item, SourceClip) for item in found)
    if num == 0:
        problem = next(item for item in found if isinstance(item, LayoutProblem))
        raise LayoutError(
            f"{root}: layout {layout} finds no clip; for example {problem.relative_path}: {problem.detail}"
        )
    return num


def likely_layout(paths: Sequence[str]) -> str | None:
    """The first layout of `LAYOUTS` that most of the videos fit, or that a list among the files belongs to.

    Returns:
        Its name; None if there are no videos.
    """
    videos = [path for path in paths if is_video(path)]
    lists = [path for path in paths if not is_video(path)]
    if not videos:
        return None
    for name in LAYOUTS:
        fits = layout_named(name).fits
        if sum(fits(path) for path in videos) > len(videos) / 2 or any(fits(path) for path in lists):
            return name
    return None


def _walk(layout: Layout, root: Path) -> list[FoundFile]:
    try:
        return walk(root, layout.reads)
    except FileNotFoundError as error:
        raise LayoutError(f"{root}: no such folder; give the folder that holds {layout.EXPECTED}") from error
    except NotADirectoryError as error:
        raise LayoutError(f"{root}: not a folder; give the folder that holds {layout.EXPECTED}") from error
    except OSError as error:
        raise LayoutError(f"{root}: can't be read: {error.strerror}") from error


def _and_more(videos: list[str]) -> str:
    return f" and {len(videos) - 1} more" if len(videos) > 1 else ""


def _hint(layout: str, paths: list[str]) -> str:
    likely = likely_layout(paths)
    return f"; it looks like layout {likely}" if likely not in (None, layout) else ""


def _order(item: SourceClip | LayoutProblem) -> tuple[str, int, str]:
    number = item.segment_number if isinstance(item, SourceClip) else None
    return item.relative_path, -1 if number is None else number, type(item).__name__
