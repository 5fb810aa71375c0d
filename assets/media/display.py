"""What is done to the stored frames of a video before anything looks at them: fields, colours and pixels.

Interlaced frames are de-interlaced (FFmpeg's ``bwdif``, one frame for each), HDR and wide-gamut colours are mapped to
BT.709 (``scale``: a reference white of 203 nits or 75 % HLG becomes white, brighter parts are clipped), and pixels that are
not square are resampled (the shorter side is enlarged). Turning and mirroring, which lose nothing, are left to
`DecodedFrame`. Frames that need none of it pass as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import av
from av.filter import Graph

from assets.media.fields import FieldOrder, field_order
from assets.media.orientation import AS_STORED, Orientation, orientation_of
from assets.workers.rejected import Rejected

Tag = TypeVar("Tag")

SQUARE = Fraction(1)
# Wider or narrower pixels than this are a mistake of the file: the widest in use is 2:1 (anamorphic 4:3 from 2:3).
MOST_ASPECT = 4
# Pixels whose shape differs by less count as square: such labels come from rounding (1279:1280) and no eye sees them.
NEARLY_SQUARE = 0.01
# FFmpeg's numbers of transfer characteristics, primaries and matrices (AVCOL_TRC_*, AVCOL_PRI_*, AVCOL_SPC_*): those that
# are mapped to BT.709, and those that its filters have no conversion for.
MAPPED_TRANSFERS = {8: "linear light", 16: "PQ", 17: "SMPTE 428", 18: "HLG"}
BT2020_PRIMARIES = 9
UNKNOWN_TRANSFERS = {9: "logarithmic", 10: "logarithmic"}
UNKNOWN_MATRICES = {
    8: "YCgCo", 10: "BT.2020 of constant luminance", 11: "SMPTE 2085", 13: "of constant luminance", 14: "ICtCp",
    15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro",
}  # fmt: skip
TO_BT709 = (
    "out_primaries=bt709:out_transfer=bt709:out_color_matrix=bt709:out_range=tv:intent=relative_colorimetric:"
    "flags=accurate_rnd+bitexact"
)
DE_INTERLACING = {
    "labelled": ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"),
    "top first": ("bwdif", "mode=send_frame:parity=tff:deint=all"),
    "bottom first": ("bwdif", "mode=send_frame:parity=bff:deint=all"),
}
RESAMPLING = "flags=bicubic+accurate_rnd+bitexact"
# Unit of the time stamps inside the filters, which only need to increase.
STEP = Fraction(1, 25)


class _Shape(NamedTuple):
    """What filters are prepared for: size, pixel format, and transfer, primaries, matrix and range of the colours."""

    width: int
    height: int
    format: str
    colours: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Display:
    """How the stored frames of a stream become what a viewer sees.

    Args:
        stored_width, stored_height: pixels of the frames in the file.
        pixel_aspect: width of a stored pixel in its heights.
        orientation: how the stored frame is turned and mirrored.
        fields: order of the two fields of different times that a frame holds; None for progressive frames.
        hdr: colours to map, as PQ, HLG, or BT.2020 for those of a wide gamut and normal range; None for none.
    """

    stored_width: int
    stored_height: int
    pixel_aspect: Fraction = SQUARE
    orientation: Orientation = AS_STORED
    fields: FieldOrder | None = None
    hdr: str | None = None

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height of the stored frame in square pixels."""
        return square_size(self.stored_width, self.stored_height, self.pixel_aspect)

    @property
    def size(self) -> tuple[int, int]:
        """Displayed width and height, square pixels."""
        return self.orientation.size(*self.square_size)

    @property
    def shown_aspect(self) -> Fraction:
        """Width of a pixel in its heights after the turn."""
        return 1 / self.pixel_aspect if self.orientation.is_sideways else self.pixel_aspect

    def changes_nothing(self, *, square_pixels: bool = True) -> bool:
        """Whether frames are displayed as they are stored, but for the turn."""
        return not (self.fields or self.hdr or (square_pixels and not self.is_square))

    @property
    def is_square(self) -> bool:
        return abs(float(self.pixel_aspect) - 1) < NEARLY_SQUARE

    def changes(self, *, square_pixels: bool = True) -> str | None:
        """What is done to the frames, in words; None if nothing."""
        done = []
        if self.fields:
            by_sight = "" if self.fields == "labelled" else f" ({self.fields})"
            done.append(f"de-interlaced{by_sight}")
        if self.hdr:
            done.append(
                f"{'tone-mapped' if self.hdr in ('PQ', 'HLG') else 'mapped'} from {self.hdr} to BT.709"
            )
        if square_pixels and not self.is_square:
            shape = f"{self.pixel_aspect.numerator}:{self.pixel_aspect.denominator}"
            sizes = "{}x{} to {}x{}".format(self.stored_width, self.stored_height, *self.square_size)
            done.append(f"pixels of {shape} resampled to square ones, {sizes}")
        if self.orientation.is_mirrored:
            done.append("mirrored")
        if self.orientation.rotation:
            done.append(f"turned by {self.orientation.rotation} degrees")
        return "; ".join(done) or None


