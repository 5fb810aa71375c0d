"""Writes the dubbed video: H.264 and AAC in MP4, video and audio interleaved, so that memory stays small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.dub_audio import DubAudio, output_blocks
from pipelines.dubbing.frame_plan import FramePlan
from pipelines.dubbing.frame_planes import FramePlanes
from pipelines.dubbing.source_video import SourceFrame

VARIABLE_TIME_BASE = Fraction(1, 90_000)
BIT_RATE_PER_CHANNEL = 96_000


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
    audio: DubAudio,
    *,
    frame_rate: Fraction,
    template: SourceFrame,
    quality_crf: int,
    metadata: dict[str, str],
) -> None:
    """Writes the file.

    Args:
        path: the format is MP4 whatever the name.
        frames: upright yuv420p frames, one for each frame of the plan.
        plan: when each is shown.
        audio: is cut, or padded with silence, to the end of the last frame.
        frame_rate: of the source.
        template: the source's first frame; its colour labels and the shape of its pixels are copied.
        quality_crf: x264's constant quality.
        metadata: goes into the container.
    """
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", container_options=options) as container:
        container.metadata.update(metadata)
        time_base = time_base_of(plan, frame_rate)
        video_stream = _video_stream(container, template, frame_rate, time_base, quality_crf)
        audio_stream = _audio_stream(container, audio)
        waiting = _audio_packets(audio_stream, audio, round(plan.end_s * audio.rate_hz))
        for frame, time_s in zip(frames, plan.times_s, strict=True):
            frame.pts, frame.time_base = round(float(time_s - plan.times_s[0]) / time_base), time_base
            container.mux(video_stream.encode(frame))
            for until_s, packets in waiting:
                container.mux(packets)
                if until_s > time_s:
                    break
        container.mux(video_stream.encode(None))
        for _, packets in waiting:
            container.mux(packets)


def _video_stream(
    container: Any, template: SourceFrame, frame_rate: Fraction, time_base: Fraction, quality_crf: int
) -> Any:
    options = {"crf": str(quality_crf), "preset": "medium", "flags": "+bitexact"}
    display, image = template.display, template.image
    frame = FramePlanes(image, display.orientation).frame()
    stream = container.add_stream("libx264", rate=frame_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
    stream.time_base = time_base
    context = stream.codec_context
    context.time_base = time_base
    context.color_range, context.colorspace = frame.color_range, frame.colorspace
    context.color_primaries, context.color_trc = image.color_primaries, image.color_trc
    if display.pixel_aspect != 1:
        context.sample_aspect_ratio = display.shown_aspect
    return stream


def _audio_stream(container: Any, audio: DubAudio) -> Any:
    stream = container.add_stream("aac", rate=audio.rate_hz, options={"flags": "+bitexact"})
    stream.layout, stream.format = audio.layout, "fltp"
    stream.bit_rate = BIT_RATE_PER_CHANNEL * audio.num_channels
    stream.time_base = Fraction(1, audio.rate_hz)
    return stream


def _audio_packets(stream: Any, audio: DubAudio, num_samples: int) -> Iterator[tuple[float, list[Any]]]:
    """Encoded audio, each part with the time up to which it was passed to the encoder."""
    done = 0
    for block in output_blocks(audio, num_samples):
        samples: NDArray[np.float32] = np.ascontiguousarray(block)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=audio.layout)
        frame.pts, frame.sample_rate, frame.time_base = done, audio.rate_hz, Fraction(1, audio.rate_hz)
        done += samples.shape[1]
        yield done / audio.rate_hz, stream.encode(frame)
    yield done / audio.rate_hz, stream.encode(None)
