"""``cals dub --faces``: an image of the faces of a video, one labelled row each, to choose by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.faces.backends.opening import open_backend
from assets.faces.frames import region_around, rgb_of
from assets.faces.landmarks import boxes_of
from assets.faces.settings import TrackSettings
from assets.project.atomic_files import replacing
from cals_models.timebase import FPS
from pipelines.dubbing.choose_faces import Face
from pipelines.dubbing.clock import clock
from pipelines.dubbing.dub import Progress, search_faces
from pipelines.dubbing.frame_plan import FrameLog
from pipelines.dubbing.output_folder import check_folder
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo, open_source, read_frames

THUMBNAILS, THUMBNAIL_PX, LABEL_PX = 6, 128, 150
# Side of a thumbnail in sides of the face's box.
THUMBNAIL_SIDES = 1.7
GREY, DARK = 232, 40


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """One face.

    Args:
        number: as ``--face`` takes it.
        text: place, size, time and share of the frames in words.
        label: lines of the label in the image.
        thumbnails: (S, S, 3) RGB, in time order.
    """

    number: int
    text: str
    label: tuple[str, ...]
    thumbnails: tuple[NDArray[np.uint8], ...]


def write_sheet(
    video: Path, sheet: Path, tracks: TrackSettings, progress: Progress, say: Callable[[str], None]
) -> None:
    """Finds the faces of a video, writes an image of them, and says where each is.

    Args:
        video: a video or a photograph.
        sheet: the image; ends in ``.png``.
        tracks: how a dub will find faces.
        progress: gives a bar for a title and a number of frames.
        say: prints a line.

    Raises:
        ValueError: no face, an unreadable video, or a bad name for the image; nothing is written then.
    """
    if sheet.suffix.lower() != ".png":
        raise ValueError(f"{sheet}: the sheet of faces is a PNG; give a name that ends in .png")
    if sheet.exists() and video.exists() and sheet.samefile(video):
        raise ValueError(f"{sheet}: is the video; give another name, inputs are never written to")
    check_folder(sheet)
    source, log = open_source(video, DubSettings().limits), FrameLog()
    faces = search_faces(source, log, float("inf"), open_backend(tracks), tracks, progress)
    rows = sheet_rows(source, log, faces)
    with replacing(sheet) as temporary:
        Image.fromarray(draw_sheet(rows)).save(temporary, format="PNG")
    for row in rows:
        say(f"face {row.number}: {row.text}")
    say(f"{sheet}: {len(rows)} {'face' if len(rows) == 1 else 'faces'}; choose with --face N")


def sheet_rows(source: SourceVideo, log: FrameLog, faces: Sequence[Face]) -> list[SheetRow]:
    """The rows of a sheet; reads the source once more for the thumbnails."""
    points = [
        {tick: found for track in face.tracks for tick, found in track.points.items()} for face in faces
    ]
    chosen = [_spread(list(found)) for found in points]
    wanted: dict[int, list[tuple[int, int]]] = {}
    for number, ticks in enumerate(chosen):
        for tick in ticks:
            wanted.setdefault(log.tick_frames[tick], []).append((number, tick))
    thumbnails: list[list[NDArray[np.uint8]]] = [[] for _ in faces]
    for frame in read_frames(source):
        for number, tick in wanted.get(frame.index, []):
            box = boxes_of(points[number][tick])
            region = region_around(box, THUMBNAIL_SIDES, source.width, source.height)
            thumbnails[number].append(_square(rgb_of(frame.decoded, region)))
        if frame.index >= max(wanted):
            break
    return [
        _row(number, face, len(points[number - 1]) / len(log.tick_frames), thumbnails[number - 1])
        for number, face in enumerate(faces, start=1)
    ]


def draw_sheet(rows: Sequence[SheetRow]) -> NDArray[np.uint8]:
    """RGB (rows S, label + thumbnails S, 3): one row a face."""
    sheet = np.full((len(rows) * THUMBNAIL_PX, LABEL_PX + THUMBNAILS * THUMBNAIL_PX, 3), GREY, np.uint8)
    for place, row in enumerate(rows):
        top = place * THUMBNAIL_PX
        _write(sheet, str(row.number), (12, top + 44), scale=1.4, thickness=3)
        for line, text in enumerate(row.label):
            _write(sheet, text, (12, top + 76 + 22 * line), scale=0.45, thickness=1)
        for at, thumbnail in enumerate(row.thumbnails):
            left = LABEL_PX + at * THUMBNAIL_PX
            sheet[top : top + THUMBNAIL_PX, left : left + THUMBNAIL_PX] = thumbnail
    return sheet


def _row(number: int, face: Face, share: float, thumbnails: Sequence[NDArray[np.uint8]]) -> SheetRow:
    first_s, last_s = face.tracks[0].first / FPS, (face.tracks[-1].last + 1) / FPS
    return SheetRow(
        number=number,
        text=f"{face.text()}, found in {share:.0%} of the frames",
        label=(f"{clock(first_s)} - {clock(last_s)}", f"{share:.0%} of frames"),
        thumbnails=tuple(thumbnails),
    )


def _spread(ticks: Sequence[int]) -> list[int]:
    """At most so many ticks as there are thumbnails, from all over the face's time."""
    places = np.linspace(0, len(ticks) - 1, min(THUMBNAILS, len(ticks)))
    return [ticks[round(place)] for place in places]


def _square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image in the middle of a grey square."""
    height, width = image.shape[:2]
    scale = THUMBNAIL_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = np.full((THUMBNAIL_PX, THUMBNAIL_PX, 3), GREY, np.uint8)
    left, top = (THUMBNAIL_PX - size[0]) // 2, (THUMBNAIL_PX - size[1]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _write(sheet: NDArray[np.uint8], text: str, at: tuple[int, int], *, scale: float, thickness: int) -> None:
    cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (DARK, DARK, DARK), thickness, cv2.LINE_AA)
