"""The video that is dubbed, with or without audio of its own, an animated image, or one photograph.

Every frame of the file comes with its time; a photograph is one frame. Times are seconds after the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from assets.media.decoded_frame import DecodedFrame
from assets.media.display import Display, display_of, shown_frames
from assets.media.frame_places import FramePlaces
from assets.media.limits import ProbeLimits
from assets.media.opening import Complaints, check_file, choose_stream, decode, demux, open_media
from assets.media.packets import PacketLog
from assets.media.probe import COUNTED_FORMATS, has_other_rate
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS
from pipelines.dubbing.hdr_colours import can_be_kept
from pipelines.dubbing.photograph import Animation, Photograph, check_sides, read_image

STAGE = "dub"
PHOTOGRAPH_RATE = Fraction(FPS)
WANTED = "a video, or a photograph as JPEG, PNG, HEIC, AVIF, WebP, JPEG 2000, GIF, TIFF or BMP"
ONE_FRAME = "the video's one frame is taken as a photograph"
MAX_DAMAGED_SHARE = 0.005
# A measured rate that differs by less is the declared one.
SAME_RATE = 0.002
# The white of BT.709 in colours that are kept.
WHITE = {"PQ": "203 nits", "HLG": "75 %", "BT.2020": "white"}
RESAMPLING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


@dataclass(frozen=True, kw_only=True)
class SourceVideo:
    """A video or a photograph to dub.

    Args:
        path: the file.
        display: what is done to the stored frames for display.
        frame_rate: frames a second, on average.
        num_frames: packets of the container; decoding may yield one or two frames fewer.
        start_s: time stamp of the first frame.
        counted: times come from counting frames, not from time stamps.
        placed: times come from the places of the frames (`assets.media.frame_places`).
        photograph: the decoded image, where the file is a photograph; None for a video.
        animation: where the file is an animated image; None for others.
        image_changes: what is done to the frames of a photograph or an animation, in words.
        keeps_colours: HDR or wide-gamut colours stay as they are stored.
    """

    path: Path
    display: Display
    frame_rate: Fraction
    num_frames: int
    start_s: float
    counted: bool
    placed: bool = False
    photograph: Any = None
    animation: Animation | None = None
    image_changes: tuple[str, ...] = ()
    keeps_colours: bool = False

    @property
    def changes(self) -> str | None:
        """What is done to the given frames besides the dub, in words; None if nothing."""
        done = [*self.image_changes, self.stored.changes(square_pixels=False)]
        if self.keeps_colours:
            done.append(
                f"{self.display.hdr} kept, mouths within BT.709, up to {WHITE[self.display.hdr or '']}"
            )
        return "; ".join(filter(None, done)) or None

    @property
    def stored(self) -> Display:
        """What is done to the frames that the dub is drawn on."""
        return replace(self.display, hdr=None) if self.keeps_colours else self.display

    @property
    def length_s(self) -> float:
        """How long the video is, by its frames and their rate."""
        if self.animation is not None:
            return self.animation.end_s
        return float(self.num_frames / self.frame_rate)

    @property
    def last_step_s(self) -> float:
        """How long the last frame is displayed."""
        if self.animation is not None:
            return self.animation.end_s - self.animation.starts_s[-1]
        return float(1 / self.frame_rate)

    @property
    def width(self) -> int:
        """As displayed, in square pixels; so is the height."""
        return self.display.size[0]

    @property
    def height(self) -> int:
        return self.display.size[1]

    @property
    def grid_size(self) -> tuple[int, int]:
        """Width and height in the file's own pixels, turned as they are displayed: those of the dub."""
        return self.display.orientation.size(self.display.stored_width, self.display.stored_height)

    @property
    def grid_to_square(self) -> NDArray[np.float64]:
        """(2, 3) from the file's own pixels to square ones."""
        scale_x, scale_y = self.width / self.grid_size[0], self.height / self.grid_size[1]
        return np.array([[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2]])


