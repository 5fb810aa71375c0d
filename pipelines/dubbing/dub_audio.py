"""The audio of a dub: as the model reads it, and as it goes into the video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from assets.media.audio import FULL_SCALE
from assets.media.limits import ProbeLimits
from assets.media.mono_mix import JUDGED_S, choose_mix
from assets.media.opening import (
    Complaints,
    check_file,
    choose_main_stream,
    choose_stream,
    decode,
    demux,
    open_media,
)
from assets.mels.settings import MelSettings
from cals_models.timebase import FPS, MELS_PER_FRAME, SAMPLE_RATE_HZ
from pipelines.dubbing.source_video import STAGE, errors_with_path

# At these rates an AAC packet, the granularity of the audio's end, is shorter than a video frame of 25 a second.
OUTPUT_RATES_HZ = (44_100, 48_000)
MEL_AT_ONCE_FRAMES = 1500
MAX_DAMAGED_SHARE = 0.01
# More channels than 7.1 has are mixed to stereo first: memory grows with their number.
MOST_CHANNELS = 8


@dataclass(frozen=True, kw_only=True)
class DubAudio:
    """An audio file, from its first sample on.

    Args:
        path: the file.
        mono: int16 (n,), 16 kHz, as the model reads it.
        rate_hz, num_channels: of the audio as it goes into the video.
        taken: which audio stream was taken, where there are several, and how its channels became one.
    """

    path: Path
    mono: NDArray[np.int16]
    rate_hz: int
    num_channels: int
    taken: str

    @property
    def duration_s(self) -> float:
        return len(self.mono) / SAMPLE_RATE_HZ

    @property
    def layout(self) -> str:
        return "mono" if self.num_channels == 1 else "stereo"


def read_audio(path: Path, limits: ProbeLimits) -> DubAudio:
    """Reads an audio file, or the audio of a video.

    Raises:
        ValueError: unreadable, without audio, damaged, or outside the limits.
    """
    with errors_with_path(path):
        check_file(path, limits.max_bytes, STAGE)
        with open_media(path, STAGE) as container:
            if len(container.streams) > limits.max_streams:
                raise ValueError(
                    f"{path}: {len(container.streams)} streams; at most {limits.max_streams} are read"
                )
            if not container.streams.audio:
                kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
                raise ValueError(f"{path}: has no audio track (it holds: {kinds}); give a file with audio")
            main = choose_main_stream(container, "audio", STAGE)
            context = main.stream.codec_context
            rate_hz, num_channels = context.sample_rate, context.layout.nb_channels
            read_layout = context.layout.name if num_channels <= MOST_CHANNELS else "stereo"
        longest = int(limits.max_duration_s * SAMPLE_RATE_HZ)
        blocks, num_samples = [], 0
        for block in _blocks(path, "s16p", read_layout, SAMPLE_RATE_HZ):
            blocks.append(block)
            num_samples += block.shape[1]
            if num_samples > longest:
                raise ValueError(
                    f"{path}: longer than {limits.max_duration_s:.0f} s, the longest that is read"
                )
    if num_samples < SAMPLE_RATE_HZ // FPS:
        raise ValueError(f"{path}: {num_samples / SAMPLE_RATE_HZ:.3f} s of audio; at least 0.04 s are needed")
    names = tuple(channel.name for channel in av.AudioLayout(read_layout).channels)
    mono, mix = _mono(blocks, names)
    return DubAudio(
        path=path,
        mono=mono,
        rate_hz=rate_hz if rate_hz in OUTPUT_RATES_HZ else OUTPUT_RATES_HZ[-1],
        num_channels=min(num_channels, 2),
        taken="; ".join(filter(None, [main.why, f"channels: {mix}"])),
    )


def _mono(blocks: list[NDArray[np.int16]], names: tuple[str, ...]) -> tuple[NDArray[np.int16], str]:
    """int16 (n,) of blocks (C, m), and the name of the mix, which is chosen from the first ten minutes."""
    ends = accumulate(block.shape[1] for block in blocks)
    num_judged = 1 + sum(end < JUDGED_S * SAMPLE_RATE_HZ for end in ends)
    start = np.concatenate(blocks[:num_judged], axis=1).astype(np.float32) / np.float32(FULL_SCALE)
    mix = choose_mix(start, names, SAMPLE_RATE_HZ)
    mixed = [np.rint(mix.of(block.astype(np.float32))).astype(np.int16) for block in blocks]
    return np.concatenate(mixed), mix.name


def output_blocks(audio: DubAudio, num_samples: int) -> Iterator[NDArray[np.float32]]:
    """The audio for the video as blocks (C, n) float32 in [-1, 1], ``num_samples`` in all, padded with silence."""
    left = num_samples
    for block in _blocks(audio.path, "fltp", audio.layout, audio.rate_hz):
        if left <= 0:
            return
        yield block[:, :left]
        left -= min(left, block.shape[1])
    while left > 0:
        size = min(left, audio.rate_hz)
        yield np.zeros((audio.num_channels, size), np.float32)
        left -= size


def dub_mel(mono: NDArray[np.int16], num_ticks: int, settings: MelSettings) -> NDArray[np.float32]:
    """log-mel of audio that is cut, or padded with silence, to ``num_ticks`` video frames of 25 a second.

    Args:
        mono: int16 (n,), 16 kHz.
        num_ticks: video frames.
        settings: of the mel.

    Returns:
        float32 (80, 4 num_ticks), rounded to half precision as in the shards. Long audio is transformed in pieces that
        overlap so much that the result is the same.
    """
    from assets.mels.mel import log_mel

    step = settings.samples_per_frame
    wave = np.zeros(num_ticks * step, np.float32)
    wave[: len(mono)] = mono[: len(wave)] / np.float32(FULL_SCALE)
    pieces = []
    for start in range(0, num_ticks, MEL_AT_ONCE_FRAMES):
        end = min(start + MEL_AT_ONCE_FRAMES, num_ticks)
        first, last = max(start - 1, 0), min(end + 1, num_ticks)
        piece = log_mel(wave[first * step : last * step], settings)
        pieces.append(piece[:, MELS_PER_FRAME * (start - first) :][:, : MELS_PER_FRAME * (end - start)])
    return np.concatenate(pieces, axis=1).astype(np.float16).astype(np.float32)


def _blocks(path: Path, form: str, layout: str, rate_hz: int) -> Iterator[NDArray[Any]]:
    """Decoded and resampled audio, block after block of shape (C, n)."""
    resampler = av.AudioResampler(format=form, layout=layout, rate=rate_hz)
    complaints, num_packets = Complaints(), 0
    with errors_with_path(path), open_media(path, STAGE) as container:
        stream = choose_stream(container, "audio", STAGE)
        for packet in demux(container, stream):
            frames, _ = decode(packet, complaints)
            num_packets += 1
            for frame in frames:
                frame.pts = None
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray()
        for piece in resampler.resample(None):
            if piece is not None:
                yield piece.to_ndarray()
    if complaints.num_packets > max(1.0, MAX_DAMAGED_SHARE * num_packets):
        raise ValueError(
            f"{path}: damaged: the decoder rejects {complaints.num_packets} of {num_packets} audio packets; "
            f"FFmpeg: {complaints.first}"
        )
