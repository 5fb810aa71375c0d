"""Small media files whose true timing is known: white flashes and beeps at the same instants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import numpy as np

av.logging.set_level(av.logging.ERROR)

# container -> (video codec, pixel format, audio codec, sample rate)
KINDS = {
    "mp4": ("libx264", "yuv420p", "aac", 48_000),
    "mov": ("libx264", "yuv420p", "pcm_s16le", 48_000),
    "mkv": ("libx264", "yuv420p", "libopus", 48_000),
    "webm": ("libvpx-vp9", "yuv420p", "libopus", 48_000),
    "ts": ("libx264", "yuv420p", "aac", 48_000),
    "mpg": ("mpeg2video", "yuv420p", "mp2", 44_100),
    "avi": ("mpeg4", "yuv420p", "pcm_s16le", 44_100),
    "vob": ("mpeg2video", "yuv420p", "mp2", 48_000),
    "mxf": ("mpeg2video", "yuv420p", "pcm_s16le", 48_000),
    "asf": ("wmv2", "yuv420p", "wmav2", 44_100),
    "ogv": ("libvpx", "yuv420p", "libopus", 48_000),
    "f4v": ("libx264", "yuv420p", "aac", 48_000),
    "3g2": ("libx264", "yuv420p", "aac", 48_000),
    "flv": ("libx264", "yuv420p", "aac", 44_100),
}
# Their frames come at the video's rate: no finer time stamps.
AT_FRAME_RATE = ("mpg", "avi", "vob", "mxf", "asf", "ogv")
CODEC_OPTIONS = {
    "libx264": {"preset": "ultrafast", "bf": "2", "crf": "28"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"},
}


@dataclass(frozen=True, kw_only=True)
class FlashFile:
    """What to make.

    Args:
        suffix: container, a key of `KINDS`.
        fps: constant frame rate; ignored where `frame_times_s` is given.
        frame_times_s: time of each frame (variable rate).
        duration_s: of video and audio, each from its own start.
        flash_times_s: wanted times on the video's time line; each falls on the frame nearest to it.
        audio_late_s: how much later (negative: earlier) than the video the audio stream starts.
        audio_short_s: how much earlier the audio ends.
        sample_rate_hz, layout: of the audio.
        gains: of each channel; None for 1.
        rotation: clockwise degrees written to the display matrix; the stored frames are turned the other way.
        size: (width, height) as shown.
        mux: options of the muxer.
        video_codec, pixel_format, audio_codec: None for the container's usual ones.
        video_options: of the video encoder; None for the codec's usual ones.
        draw: (time_s) -> (H, W, 3) uint8 under the flash; None for grey.
    """

    suffix: str = "mp4"
    fps: Fraction = Fraction(25)
    frame_times_s: tuple[float, ...] | None = None
    duration_s: float = 3.0
    flash_times_s: tuple[float, ...] = (0.8, 1.61, 2.33)
    audio_late_s: float = 0.0
    audio_short_s: float = 0.0
    sample_rate_hz: int | None = None
    layout: str = "stereo"
    gains: tuple[float, ...] | None = None
    rotation: int = 0
    size: tuple[int, int] = (160, 96)
    mux: dict[str, str] = field(default_factory=dict)
    video_codec: str | None = None
    pixel_format: str | None = None
    audio_codec: str | None = None
    video_options: dict[str, str] | None = None
    draw: Callable[[float], np.ndarray] | None = None


@dataclass(frozen=True, kw_only=True)
class Made:
    """A written file: its path and the true times of the flashes (and beeps), seconds after the first frame."""

    path: Path
    flash_times_s: tuple[float, ...]


def make_flash_file(path: Path, spec: FlashFile) -> Made:
    """Writes the file. The flash is one frame long (at least 40 ms), the beep 40 ms of 1 kHz."""
    video_codec, pixel_format, audio_codec, rate_hz = KINDS[spec.suffix]
    rate_hz = spec.sample_rate_hz or rate_hz
    times = spec.frame_times_s or tuple(
        float(index / spec.fps) for index in range(round(spec.duration_s * spec.fps))
    )
    flashes = tuple(min(times, key=lambda t: abs(t - wanted)) for wanted in spec.flash_times_s)
    with av.open(str(path), "w", options=spec.mux) as container:
        video = container.add_stream(spec.video_codec or video_codec, rate=spec.fps)
        usual = CODEC_OPTIONS.get(spec.video_codec or video_codec, {})
        video.codec_context.options = usual if spec.video_options is None else spec.video_options
        sideways = spec.rotation in (90, 270)
        video.width, video.height = spec.size[::-1] if sideways else spec.size
        video.pix_fmt = spec.pixel_format or pixel_format
        video.codec_context.thread_count = 1
        if spec.frame_times_s or spec.suffix not in AT_FRAME_RATE:
            video.codec_context.time_base = Fraction(1, 90_000)
        if spec.rotation:
            video.set_display_rotation(-spec.rotation)
        audio = container.add_stream(spec.audio_codec or audio_codec, rate=rate_hz, layout=spec.layout)
        if (spec.audio_codec or audio_codec) == "wmav2":
            audio.bit_rate = 128_000
        early_s, late_s = max(-spec.audio_late_s, 0.0), max(spec.audio_late_s, 0.0)
        samples = _samples(spec, flashes, rate_hz)
        _encode(
            container,
            video,
            _frames(spec, times, flashes, early_s),
            audio,
            _blocks(samples, rate_hz, late_s, spec.layout),
        )
    return Made(path=path, flash_times_s=flashes)


def _frames(
    spec: FlashFile, times: tuple[float, ...], flashes: tuple[float, ...], early_s: float
) -> Iterator[av.VideoFrame]:
    for index, time_s in enumerate(times):
        if any(flash_s <= time_s < flash_s + 0.0399 for flash_s in flashes):
            rgb = np.full((spec.size[1], spec.size[0], 3), 255, np.uint8)
        elif spec.draw is not None:
            rgb = spec.draw(time_s)
        else:
            rgb = np.full((spec.size[1], spec.size[0], 3), 60, np.uint8)
        rgb = np.ascontiguousarray(np.rot90(rgb, spec.rotation // 90))
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        if spec.frame_times_s or spec.suffix not in AT_FRAME_RATE:
            frame.time_base = Fraction(1, 90_000)
            frame.pts = round((time_s + early_s) * 90_000)
        else:
            frame.time_base = 1 / spec.fps
            assert not early_s, "these containers count frames: the video can't start late"
            frame.pts = index
        yield frame


def _samples(spec: FlashFile, flashes: tuple[float, ...], rate_hz: int) -> np.ndarray:
    """(C, N) float32: the stream's own samples, the first one played at `audio_late_s` of the video's time."""
    num = round((spec.duration_s - spec.audio_short_s) * rate_hz)
    time_s = np.arange(num) / rate_hz + spec.audio_late_s
    wave = np.zeros(num, np.float32)
    for flash_s in flashes:
        on = (time_s >= flash_s) & (time_s < flash_s + 0.04)
        wave[on] = 0.5 * np.sin(2 * np.pi * 1000 * (time_s[on] - flash_s))
    channels = av.AudioLayout(spec.layout).nb_channels
    return np.outer(spec.gains or (1.0,) * channels, wave).astype(np.float32)


def _blocks(samples: np.ndarray, rate_hz: int, late_s: float, layout: str) -> Iterator[av.AudioFrame]:
    for start in range(0, samples.shape[1], 960):
        block = np.ascontiguousarray(samples[:, start : start + 960])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        frame.time_base = Fraction(1, rate_hz)
        frame.pts = start + round(late_s * rate_hz)
        yield frame


def _encode(
    container: Any, video: Any, frames: Iterator[av.VideoFrame], audio: Any, blocks: Iterator[av.AudioFrame]
) -> None:
    """Interleave by time, so that the muxer does not have to."""
    resampler = av.AudioResampler(
        format=audio.codec_context.format or "fltp",
        layout=audio.layout,
        rate=audio.rate,
        frame_size=audio.codec_context.frame_size or None,
    )
    pending = next(blocks, None)
    for frame in frames:
        while pending is not None and pending.time <= frame.time:
            _encode_audio(container, audio, resampler, pending)
            pending = next(blocks, None)
        container.mux(video.encode(frame))
    while pending is not None:
        _encode_audio(container, audio, resampler, pending)
        pending = next(blocks, None)
    container.mux(video.encode(None))
    _encode_audio(container, audio, resampler, None)
    container.mux(audio.encode(None))


def _encode_audio(container: Any, audio: Any, resampler: Any, frame: av.AudioFrame | None) -> None:
    for part in resampler.resample(frame):
        container.mux(audio.encode(part))


def measure(samples: np.ndarray, luma: list[float], flash_s: float) -> tuple[float, float]:
    """When the flash and the beep nearest to a time are in a clip, seconds after its start.

    Args:
        samples: (640 * T,) int16. luma: T mean luma values. flash_s: time of the flash, known to within 0.3 s.
    """
    lo, hi = max(int((flash_s - 0.3) * 25), 0), int((flash_s + 0.3) * 25) + 1
    bright = [k for k in range(lo, min(hi, len(luma))) if luma[k] > 150]
    window = np.abs(samples[lo * 640 : hi * 640].astype(np.float32))
    loud = np.flatnonzero(window > 0.25 * window.max())
    assert bright and window.max() > 3000, f"no flash or no beep near {flash_s:.2f} s"
    return bright[0] / 25, (lo * 640 + int(loud[0])) / 16_000
