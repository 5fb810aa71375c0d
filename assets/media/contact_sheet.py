"""Images for people: a contact sheet of rejected clips, and captioned strips below one another."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from assets.media.decoded_frame import DecodedFrame
from assets.media.display import display_of, shown_frames
from assets.media.limits import ProbeLimits
from assets.media.opening import Complaints, check_file, choose_stream, decode, demux, open_media
from assets.media.probe import probe
from assets.media.stills import read_stills
from assets.workers.rejected import Rejected

INK = (238, 238, 238)
PAPER = (34, 34, 34)
CAPTION_PX = 14
TILE_PX = 200
SHEET = "contact_sheet"


@dataclass(frozen=True, kw_only=True)
class RejectedClip:
    """What a sheet shows of a rejected clip: its id, its reason, and a small frame (PNG) where one can be read."""

    clip_id: str
    reason: str
    thumbnail: bytes | None


def stacked(strips: Sequence[tuple[str, bytes]]) -> bytes:
    """PNG of several strips below one another, each with its caption.

    Raises:
        ValueError: no strip is given.
    """
    if not strips:
        raise ValueError("no strips to stack; give at least one")
    images = [(caption, Image.open(io.BytesIO(strip)).convert("RGB")) for caption, strip in strips]
    width = max(image.width for _, image in images)
    sheet = Image.new("RGB", (width, sum(image.height + CAPTION_PX + 4 for _, image in images)), PAPER)
    draw, top = ImageDraw.Draw(sheet), 0
    for caption, image in images:
        write_caption(draw, (3, top + 1), caption, width - 6)
        sheet.paste(image, (0, top + CAPTION_PX + 4))
        top += image.height + CAPTION_PX + 4
    return png_bytes(sheet)


def contact_sheet(clips: Sequence[RejectedClip], *, num_columns: int = 5, max_clips: int = 40) -> bytes:
    """PNG with a frame, the id and the reason of each rejected clip; a plain tile where there is no frame.

    Raises:
        ValueError: no clip is given.
    """
    if not clips:
        raise ValueError("no rejected clips to show; give at least one")
    shown = clips[:max_clips]
    num_columns = min(num_columns, len(shown))
    height = TILE_PX + 2 * (CAPTION_PX + 2)
    num_rows = -(-len(shown) // num_columns)
    sheet = Image.new("RGB", (num_columns * TILE_PX, num_rows * height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, clip in enumerate(shown):
        left, top = number % num_columns * TILE_PX, number // num_columns * height
        if clip.thumbnail is None:
            write_caption(draw, (left + 8, top + TILE_PX // 2), "no frame can be read", TILE_PX - 16)
        else:
            frame = Image.open(io.BytesIO(clip.thumbnail))
            sheet.paste(frame, (left + (TILE_PX - frame.width) // 2, top + (TILE_PX - frame.height) // 2))
        write_caption(draw, (left + 3, top + TILE_PX), clip.reason, TILE_PX - 6)
        write_caption(draw, (left + 3, top + TILE_PX + CAPTION_PX + 1), clip.clip_id, TILE_PX - 6)
    return png_bytes(sheet)


def thumbnails(path: Path, times_s: Sequence[float | None]) -> list[bytes | None]:
    """Small PNGs of a video's frames; None for a file of which no frame can be read.

    Such files may crash a decoder: call this in a worker process.

    Args:
        path: the video.
        times_s: container times; None for the first frame, which also replaces frames that can't be read.
    """
    tiles: list[bytes | None] = [None] * len(times_s)
    try:
        found = probe(path, stage=SHEET)
    except Rejected:
        pass
    else:
        known_s = [found.video.start_s if time_s is None else time_s for time_s in times_s]
        order = sorted(range(len(known_s)), key=known_s.__getitem__)
        stills = read_stills(found, [known_s[at] for at in order], stage=SHEET)
        for at, still in zip(order, stills, strict=True):
            tiles[at] = None if still is None else _tile(still)
    if None in tiles:
        first = _first_frame(path)
        tiles = [first if tile is None else tile for tile in tiles]
    return tiles


def _first_frame(path: Path) -> bytes | None:
    """The first frame that can be decoded, also of files that the pipeline rejects."""
    try:
        check_file(path, ProbeLimits().max_bytes, SHEET)
        with open_media(path, SHEET) as container:
            stream = choose_stream(container, "video", SHEET)
            packets = (decode(packet, Complaints()) for packet in demux(container, stream))
            frame = next((frame for frames, _ in packets for frame in frames), None)
            if frame is None:
                return None
            display = display_of(path, stream, frame, SHEET)
            shown = next(frame for frame, _ in shown_frames([(frame, None)], display))
            return _tile(DecodedFrame(shown, display.orientation).rgb())
    except Rejected:
        return None


def _tile(rgb: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(rgb)
    image.thumbnail((TILE_PX - 4, TILE_PX - 4))
    return png_bytes(image)


def write_caption(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, width: int) -> None:
    """Draws one line with the characters that the font has; long text loses its start, as ids differ at their end."""
    font = ImageFont.load_default(CAPTION_PX - 2)
    text = "".join(letter if letter.isprintable() and ord(letter) < 0x250 else "?" for letter in text)
    if draw.textlength(text, font=font) > width:
        while text and draw.textlength("..." + text, font=font) > width:
            text = text[1:]
        text = "..." + text
    draw.text(at, text, fill=INK, font=font)


def png_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