@dataclass(frozen=True, kw_only=True)
class SourceFrame:
    """One frame of the file: its number, its time, and the ``av.VideoFrame``: progressive, the pixels as stored.

    It is SDR, unless ``hdr`` says what its colours are.
    """

    index: int
    time_s: float
    image: Any
    display: Display
    hdr: str | None = None

    @cached_property
    def decoded(self) -> DecodedFrame:
        """In square pixels, SDR."""
        image, wanted = self.image, self.display.square_size
        if self.hdr is not None:
            mapping = Display(stored_width=image.width, stored_height=image.height, hdr=self.hdr)
            ((image, _),) = shown_frames([(image, 0)], mapping, square_pixels=False)
        if (image.width, image.height) != wanted:
            image = image.reformat(width=wanted[0], height=wanted[1], interpolation=RESAMPLING, threads=1)
        return DecodedFrame(image, self.display.orientation)


@contextmanager
def errors_with_path(path: Path, wanted: str | None = None) -> Iterator[None]:
    """Turns a rejection into one line that names the file, and what is wanted in place of an unknown format."""
    try:
        yield
    except Rejected as rejected:
        advice = f"; give {wanted}" if wanted and rejected.reason == "not_a_video" else ""
        raise ValueError(f"{path}: {rejected.detail}{advice}") from rejected


def open_source(path: Path, limits: ProbeLimits) -> SourceVideo:
    """Reads what is known of a video or a photograph before its frames are decoded.

    Raises:
        ValueError: unreadable, neither a video nor a photograph, without a video stream, or outside the limits.
    """
    with errors_with_path(path, WANTED):
        check_file(path, limits.max_bytes, STAGE)
        image = read_image(path, limits)
        source = _video(path, limits) if image is None else _still_or_animation(path, image)
    check_sides(path, (source.width, source.height), limits)
    return source


def _still_or_animation(path: Path, image: Photograph | Animation) -> SourceVideo:
    if isinstance(image, Photograph):
        return SourceVideo(
            path=path,
            display=Display(stored_width=image.frame.width, stored_height=image.frame.height),
            frame_rate=PHOTOGRAPH_RATE,
            num_frames=1,
            start_s=0.0,
            counted=True,
            photograph=image.frame,
            image_changes=image.changes,
        )
    num_frames = len(image.starts_s)
    return SourceVideo(
        path=path,
        display=Display(stored_width=image.size[0], stored_height=image.size[1]),
        frame_rate=Fraction(num_frames / image.end_s).limit_denominator(1001),
        num_frames=num_frames,
        start_s=0.0,
        counted=False,
        animation=image,
        image_changes=image.changes,
    )


def _video(path: Path, limits: ProbeLimits) -> SourceVideo:
    with open_media(path, STAGE) as container:
        if len(container.streams) > limits.max_streams:
            raise ValueError(
                f"{path}: {len(container.streams)} streams; at most {limits.max_streams} are read"
            )
        if not container.streams.video:
            raise ValueError(f"{path}: has no video stream; give a video or a photograph of a face")
        stream = choose_stream(container, "video", STAGE)
        announced_s = (container.duration or 0) / av.time_base
        _check_length(path, announced_s, limits)
        log = PacketLog(stream, 0.0)
        for packet in demux(container, stream):
            log.add(packet)
        frame = log.first_frame
        if frame is None:
            raise ValueError(
                f"{path}: no frame could be decoded: {log.complaints.first or 'the stream is empty'}"
            )
        display = display_of(path, stream, frame, STAGE)
        rate, counted = _frame_rate(container, stream, log)
    if log.num == 1:
        return _one_frame(path, display, frame)
    _check_length(path, log.end_s() - log.first_s, limits)
    if not 0 < rate <= limits.max_frame_rate:
        raise ValueError(
            f"{path}: {float(rate):.1f} frames a second; at most {limits.max_frame_rate:g} are read"
        )
    return SourceVideo(
        path=path,
        display=display,
        frame_rate=rate,
        num_frames=log.num,
        start_s=log.first_s,
        counted=counted,
        placed=log.placed,
        keeps_colours=display.hdr is not None and can_be_kept(frame),
    )


