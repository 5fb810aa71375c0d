"""The audio of a dub: as the model reads it, and as it goes into the video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.media.audio import FULL_SCALE
from assets.media.limits import ProbeLimits
from assets.media.mono_mix import JUDGED_S, MonoMix, choose_mix
from assets.media.opening import check_file, choose_main_stream, open_media
from assets.mels.settings import MelSettings
from cals_models.timebase import FPS, MELS_PER_FRAME, SAMPLE_RATE_HZ
from pipelines.dubbing.audio_formats import AUDIO_FORMATS
from pipelines.dubbing.audio_notes import AudioNotes
from pipelines.dubbing.audio_timeline import AudioTarget, timed_blocks
from pipelines.dubbing.source_video import STAGE, errors_with_path

# At these rates an AAC packet, the granularity of the audio's end, is shorter than a video frame of 25 a second.
OUTPUT_RATES_HZ = (44_100, 48_000)
MEL_AT_ONCE_FRAMES = 1500
# Seconds of audio with this many channels are held at most until the mix is chosen; of more channels, fewer seconds.
MOST_CHANNELS = 8
PLAIN_MIXES = ("mono", "mean", "weighted")
NO_MIX = MonoMix(name="", weights=np.ones(1, np.float32))


@dataclass(frozen=True, kw_only=True)
class DubAudio:
    """An audio file, from its first sample on.

    Args:
        path: the file.
        mono: int16 (n,), 16 kHz, as the model reads it.
        rate_hz, num_channels: of the audio as it goes into the video.
        mixes: how the channels of each layout, by their names, became one.
        taken: which audio stream was taken, where there are several, how its channels became one, and what was done on
            its time line.
        is_as_given: ``taken`` says nothing that a person would not expect.
    """

    path: Path
    mono: NDArray[np.int16]
    rate_hz: int
    num_channels: int
    mixes: dict[tuple[str, ...], MonoMix]
    taken: str
    is_as_given: bool = True

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
    why = _check(path, limits)
    longest = int(limits.max_duration_s * SAMPLE_RATE_HZ)
    notes, mixer, num_samples = AudioNotes(), _Mixer(), 0
    for block in timed_blocks(path, AudioTarget(rate_hz=SAMPLE_RATE_HZ), notes):
        mixer.add(_as_int16(block.samples), block.names)
        num_samples += block.samples.shape[1]
        if num_samples > longest:
            gaps = (
                f", {sum(length for _, length in notes.gaps):.0f} s of it gaps in its time stamps"
                if notes.gaps
                else ""
            )
            raise ValueError(
                f"{path}: longer than {limits.max_duration_s:.0f} s, the longest that is read{gaps}"
            )
    if num_samples < SAMPLE_RATE_HZ // FPS:
        raise ValueError(f"{path}: {num_samples / SAMPLE_RATE_HZ:.3f} s of audio; at least 0.04 s are needed")
    rates_hz = {rate_hz for _, rate_hz, _ in notes.shapes}
    mono, mixes = mixer.finish()
    names = " and ".join(dict.fromkeys(mix.name for mix in mixes.values()))
    return DubAudio(
        path=path,
        mono=mono,
        rate_hz=rates_hz.pop() if rates_hz in ({rate} for rate in OUTPUT_RATES_HZ) else OUTPUT_RATES_HZ[-1],
        num_channels=min(max(len(channels) for channels in mixes), 2),
        mixes=mixes,
        taken="; ".join(filter(None, [why, f"channels: {names}", *notes.lines()])),
        is_as_given=why is None and names in PLAIN_MIXES and not notes.lines(),
    )


def _check(path: Path, limits: ProbeLimits) -> str | None:
    """Checks a file before it is decoded; says why its audio stream is the one of several to take."""
    with errors_with_path(path):
        check_file(path, limits.max_bytes, STAGE)
        with open_media(path, STAGE, formats=AUDIO_FORMATS) as container:
            if len(container.streams) > limits.max_streams:
                raise ValueError(
                    f"{path}: {len(container.streams)} streams; at most {limits.max_streams} are read"
                )
            if not container.streams.audio:
                kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
                raise ValueError(f"{path}: has no audio track (it holds: {kinds}); give a file with audio")
            return choose_main_stream(container, "audio", STAGE).why


class _Mixer:
    """Mixes each layout's channels to one, by what its first ten minutes hold."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.int16]] = []
        self._waiting: dict[tuple[str, ...], list[int]] = {}
        self._num_waiting: dict[tuple[str, ...], int] = {}
        self._mixes: dict[tuple[str, ...], MonoMix] = {}

    def add(self, samples: NDArray[np.int16], names: tuple[str, ...]) -> None:
        """Takes int16 (C, n); silence has no names."""
        if names in self._mixes or not names:
            self._pieces.append(_mixed(samples, self._mixes.get(names, NO_MIX)))
            return
        self._waiting.setdefault(names, []).append(len(self._pieces))
        self._pieces.append(samples)
        waiting = self._num_waiting[names] = self._num_waiting.get(names, 0) + samples.shape[1]
        if waiting >= JUDGED_S * SAMPLE_RATE_HZ * min(1.0, MOST_CHANNELS / len(names)):
            self._choose(names)

    def finish(self) -> tuple[NDArray[np.int16], dict[tuple[str, ...], MonoMix]]:
        """int16 (n,) of all that was added, and how the channels of each layout were mixed."""
        for names in list(self._waiting):
            self._choose(names)
        return np.concatenate([piece.reshape(-1) for piece in self._pieces]), self._mixes

    def _choose(self, names: tuple[str, ...]) -> None:
        places = self._waiting.pop(names)
        start = np.concatenate([self._pieces[at] for at in places], axis=1).astype(np.float32)
        mix = self._mixes[names] = choose_mix(start / np.float32(FULL_SCALE), names, SAMPLE_RATE_HZ)
        for at in places:
            self._pieces[at] = _mixed(self._pieces[at], mix)


def _as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    scaled = np.rint(samples * np.float32(FULL_SCALE))
    rounded: NDArray[np.int16] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return rounded


def _mixed(samples: NDArray[np.int16], mix: MonoMix) -> NDArray[np.int16]:
    mixed: NDArray[np.int16] = np.rint(mix.of(samples.astype(np.float32))).astype(np.int16)
    return mixed


def output_blocks(audio: DubAudio, num_samples: int) -> Iterator[NDArray[np.float32]]:
    """The audio for the video as blocks (C, n) float32 in [-1, 1], ``num_samples`` in all, padded with silence."""
    left = num_samples
    target = AudioTarget(rate_hz=audio.rate_hz, layout=audio.layout)
    for block in timed_blocks(audio.path, target, AudioNotes()):
        if left <= 0:
            return
        samples = block.samples[:, :left]
        if len(samples) > audio.num_channels:  # channels without names, which FFmpeg can't place
            samples = audio.mixes[block.names].of(samples)[None]
        yield np.broadcast_to(samples, (audio.num_channels, samples.shape[1]))
        left -= samples.shape[1]
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
