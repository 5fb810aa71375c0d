"""Writing videos: lossless ones that figures are measured on, and small ones that browsers play.

Lossless is FFV1 in RGB with FLAC in Matroska: what is read back equals what was written, bit for bit, and the same
input gives the same file. For browsers it is H.264 and AAC in MP4. Files appear whole under their name or not at all.

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
Sound = NDArray[np.int16]


def write_lossless(path: Path, frames: Frames, audio: Sound, *, title: str = "") -> None:
    """Writes RGB frames and sound so that `read_lossless` gives back exactly the same.

    Args:
        path: ends in ``.mkv``; replaced if it exists.
        frames: uint8 (T, H, W, 3), RGB, 25 fps.
        audio: int16 (samples,), 16 kHz mono, beginning with the first frame.
        title: written into the file for whoever opens it.

    Raises:
        ValueError: no frame, or arrays of another kind.
    """
    _check(frames, audio)
    with replacing(path) as temporary, _container(temporary, "matroska", title) as container:
        video = _video_stream(container, "ffv1", "bgr0", frames, {"level": "3", "slicecrc": "1", "g": "1"})
        sound = _audio_stream(container, "flac", "s16")
        _write(container, video, frames, sound, audio)


def read_lossless(path: Path) -> tuple[Frames, Sound]:
    """Frames uint8 (T, H, W, 3) RGB and sound int16 (samples,) of a file by `write_lossless`.

    Raises:
        ValueError: not a readable file of that kind; says which.
    """
    try:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_type = "SLICE"
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if stream.rate != SAMPLE_RATE_HZ or stream.channels != 1 or stream.format.name != "s16":
                raise ValueError(
                    f"{path}: sound is {stream.rate} Hz, {stream.channels} channels; expected 16 kHz mono"
                )
            sound = [frame.to_ndarray()[0] for frame in container.decode(stream)]
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(
            f"{path}: not a readable lossless render ({error}); render the clip again"
        ) from error
    if not frames:
        raise ValueError(f"{path}: holds no frame; render the clip again")
    return np.stack(frames), np.concatenate(sound) if sound else np.zeros(0, np.int16)


def write_web_video(
    path: Path, frames: Frames, audio: Sound, *, quality_crf: int = 16, scale: int = 1, title: str = ""
) -> None:
    """Writes an MP4 that every browser plays: H.264 (4:2:0) and AAC, ready to play while it loads.

    Args:
        path: ends in ``.mp4``; replaced if it exists.
        frames: uint8 (T, H, W, 3), RGB, 25 fps; H and W even.
        audio: int16 (samples,), 16 kHz mono.
        quality_crf: x264's constant quality, 0 (best) to 51.
        scale: whole-number enlargement, each pixel repeated.
        title: written into the file.

    Raises:
        ValueError: no frame, arrays of another kind, or an odd size.
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
        sound = _audio_stream(container, "aac", "fltp")
        sound.bit_rate = 96_000
        _write(container, video, enlarged, sound, audio)


def _check(frames: Frames, audio: Sound) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or len(frames) == 0:
        raise ValueError(f"frames must be uint8 (T, H, W, 3) with T >= 1; got {frames.dtype} {frames.shape}")
    if audio.dtype != np.int16 or audio.ndim != 1:
        raise ValueError(f"sound must be int16 (samples,); got {audio.dtype} {audio.shape}")


def _container(
    path: Path, kind: str, title: str, options: Mapping[str, str] | None = None
) -> OutputContainer:
    # bitexact leaves out the random ids and version strings that would make equal videos differ
    container: OutputContainer = av.open(
        str(path), "w", format=kind, container_options={"fflags": "+bitexact", **(options or {})}
    )
    if title:
        container.metadata["title"] = title
    return container


def _video_stream(
    container: OutputContainer, codec: str, pixels: str, frames: Frames, options: dict[str, str]
) -> VideoStream:
    stream: Any = container.add_stream(codec, rate=FPS, options={"flags": "+bitexact", **options})
    stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
    stream.time_base = Fraction(1, FPS)
    stream.thread_count = 1
    return stream  # type: ignore[no-any-return]


def _audio_stream(container: OutputContainer, codec: str, form: str) -> AudioStream:
    stream: Any = container.add_stream(codec, rate=SAMPLE_RATE_HZ, options={"flags": "+bitexact"})
    stream.layout, stream.format = "mono", form
    stream.time_base = Fraction(1, SAMPLE_RATE_HZ)
    return stream  # type: ignore[no-any-return]


def _write(
    container: OutputContainer, video: VideoStream, frames: Frames, sound: AudioStream, audio: Sound
) -> None:
    for number, pixels in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        picture.pts, picture.time_base = number, Fraction(1, FPS)
        _mux(container, video.encode(picture))
    _mux(container, video.encode(None))
    resampler = av.AudioResampler(format=sound.format, layout=sound.layout, rate=SAMPLE_RATE_HZ)
    for start in range(0, len(audio), _SAMPLES_AT_ONCE):
        samples = np.ascontiguousarray(audio[None, start : start + _SAMPLES_AT_ONCE])
        piece = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        piece.pts, piece.sample_rate, piece.time_base = start, SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ)
        for converted in resampler.resample(piece):
            _mux(container, sound.encode(converted))
    _mux(container, sound.encode(None))


def _mux(container: OutputContainer, packets: Iterable[Any]) -> None:
    for packet in packets:
        container.mux(packet)
