"""Writes videos: lossless ones that metrics are computed on, and small ones that browsers play.

Lossless is FFV1 in RGB with FLAC in Matroska: what is read back equals what was written, bit for bit, and the same
input gives the same file. For browsers it is H.264 and AAC in MP4. Writing is atomic.

Legend: T video frames, H, W height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from assets.project.atomic_files import replacing
from cals_models.timebase import FPS, SAMPLE_RATE_HZ

_SAMPLES_AT_ONCE = 4096

Frames = NDArray[np.uint8]
Samples = NDArray[np.int16]


def write_lossless(path: Path, frames: Frames, audio: Samples, *, title: str = "") -> None:
    """Writes RGB frames and audio so that `read_lossless` gives back exactly the same.

    Args:
        path: ends in ``.mkv``; replaced if it exists.
        frames: uint8 (T, H, W, 3), RGB, 25 fps.
        audio: int16 (samples,), 16 kHz mono, starting with the first frame.
        title: metadata of the file.

    Raises:
        ValueError: no frame, or arrays of another shape or type.
    """
    _check(frames, audio)
    with replacing(path) as temporary, _container(temporary, "matroska", title) as container:
        video = _video_stream(container, "ffv1", "bgr0", frames, {"level": "3", "slicecrc": "1", "g": "1"})
        stream = _audio_stream(container, "flac", "s16")
        _write(container, video, frames, stream, audio)


def read_lossless(path: Path) -> tuple[Frames, Samples]:
    """Frames uint8 (T, H, W, 3) RGB and audio int16 (samples,) of a file by `write_lossless`.

    Raises:
        ValueError: not a readable file of that kind.
    """
    try:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_type = "SLICE"
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if stream.rate != SAMPLE_RATE_HZ or stream.channels != 1 or stream.format.name != "s16":
                raise ValueError(
                    f"{path}: audio is {stream.rate} Hz, {stream.channels} channels; expected 16 kHz mono"
                )
            samples = [frame.to_ndarray()[0] for frame in container.decode(stream)]
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(
            f"{path}: not a readable lossless render ({error}); render the clip again"
        ) from error
    if not frames:
        raise ValueError(f"{path}: holds no frame; render the clip again")
    return np.stack(frames), np.concatenate(samples) if samples else np.zeros(0, np.int16)


def write_web_video(
    path: Path, frames: Frames, audio: Samples, *, quality_crf: int = 16, scale: int = 1, title: str = ""
) -> None:
    """Writes an MP4 that every browser plays while it loads: H.264 (4:2:0) and AAC.

    Args:
        path: ends in ``.mp4``; replaced if it exists.
        frames: uint8 (T, H, W, 3), RGB, 25 fps; H and W even.
        audio: int16 (samples,), 16 kHz mono.
        quality_crf: x264's constant quality, 0 (best) to 51.
        scale: whole-number enlargement, each pixel repeated.
        title: metadata of the file.

    Raises:
        ValueError: no frame, arrays of another shape or type, or an odd size.
    """
    _check(frames, audio)
    if frames.shape[1] * scale % 2 or frames.shape[2] * scale % 2:
        raise ValueError(
            f"{path}: {frames.shape[2]} x {frames.shape[1]} frames; H.264 needs an even width and height"
        )
    enlarged = frames.repeat(scale, axis=1).repeat(scale, axis=2) if scale > 1 else frames
    with (
        replacing(path) as temporary,
        _container(temporary, "mp4", title, {"movflags": "+faststart"}) as container,
    ):
        options = {"crf": str(quality_crf), "preset": "medium", "threads": "1"}
        video = _video_stream(container, "libx264", "yuv420p", enlarged, options)
        stream = _audio_stream(container, "aac", "fltp")
        stream.bit_rate = 96_000
        _write(container, video, enlarged, stream, audio)


def _check(frames: Frames, audio: Samples) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or len(frames) == 0:
        raise ValueError(f"frames must be uint8 (T, H, W, 3) with T >= 1; got {frames.dtype} {frames.shape}")
    if audio.dtype != np.int16 or audio.ndim != 1:
        raise ValueError(f"audio must be int16 (samples,); got {audio.dtype} {audio.shape}")


def _container(
    path: Path, kind: str, title: str, options: Mapping[str, str] | None = None
) -> OutputContainer:
    # bitexact omits random ids and version strings, so that equal videos give equal files
    container: OutputContainer = av.open(
        str(path), "w", format=kind, container_options={"fflags": "+bitexact", **(options or {})}
    )
    if title:
        container.metadata["title"] = title
    return container


def _video_stream(
    container: OutputContainer, codec: str, pixel_format: str, frames: Frames, options: dict[str, str]
) -> VideoStream:
    stream: Any = container.add_stream(codec, rate=FPS, options={"flags": "+bitexact", **options})
    stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixel_format
    stream.time_base = Fraction(1, FPS)
    stream.thread_count = 1
    return stream  # type: ignore[no-any-return]


def _audio_stream(container: OutputContainer, codec: str, sample_format: str) -> AudioStream:
    stream: Any = container.add_stream(codec, rate=SAMPLE_RATE_HZ, options={"flags": "+bitexact"})
    stream.layout, stream.format = "mono", sample_format
    stream.time_base = Fraction(1, SAMPLE_RATE_HZ)
    return stream  # type: ignore[no-any-return]


def _write(
    container: OutputContainer, video: VideoStream, frames: Frames, stream: AudioStream, audio: Samples
) -> None:
    for number, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        _mux(container, video.encode(frame))
    _mux(container, video.encode(None))
    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=SAMPLE_RATE_HZ)
    for start in range(0, len(audio), _SAMPLES_AT_ONCE):
        samples = np.ascontiguousarray(audio[None, start : start + _SAMPLES_AT_ONCE])
        piece = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        piece.pts, piece.sample_rate, piece.time_base = start, SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ)
        for converted in resampler.resample(piece):
            _mux(container, stream.encode(converted))
    _mux(container, stream.encode(None))


def _mux(container: OutputContainer, packets: Iterable[Any]) -> None:
    for packet in packets:
        container.mux(packet)