def _one_frame(path: Path, display: Display, frame: Any) -> SourceVideo:
    """A video of one frame, as the photograph that it is."""
    ((shown, _),) = shown_frames([(frame, 0)], display, square_pixels=False)
    return SourceVideo(
        path=path,
        display=display,
        frame_rate=PHOTOGRAPH_RATE,
        num_frames=1,
        start_s=0.0,
        counted=True,
        photograph=shown,
        image_changes=(ONE_FRAME,),
    )


def _frame_rate(container: Any, stream: Any, log: PacketLog) -> tuple[Fraction, bool]:
    """Frames a second, and whether times come from counting frames instead of time stamps.

    They are counted in formats without usable time stamps, unless the packets are steady at another rate than declared.
    """
    declared = Fraction(stream.guessed_rate or stream.average_rate or 0)
    measured = log.frame_rate()
    by_format = container.format.name in COUNTED_FORMATS
    counted = by_format and declared > 0 and not has_other_rate(log, float(declared))
    if counted or (declared > 0 and abs(measured / float(declared) - 1) < SAME_RATE):
        return declared, counted
    return Fraction(measured or float(declared) or FPS).limit_denominator(1001), counted


def _check_length(path: Path, duration_s: float, limits: ProbeLimits) -> None:
    if duration_s > limits.max_duration_s:
        raise ValueError(f"{path}: {duration_s:.0f} s; at most {limits.max_duration_s:.0f} s are read")


def read_frames(source: SourceVideo) -> Iterator[SourceFrame]:
    """Frames in time order; memory does not grow with their number.

    Args:
        source: of ``open_source``.

    Raises:
        ValueError: damaged, or the size of the frames changes.
    """
    display = source.display
    if source.photograph is not None:
        yield SourceFrame(index=0, time_s=0.0, image=source.photograph, display=display)
        return
    if source.animation is not None:
        timed = zip(source.animation.frames(), source.animation.starts_s, strict=True)
        for index, (image, time_s) in enumerate(timed):
            yield SourceFrame(index=index, time_s=time_s, image=image, display=display)
        return
    complaints, index = Complaints(), 0
    with errors_with_path(source.path), open_media(source.path, STAGE) as container:
        frames = _timed(container, source, complaints)
        hdr = display.hdr if source.keeps_colours else None
        for image, time_s in shown_frames(frames, source.stored, square_pixels=False):
            yield SourceFrame(index=index, time_s=time_s, image=image, display=display, hdr=hdr)
            index += 1
    if complaints.num_packets > max(1.0, MAX_DAMAGED_SHARE * index):
        raise ValueError(
            f"{source.path}: damaged: the decoder rejects {complaints.num_packets} of {index} frames; "
            f"FFmpeg: {complaints.first}"
        )


def _timed(container: Any, source: SourceVideo, complaints: Complaints) -> Iterator[tuple[Any, float]]:
    """Frames as stored, each with its time."""
    stream = choose_stream(container, "video", STAGE)
    index, time_s = 0, -1.0
    places = FramePlaces() if source.placed else None
    for packet in demux(container, stream):
        if places is not None:
            places.enter(packet)
        images, _ = decode(packet, complaints)
        for image in images:
            stamp = places.leave(image) if places is not None else image.pts
            time_s = _time_s(image.time_base, stamp, source, index, time_s)
            _check_size(image, source, time_s)
            yield image, time_s
            index += 1


def _time_s(
    time_base: Fraction, stamp: int | None, source: SourceVideo, index: int, previous_s: float
) -> float:
    """Time of a frame: by counting, or by its time stamp where that increases."""
    if source.counted:
        return float(index / source.frame_rate)
    if stamp is not None:
        time_s = float(stamp * time_base) - source.start_s
        if time_s > previous_s:
            return max(time_s, 0.0) if index == 0 else time_s
    return max(previous_s, 0.0) + float(1 / source.frame_rate) if index else 0.0


def _check_size(image: Any, source: SourceVideo, time_s: float) -> None:
    width, height = source.display.stored_width, source.display.stored_height
    if (image.width, image.height) != (width, height):
        raise ValueError(
            f"{source.path}: the frames change from {width}x{height} to {image.width}x{image.height} "
            f"at {time_s:.2f} s; cut the file there"
        )
