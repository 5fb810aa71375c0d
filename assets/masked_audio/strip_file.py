"""Frames around a mask as one labelled PNG, whose text chunk describes its rows and columns.

The image is for people; the report cuts the frames out of it and prints its own labels.

Legend: R rows, S frames of a row.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

LABEL_PX = 132
BAR_PX = 12
MASKED_COLOUR = (196, 87, 44)
TEXT_KEY = "frame_strip"
TRUE, ALL_AUDIO, MASKED = "true", "all sound", "masked"


@dataclass(frozen=True, kw_only=True)
class StripRow:
    """One row: a method's name, empty for the true frames, and the audio it was given."""

    method: str
    audio: str

    @property
    def label(self) -> str:
        return f"{self.method}, {self.audio}" if self.method else self.audio


@dataclass(frozen=True, kw_only=True)
class FrameStrip:
    """Frames of one clip around one mask.

    Args:
        clip_id: of the clip.
        rows: what each row shows; R.
        hidden: whether the audio of each frame is masked; S.
        frames: uint8 (R, S, H, W, 3).
    """

    clip_id: str
    rows: tuple[StripRow, ...]
    hidden: tuple[bool, ...]
    frames: NDArray[np.uint8]


def strip_png(strip: FrameStrip) -> bytes:
    """The frames in rows, each with its label; a bar above marks the frames whose audio is masked."""
    num_rows, num_frames, height, width, _ = strip.frames.shape
    image = Image.new("RGB", (LABEL_PX + width * num_frames, BAR_PX + height * num_rows), "white")
    draw = ImageDraw.Draw(image)
    for number, hidden in enumerate(strip.hidden):
        if hidden:
            x = LABEL_PX + width * number
            draw.rectangle((x, 2, x + width - 1, BAR_PX - 3), fill=MASKED_COLOUR)
    draw.text((4, 0), "sound masked", fill=MASKED_COLOUR)
    for number, row in enumerate(strip.rows):
        y = BAR_PX + height * number
        draw.text((4, y + height // 2 - 6), row.label, fill="black")
        image.paste(Image.fromarray(np.concatenate(list(strip.frames[number]), axis=1)), (LABEL_PX, y))
    description = {
        "clip_id": strip.clip_id,
        "rows": [[row.method, row.audio] for row in strip.rows],
        "hidden": [bool(hidden) for hidden in strip.hidden],
    }
    text = PngInfo()
    text.add_itxt(TEXT_KEY, json.dumps(description))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=text)
    return buffer.getvalue()


def read_strip(path: Path) -> FrameStrip:
    """Reads what `strip_png` wrote.

    Raises:
        ValueError: the file has no such text.
    """
    with Image.open(path) as image:
        image.load()
        text = getattr(image, "text", {}).get(TEXT_KEY)
        pixels = np.asarray(image.convert("RGB"))
    if text is None:
        raise ValueError(f"{path}: no text {TEXT_KEY!r} in it; run the stage masked_audio again")
    description = json.loads(text)
    rows = tuple(StripRow(method=method, audio=audio) for method, audio in description["rows"])
    shown = pixels[BAR_PX:, LABEL_PX:]
    height, width = shown.shape[0] // len(rows), shown.shape[1] // len(description["hidden"])
    frames = shown.reshape(len(rows), height, len(description["hidden"]), width, 3).swapaxes(1, 2)
    return FrameStrip(
        clip_id=description["clip_id"], rows=rows, hidden=tuple(description["hidden"]), frames=frames
    )
