"""Writes the dubbed video: H.264 and AAC in MP4, picture and sound by turns, so that memory stays small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.canvas import Canvas
from pipelines.dubbing.dub_audio import Sound, output_blocks
from pipelines.dubbing.timing import FramePlan

VARIABLE_TIME_BASE = Fraction(1, 90_000)
BIT_RATE_PER_CHANNEL = 96_000


def time_base_of(plan: FramePlan, frame_rate: Fraction) -> Fraction:
    """One frame where all frames lie on the grid of the rate (to 2 ms), else 1/90000 s."""
    grid = np.arange(plan.num_frames) / float(frame_rate)
    steady = np.abs(plan.times_s - plan.times_s[0] - grid).max() < 2e-3
    return 1 / frame_rate if steady else VARIABLE_TIME_BASE


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """An error of the muxer or an encoder, as one line that names the file that was asked for."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(f"{path}: can't be written: {error.strerror or error}") from error


def write_video(
    path: Path,
    frames: Iterable[Any],
    plan: FramePlan,
    sound: Sound,
    *,
    frame_rate: Fraction,
    template: Any,
    quality_crf: int,
    metadata: dict[str, str],
) -> int:
    """Writes the file.

    Args:
        path: where to; the format is MP4 whatever the name.
        frames: upright yuv420p frames, one for each frame of the plan.
        plan: when each is shown.
        sound: is cut, or followed by silence, at the end of the last frame.
        frame_rate: of the source.
        template: the source's first frame as decoded: the labels of its colours are taken over.
        quality_crf: x264's constant quality.
        metadata: goes into the container.

    Returns:
        Frames written.
    """
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    num_frames = 0
    with av.open(str(path), "w", format="mp4", container_options=options) as container:
        container.metadata.update(metadata)
        time_base = time_base_of(plan, frame_rate)
        seen = _video_stream(container, template, frame_rate, time_base, quality_crf)
        heard: Any = container.add_stream("aac", rate=sound.rate_hz, options={"flags": "+bitexact"})
        heard.layout, heard.format = sound.layout, "fltp"
        heard.bit_rate = BIT_RATE_PER_CHANNEL * sound.num_channels
        heard.time_base = Fraction(1, sound.rate_hz)
        waiting = _packets_of_sound(heard, sound, round(plan.end_s * sound.rate_hz))
        for frame, time_s in zip(frames, plan.times_s, strict=True):
            frame.pts, frame.time_base = round(float(time_s - plan.times_s[0]) / time_base), time_base
            container.mux(seen.encode(frame))
            num_frames += 1
            for until_s, packets in waiting:
                container.mux(packets)
                if until_s > time_s:
                    break
        container.mux(seen.encode(None))
        for _, packets in waiting:
            container.mux(packets)
    return num_frames


def _video_stream(
    container: Any, template: Any, frame_rate: Fraction, time_base: Fraction, quality_crf: int
) -> Any:
    options = {"crf": str(quality_crf), "preset": "medium", "flags": "+bitexact"}
    frame = Canvas(template).frame()
    stream = container.add_stream("libx264", rate=frame_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
    stream.time_base = time_base
    context = stream.codec_context
    context.time_base = time_base
    context.color_range, context.colorspace = frame.color_range, frame.colorspace
    context.color_primaries, context.color_trc = template.color_primaries, template.color_trc
    return stream


def _packets_of_sound(stream: Any, sound: Sound, num_samples: int) -> Iterator[tuple[float, list[Any]]]:
    """Coded sound, each part with the time up to which it was given to the encoder."""
    done = 0
    for block in output_blocks(sound, num_samples):
        samples: NDArray[np.float32] = np.ascontiguousarray(block)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=sound.layout)
        frame.pts, frame.sample_rate, frame.time_base = done, sound.rate_hz, Fraction(1, sound.rate_hz)
        done += samples.shape[1]
        yield done / sound.rate_hz, stream.encode(frame)
    yield done / sound.rate_hz, stream.encode(None)
