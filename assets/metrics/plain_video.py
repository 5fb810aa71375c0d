"""A video frame by frame as it is displayed: upright, square pixels; nothing is retimed, resized or left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.media.audio import read_audio
from assets.media.decoded_frame import DecodedFrame
from assets.media.display import display_of, shown_frames
from assets.media.frame_places import places_of
from assets.media.limits import ProbeLimits
from assets.media.opening import Complaints, check_file, choose_stream, decode, demux, open_media
from assets.media.probe import probe
from assets.media.timeline import Span
from assets.workers.rejected import Rejected
from cals_models.timebase import FPS, SAMPLE_RATE_HZ

MAX_BYTES = 4 << 30
# Any rate: what is scored is not retimed.
LIMITS = ProbeLimits(min_frame_rate=0.01)


@dataclass(frozen=True, kw_only=True)
class PlainVideo:
    """Args:
    frames: uint8 (T, H, W, 3), RGB, every stored frame, as displayed.
    fps: frames a second.
    times_s: float64 (T,), when each frame comes on display, counted from the first; increasing.
    audio: int16 (samples,), 16 kHz mono, sample 0 at frame 0; None if the file has no audio.
    changes: what was done to the stored frames (see `assets.media.display.Display`); None if nothing.
    """

    frames: NDArray[np.uint8]
    fps: float
    times_s: NDArray[np.float64]
    audio: NDArray[np.int16] | None
    changes: str | None = None


def read_plain_video(path: Path, *, stage: str) -> PlainVideo:
    """Reads a whole video.

    Args:
        path: any container and codec that FFmpeg reads.
        stage: named in rejections.

    Raises:
        Rejected: see `assets.media.probe.probe`, but a file without audio is read; too_large where the frames would
            take more than 4 GiB, damaged where a frame can't be decoded.
    """
    check_file(path, LIMITS.max_bytes, stage)
    try:
        probed = probe(path, LIMITS, stage=stage)
    except Rejected as rejected:
        if rejected.reason != "no_audio_stream":
            raise
        frames, fps, times_s, changes = _read_frames(path, stage)
        return PlainVideo(frames=frames, fps=fps, times_s=times_s, audio=None, changes=changes)
    frames, _, times_s, changes = _read_frames(path, stage)
    if probed.video.counted:
        times_s = np.arange(len(frames)) / probed.video.declared_fps
    missing = probed.video.num_packets - len(frames)
    if missing > 0:
        held = probed.video.num_packets
        raise Rejected(
            stage, "damaged", f"{missing} of the {held} frames that the file holds can't be decoded"
        )
    ticks = max(1, round(len(frames) / probed.video.average_fps * FPS))
    audio = read_audio(probed, Span(start_s=probed.video.start_s, num_frames=ticks), stage=stage).samples
    end = round((probed.audio.end_s - probed.video.start_s) * SAMPLE_RATE_HZ)  # beyond it is padding
    return PlainVideo(
        frames=frames,
        fps=probed.video.average_fps,
        times_s=times_s,
        audio=audio[: max(0, end)],
        changes=changes,
    )


def _read_frames(path: Path, stage: str) -> tuple[NDArray[np.uint8], float, NDArray[np.float64], str | None]:
    frames: list[NDArray[np.uint8]] = []
    times: list[float | None] = []
    complaints = Complaints()
    with open_media(path, stage) as container:
        stream = choose_stream(container, "video", stage)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        decoded = _timed(container, stream, complaints)
        first = next(decoded, None)
        display = None if first is None else display_of(path, stream, first[0], stage)
        if first is not None and display is not None:
            for shown, time_s in shown_frames(chain([first], decoded), display):
                frame = DecodedFrame(shown, display.orientation).rgb()
                if (len(frames) + 1) * frame.nbytes > MAX_BYTES:
                    detail = f"more than {MAX_BYTES >> 30} GiB of frames of {frame.shape[1]}x{frame.shape[0]}"
                    raise Rejected(stage, "too_large", f"{detail}; cut the video or crop the face")
                if frames and frame.shape != frames[0].shape:
                    raise Rejected(stage, "size_changes", "the frames are not all of one size")
                frames.append(np.array(frame))
                times.append(time_s)
    if complaints.num_packets:
        raise Rejected(
            stage, "damaged", f"{complaints.num_packets} packets can't be decoded: {complaints.first}"
        )
    if display is None:
        raise Rejected(stage, "damaged", "no frame could be decoded")
    if not fps:
        raise Rejected(stage, "damaged", "the file states no frame rate")
    return np.stack(frames), fps, _times(times, fps), display.changes()


def _timed(container: Any, stream: Any, complaints: Complaints) -> Iterator[tuple[Any, float | None]]:
    """Frames as stored, each with its time stamp, seconds."""
    places = places_of(stream)
    for packet in demux(container, stream):
        if places is not None:
            places.enter(packet)
        for frame in decode(packet, complaints)[0]:
            place = None if places is None else places.leave(frame)
            yield frame, frame.time if place is None else float(place * frame.time_base)


def _times(stamps: list[float | None], fps: float) -> NDArray[np.float64]:
    """Times from the first frame on; counted where stamps are missing or go back, which some containers' do."""
    times = np.array([np.nan if stamp is None else stamp for stamp in stamps], np.float64)
    if np.isfinite(times).all() and (np.diff(times) > 0).all():
        return np.asarray(times - times[0], np.float64)
    return np.arange(len(stamps)) / fps
