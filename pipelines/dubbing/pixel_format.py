"""The pixel format of a dub: bits and chroma of the source's frames, where the encoder has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CHROMA = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (0, 1): "444", (2, 0): "422"}
IN_WORDS = {"420": "4:2:0", "422": "4:2:2", "444": "4:4:4", "440": "4:4:0", "411": "4:1:1", "410": "4:1:0"}
BLOCK_PX = 16


def bits_of(frame: Any) -> int:
    """Bits a sample of a frame."""
    return max(int(component.bits) for component in frame.format.components)


def writable_format(frame: Any, allowed: Sequence[str], *, is_sideways: bool) -> tuple[str, list[str]]:
    """The format in which frames are drawn on and written, and what changes by it, in words.

    Args:
        frame: decoded.
        allowed: the encoder's formats, planar YUV of 8 and 10 bits.
        is_sideways: the frame is turned by a quarter, which 4:2:2 can't be.
    """
    bits, form = bits_of(frame), frame.format
    subsampling = _subsampling(form)
    given = CHROMA.get(subsampling, "420")
    chroma = "444" if is_sideways and given == "422" else given
    depth = "10le" if bits > 8 else ""
    if f"yuv{chroma}p{depth}" not in allowed:
        chroma = "420"
    changes = []
    if form.is_rgb:
        chroma = "420"
        changes.append("RGB became YUV 4:2:0 (BT.709)")
    elif len(form.components) > 2 and (chroma != given or subsampling not in ((1, 1), (1, 0), (0, 0))):
        changes.append(f"chroma {_in_words(form, given)} became {IN_WORDS[chroma]}")
    if bits not in (8, 10):
        changes.append(f"{bits} bits a sample became {10 if bits > 8 else 8}")
    if any(component.is_alpha for component in form.components):
        changes.append("transparency left out")
    if frame.width % 2 or frame.height % 2:
        changes.append(f"{frame.width}x{frame.height} cut to even sides")
    return f"yuv{chroma}p{depth}", changes


def _subsampling(form: Any) -> tuple[int, int]:
    """Base-2 logarithms of the chroma's subsampling, horizontal and vertical; of grey and RGB, that of 4:2:0."""
    if form.is_rgb or len(form.components) < 3:
        return (1, 1)
    width, height = form.chroma_width(BLOCK_PX), form.chroma_height(BLOCK_PX)
    return (BLOCK_PX // width).bit_length() - 1, (BLOCK_PX // height).bit_length() - 1


def _in_words(form: Any, given: str) -> str:
    named = next((words for digits, words in IN_WORDS.items() if digits in form.name), None)
    return named or IN_WORDS[given]
