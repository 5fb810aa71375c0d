"""HDR and wide-gamut sources, whose colours a dub keeps: mouths are generated in BT.709 and pasted in the source's own colours.

FFmpeg's ``scale`` converts in both directions: BT.709 white is 203 nits, in HLG 75 % (BT.2408). So a mouth is no brighter than that.

Legend: S side of a crop.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import pairwise
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from assets.media.display import STEP
from pipelines.dubbing.frame_planes import RED_BLUE

# FFmpeg's numbers of transfer characteristics and primaries -> its names; sources of others are mapped to BT.709.
TRANSFERS = {1: "bt709", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67"}
PRIMARIES = {9: "bt2020", 11: "smpte431", 12: "smpte432"}
# Side data of frames that no encoder here writes.
LOST = {
    "DYNAMIC_HDR_PLUS": "HDR10+ data", "DOVI_RPU_BUFFER": "Dolby Vision data", "DOVI_METADATA": "Dolby Vision data",
    "DYNAMIC_HDR_VIVID": "HDR Vivid data", "AMBIENT_VIEWING_ENVIRONMENT": "data on ambient light",
}  # fmt: skip
# Encoder -> its option for private settings, and in it the names of the mastering display and the content light.
LIGHT_OPTIONS = {
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libx264": ("x264-params", "mastering-display", "cll"),
}


def can_be_kept(frame: Any) -> bool:
    """Whether mouths can be converted into the colours of a frame."""
    return (
        frame.color_trc in TRANSFERS
        and frame.color_primaries in PRIMARIES
        and int(frame.colorspace) in RED_BLUE
    )


def in_colours_of(frame: Any, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A crop in the colours of a frame.

    Args:
        frame: of a kind that ``can_be_kept``.
        crop: (S, S, 3) RGB, BT.709.

    Returns:
        (S, S, 3) float32 code values of the frame's own RGB, 0 to 255 with fractions.
    """
    graph = _graph(crop.shape[0], TRANSFERS[frame.color_trc], PRIMARIES[frame.color_primaries])
    given = av.VideoFrame.from_ndarray(crop, format="rgb24")
    given.pts, given.time_base = 0, STEP
    given.color_primaries, given.color_trc, given.color_range = 1, 1, ColorRange.JPEG
    graph.push(given)
    converted: NDArray[np.float32] = graph.pull().to_ndarray().astype(np.float32)
    converted /= 257
    return converted


@lru_cache(maxsize=2)
def _graph(side: int, transfer: str, primaries: str) -> Graph:
    """Kept for all crops: FFmpeg takes seconds to prepare it."""
    graph = Graph()
    graph.threads = 1
    conversion = (
        "in_primaries=bt709:in_transfer=bt709:in_range=pc:intent=relative_colorimetric:flags=accurate_rnd+bitexact:"
        f"out_primaries={primaries}:out_transfer={transfer}:out_range=pc"
    )
    nodes = [
        graph.add_buffer(width=side, height=side, format=av.VideoFormat("rgb24"), time_base=STEP),
        graph.add("scale", conversion),
        graph.add("format", "pix_fmts=rgb48le"),
        graph.add("buffersink"),
    ]
    for first, second in pairwise(nodes):
        first.link_to(second)
    graph.configure()
    return graph


def with_light_data(options: dict[str, str], encoder: str, frame: Any) -> tuple[dict[str, str], list[str]]:
    """Options of an encoder with the mastering display and the content light of a frame, and what can't be written, in words."""
    data = {entry.type.name: bytes(entry) for entry in frame.side_data}
    lost = list(dict.fromkeys(words for name, words in LOST.items() if name in data))
    display, light = _mastering_display(data), _content_light(data)
    if encoder not in LIGHT_OPTIONS:
        told = [("mastering display", display), ("content light", light)]
        lost += [f"{what} data" for what, value in told if value]
        return options, [f"{what} left out" for what in lost]
    option, display_name, light_name = LIGHT_OPTIONS[encoder]
    private = [options.get(option)]
    private += [f"{name}={value}" for name, value in ((display_name, display), (light_name, light)) if value]
    kept = {**options, option: ":".join(filter(None, private))} if any(private) else options
    return kept, [f"{what} left out" for what in lost]


def _mastering_display(data: dict[str, bytes]) -> str | None:
    """In the units of HEVC: 0.00002 of x and y, 0.0001 nits."""
    raw = data.get("MASTERING_DISPLAY_METADATA")
    if raw is None or len(raw) < 88:
        return None
    *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", raw)
    if not (has_primaries and has_luminance) or 0 in numbers[1::2]:
        return None
    values = [top / bottom for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
    red, green, blue, white = (
        ",".join(str(round(value * 50_000)) for value in values[at : at + 2]) for at in (0, 2, 4, 6)
    )
    least, most = (round(value * 10_000) for value in values[8:10])
    return f"G({green})B({blue})R({red})WP({white})L({most},{least})"


def _content_light(data: dict[str, bytes]) -> str | None:
    raw = data.get("CONTENT_LIGHT_LEVEL")
    return None if raw is None or len(raw) < 8 else "{},{}".format(*struct.unpack_from("=2I", raw))