def square_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Width and height in square pixels: one side as stored, the other enlarged."""
    if abs(float(pixel_aspect) - 1) < NEARLY_SQUARE:
        return width, height
    if pixel_aspect >= 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)


def display_of(path: Path | str, stream: Any, frame: Any, stage: str) -> Display:
    """What the frames of a stream need.

    Args:
        path: of the file.
        stream: as opened, its aspect ratio being the container's or else the codec's.
        frame: its first decoded frame.
        stage: named in a rejection.

    Raises:
        Rejected: pixel_aspect, colours.
    """
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if not Fraction(1, MOST_ASPECT) <= aspect <= MOST_ASPECT:
        detail = (
            f"pixels of {aspect.numerator}:{aspect.denominator}; at most {MOST_ASPECT}:1 or 1:{MOST_ASPECT}"
        )
        raise Rejected(stage, "pixel_aspect", detail)
    unknown = UNKNOWN_MATRICES.get(frame.colorspace) or UNKNOWN_TRANSFERS.get(frame.color_trc)
    if unknown is not None:
        detail = f"colours are {unknown}, which FFmpeg can't convert; give BT.709, PQ or HLG"
        raise Rejected(stage, "colours", detail)
    hdr = MAPPED_TRANSFERS.get(frame.color_trc)
    if hdr is None and frame.color_primaries == BT2020_PRIMARIES:
        hdr = "BT.2020"
    return Display(
        stored_width=frame.width,
        stored_height=frame.height,
        pixel_aspect=aspect,
        orientation=orientation_of(frame),
        fields=field_order(path, stream, frame, stage),
        hdr=hdr,
    )


def shown_frames(
    frames: Iterable[tuple[Any, Tag]], display: Display, *, square_pixels: bool = True
) -> Iterator[tuple[Any, Tag]]:
    """The frames as they are displayed but for the turn, in the same order and number, each with its tag.

    Args:
        frames: decoded frames, in time order, each with whatever belongs to it.
        display: of the stream.
        square_pixels: False leaves the pixels as stored.
    """
    if display.changes_nothing(square_pixels=square_pixels):
        yield from frames
        return
    chain: _Chain[Tag] | None = None
    for frame, tag in frames:
        if chain is None or not chain.fits(frame):
            if chain is not None:
                yield from chain.rest()
            chain = _Chain(display, frame, square_pixels=square_pixels)
        yield from chain.passed(frame, tag)
    if chain is not None:
        yield from chain.rest()


class _Chain(Generic[Tag]):
    """FFmpeg's filters for frames of one size, pixel format and colours."""

    def __init__(self, display: Display, frame: Any, *, square_pixels: bool) -> None:
        self._shape = _shape(frame)
        self._given: deque[tuple[int | None, Fraction, Tag]] = deque()
        self._num = 0
        self._fields = _graph(self._shape, (DE_INTERLACING[display.fields],)) if display.fields else None
        filters = _scaling(display, frame, square_pixels)
        self._scaling = _kept_graph(self._shape, filters) if filters else None

    def fits(self, frame: Any) -> bool:
        return _shape(frame) == self._shape

    def passed(self, frame: Any, tag: Tag) -> Iterator[tuple[Any, Tag]]:
        """The frames that are ready after another one goes in."""
        self._given.append((frame.pts, frame.time_base, tag))
        frame.pts, frame.time_base = self._num, STEP
        self._num += 1
        yield from self._scaled(_through(self._fields, frame))

    def rest(self) -> Iterator[tuple[Any, Tag]]:
        """The frames still held back, once all are in."""
        if self._fields is not None:
            yield from self._scaled(_through(self._fields, None))
        assert not self._given, "FFmpeg's filters keep the number of frames"

    def _scaled(self, frames: Iterable[Any]) -> Iterator[tuple[Any, Tag]]:
        for between in frames:
            for frame in _through(self._scaling, between):
                frame.pts, frame.time_base, tag = self._given.popleft()
                yield frame, tag


def _through(graph: Graph | None, frame: Any) -> Iterator[Any]:
    """What a graph gives for a frame; for None what it holds back at the end."""
    if graph is None:
        yield frame
        return
    graph.push(frame)
    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


@lru_cache(maxsize=4)
def _kept_graph(shape: _Shape, filters: tuple[tuple[str, str], ...]) -> Graph:
    """A graph without memory of earlier frames, kept for further clips: FFmpeg takes seconds to prepare a mapping of HDR."""
    return _graph(shape, filters)


def _graph(shape: _Shape, filters: tuple[tuple[str, str], ...]) -> Graph:
    graph = Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(
            width=shape.width, height=shape.height, format=av.VideoFormat(shape.format), time_base=STEP
        )
    ]
    nodes += [graph.add(name, arguments) for name, arguments in filters]
    nodes.append(graph.add("buffersink"))
    for first, second in pairwise(nodes):
        first.link_to(second)
    graph.configure()
    return graph


def _shape(frame: Any) -> _Shape:
    colours = (frame.color_trc, frame.color_primaries, int(frame.colorspace), int(frame.color_range))
    return _Shape(frame.width, frame.height, frame.format.name, colours)


def _scaling(display: Display, frame: Any, square_pixels: bool) -> tuple[tuple[str, str], ...]:
    """Names and arguments of the filters of colours and size."""
    filters = []
    if display.hdr:
        filters.append(("scale", TO_BT709))
    if square_pixels and not display.is_square:
        width, height = square_size(frame.width, frame.height, display.pixel_aspect)
        filters.append(("scale", f"{width}:{height}:{RESAMPLING}"))
    return tuple(filters)
