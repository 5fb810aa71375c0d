"""Pictures for people: a contact sheet of rejected clips, and captioned strips below one another."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from assets.media.decoded_frame import DecodedFrame
from assets.media.limits import ProbeLimits
from assets.media.opening import Complaints, check_file, choose_stream, decode, demux, open_media
from assets.media.probe import probe
from assets.media.timeline import Span
from assets.media.video import read_ticks
from assets.workers.rejected import Rejected

INK = (238, 238, 238)
PAPER = (34, 34, 34)
CAPTION_PX = 14
TILE_PX = 200
SHEET = "contact_sheet"


@dataclass(frozen=True, kw_only=True)
class RejectedClip:
    """What a sheet shows of a refused clip: its id, why, and a small picture (PNG) where there is one."""

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
    """PNG with a frame, the id and the reason of each refused clip; a plain tile where there is no picture.

    Raises:
        ValueError: no clip is given.
    """
    if not clips:
        raise ValueError("no refused clips to show; give at least one")
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


def thumbnail(path: Path, at_s: float | None = None) -> bytes | None:
    """Small PNG of a video's frame; None for a file of which no frame can be read.

    Such files may crash a decoder: call this in a worker process.

    Args:
        path: the video.
        at_s: container time; None for the first frame, which also stands in where that time can't be read.
    """
    for read in (_frame_at, _first_frame):
        try:
            frame = Image.fromarray(read(path, at_s))
        except (Rejected, StopIteration):
            continue
        frame.thumbnail((TILE_PX - 4, TILE_PX - 4))
        return png_bytes(frame)
    return None


def _frame_at(path: Path, at_s: float | None) -> NDArray[np.uint8]:
    found = probe(path, stage=SHEET)
    start_s = found.video.start_s if at_s is None else at_s
    ticks = read_ticks(found, Span(start_s=start_s, num_frames=1), stage=SHEET)
    return next(ticks).frame.rgb()


def _first_frame(path: Path, _: float | None) -> NDArray[np.uint8]:
    """The first picture that can be decoded, of files that the pipeline refuses to read."""
    check_file(path, ProbeLimits().max_bytes, SHEET)
    with open_media(path, SHEET) as container:
        stream = choose_stream(container, "video", SHEET)
        packets = (decode(packet, Complaints()) for packet in demux(container, stream))
        return next(DecodedFrame(frame).rgb() for frames, _ in packets for frame in frames)


def write_caption(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, width: int) -> None:
    """One line in what the font can draw; what is too long loses its beginning, as the end tells clips apart."""
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
