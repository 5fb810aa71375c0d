"""Writes the dubbed video, its tracks interleaved, so that memory stays small."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.frame_plan import FramePlan
from pipelines.dubbing.frame_planes import FramePlanes
from pipelines.dubbing.kept_tracks import KeptTracks, add_kept
from pipelines.dubbing.output_audio import OutputAudio
from pipelines.dubbing.output_format import MUXERS, Encoder
from pipelines.dubbing.source_video import SourceFrame, SourceVideo

VARIABLE_TIME_BASE = Fraction(1, 90_000)
BIT_RATE_PER_CHANNEL = 96_000
# Of x264, which would take one and a half for each core, and in each hold further frames: 20 MiB each at 1080x1920.
MOST_THREADS = 4
Packets = Iterator[tuple[float, list[Any]]]


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How the file is written.

    Args:
        container: mp4, mkv or mov.
        encoder: of the video, with its ``options``.
        pixel_format: of the frames.
        tracks: what else goes into it, and the metadata.
        changes: what becomes of the given frames besides the dub, in words; None for nothing.
        text: container, codec, bits, chroma and quality in words.
    """

    container: str
    encoder: Encoder
    options: dict[str, str]
    pixel_format: str
    tracks: KeptTracks
    changes: str | None
    text: str


def time_base_of(plan: FramePlan, frame_rate: Fraction) -> Fraction:
    """One frame where all frames lie on the grid of the rate (to 2 ms), else 1/90000 s."""
    grid = np.arange(plan.num_frames) / float(frame_rate)
    steady = np.abs(plan.times_s - plan.times_s[0] - grid).max() < 2e-3
    return 1 / frame_rate if steady else VARIABLE_TIME_BASE


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Turns an error of the muxer or an encoder into one line that names the requested file."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(f"{path}: can't be written: {error.strerror or error}") from error


def write_video(
    path: Path,
    frames: Iterable[Any],
    plan: FramePlan,
    audio: OutputAudio,
    *,
    source: SourceVideo,
    template: SourceFrame,
    writing: Writing,
) -> None:
    """Writes the file.

    Args:
        path: of any name.
        frames: upright, one for each frame of the plan.
        plan: when each is shown.
        audio: is cut, or padded with silence, to the end of the last frame.
        source: gives the frame rate and the tracks that are kept.
        template: the source's first frame; its colour labels and the shape of its pixels are copied.
        writing: container, encoder and tracks.
    """
    faststart = {} if writing.container == "mkv" else {"movflags": "+faststart"}
    options = {"fflags": "+bitexact", **faststart}
    with av.open(str(path), "w", format=MUXERS[writing.container], container_options=options) as container:
        container.metadata.update(writing.tracks.metadata)
        time_base = time_base_of(plan, source.frame_rate)
        video_stream = _video_stream(container, template, source.frame_rate, time_base, writing)
        audio_stream = _audio_stream(container, audio)
        copied = add_kept(container, source, writing.tracks, plan.end_s)
        waiting = [
            _Waiting(container, _audio_packets(audio_stream, audio, round(plan.end_s * audio.rate_hz))),
            _Waiting(container, copied),
        ]
        for frame, time_s in zip(frames, plan.times_s, strict=True):
            frame.pts, frame.time_base = round(float(time_s - plan.times_s[0]) / time_base), time_base
            container.mux(video_stream.encode(frame))
            for track in waiting:
                track.write_until(float(time_s))
        container.mux(video_stream.encode(None))
        for track in waiting:
            track.write_until(float("inf"))


class _Waiting:
    """Packets of a track that are written beside the frames of their time."""

    def __init__(self, container: Any, packets: Packets) -> None:
        """Takes what ``packets`` gives at first, so that the track is added before the first frame is written."""
        self._container = container
        self._packets = packets
        self._next = next(packets, None)

    def write_until(self, time_s: float) -> None:
        """Writes the packets up to a time."""
        while self._next is not None and self._next[0] <= time_s:
            self._container.mux(self._next[1])
            self._next = next(self._packets, None)


def _video_stream(
    container: Any, template: SourceFrame, frame_rate: Fraction, time_base: Fraction, writing: Writing
) -> Any:
    display, image, encoder = template.display, template.image, writing.encoder
    frame = FramePlanes(image, display.orientation, writing.pixel_format).frame()
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints its settings otherwise
    stream = container.add_stream(encoder.name, rate=frame_rate, options=writing.options)
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, writing.pixel_format
    stream.time_base = time_base
    context = stream.codec_context
    context.time_base = time_base
    if encoder.name == "libx264" and (os.cpu_count() or 1) > MOST_THREADS:
        context.thread_count = MOST_THREADS
    if encoder.codec_tag and writing.container != "mkv":
        context.codec_tag = encoder.codec_tag
    context.color_range, context.colorspace = frame.color_range, frame.colorspace
    context.color_primaries, context.color_trc = image.color_primaries, image.color_trc
    if display.pixel_aspect != 1:
        context.sample_aspect_ratio = display.shown_aspect
    return stream


def _audio_stream(container: Any, audio: OutputAudio) -> Any:
    stream = container.add_stream("aac", rate=audio.rate_hz, options={"flags": "+bitexact"})
    stream.layout, stream.format = audio.layout, "fltp"
    stream.bit_rate = BIT_RATE_PER_CHANNEL * audio.num_channels
    stream.time_base = Fraction(1, audio.rate_hz)
    return stream


def _audio_packets(stream: Any, audio: OutputAudio, num_samples: int) -> Packets:
    """Encoded audio, each part with the time from which it was passed to the encoder."""
    done = 0
    for block in audio.blocks(num_samples):
        samples: NDArray[np.float32] = np.ascontiguousarray(block)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=audio.layout)
        frame.pts, frame.sample_rate, frame.time_base = done, audio.rate_hz, Fraction(1, audio.rate_hz)
        begin_s = done / audio.rate_hz
        done += samples.shape[1]
        yield begin_s, stream.encode(frame)
    yield done / audio.rate_hz, stream.encode(None)
