"""Audio as 16 kHz mono, exactly 640 samples a video frame, placed on the video's time line by time stamps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from assets.media.mono_mix import MonoMix, choose_mix
from assets.media.opening import Complaints, decode, demux, open_media
from assets.media.probe import Probe
from assets.media.timeline import Span
from assets.workers.rejected import Rejected
from cals_models.timebase import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

# int16 value of full scale 1.
FULL_SCALE = 32_768
# Time stamps jitter (Matroska counts milliseconds); a larger step is a gap or an overlap.
JITTER_S = 0.012
# A segment that starts later than this is reached by seeking, to this long before it (codecs need a run-up).
SEEK_FROM_S = 2.0
RUN_UP_S = 0.5
# PyAV crashes where it reads more planes of an audio frame.
PLANES_READ = 8
# Share of packets that a decoder may complain about, and of the span that may lack audio between the stream's first
# and last sample.
MAX_DAMAGED_SHARE = 0.01
MAX_MISSING_SHARE = 0.02
# |sample| from which it counts as clipped; RMS of a tick (full scale 1) below which it counts as silent (-60 dB).
CLIPPED_FROM = 32_766
SILENT_RMS = 1e-3


@dataclass(frozen=True, kw_only=True)
class AlignedAudio:
    """The audio of a span.

    Attributes:
        samples: (640 * num_frames,) int16 at 16 kHz; sample 640 * k is played when tick k is shown.
        missing: (start, end) sample ranges for which the file has no audio; zeros there.
        missing_share, silent_share, clipped_share: shares of the samples (silent: of the 40 ms ticks).
        source_rate_hz, source_channels: of the decoded audio.
        mix: how the channels became one (`assets.media.mono_mix`).
    """

    samples: NDArray[np.int16]
    missing: tuple[tuple[int, int], ...]
    missing_share: float
    silent_share: float
    clipped_share: float
    source_rate_hz: int
    source_channels: int
    mix: str


def read_audio(probe: Probe, span: Span, *, stage: str = "mels") -> AlignedAudio:
    """Decodes, mixes, resamples and aligns the audio of a span.

    Encoder delay, edit lists and Opus' pre-skip are applied by FFmpeg and show in the time stamps; libswresample
    adds no delay of its own. The audio is placed to within one output sample.

    Args:
        probe: of the file.
        span: the part to read.
        stage: named in a rejection.

    Raises:
        Rejected: damaged, if the decoder complains about more than 1 % of the packets or more than 2 % of the
            span has no audio between the stream's first and last sample.
    """
    complaints = Complaints()
    samples = np.zeros(span.num_frames * SAMPLES_PER_FRAME, np.float32)
    covered = np.zeros(len(samples), bool)
    counts = _Counts()
    with open_media(probe.path, stage) as container:
        runs = list(_runs(container, probe, span, complaints, counts))
    longest_first = sorted(runs, key=lambda run: -run.num_samples / run.rate_hz)
    mixes: dict[tuple[str, ...], MonoMix] = {}
    for run in longest_first:  # one mix for all of a layout, so that the level does not jump
        if run.channel_names not in mixes:
            mixes[run.channel_names] = choose_mix(run.joined(), run.channel_names, run.rate_hz)
    for run in runs:
        mono = mixes[run.channel_names].of(run.joined())
        _place(resample(mono, run.rate_hz), run.start_s - span.start_s, samples, covered)
    missing = _ranges(~covered)
    _check(probe, span, complaints, counts, missing, stage)
    rounded = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return AlignedAudio(
        samples=rounded,
        missing=missing,
        missing_share=float(1 - covered.mean()),
        silent_share=float((_tick_rms(rounded) < SILENT_RMS).mean()),
        clipped_share=float((np.abs(rounded.astype(np.int32)) >= CLIPPED_FROM).mean()),
        source_rate_hz=longest_first[0].rate_hz,
        source_channels=len(longest_first[0].channel_names),
        mix=" and ".join(dict.fromkeys(mix.name for mix in mixes.values())),
    )


def resample(mono: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Resamples to 16 kHz with libswresample; sample 0 stays at time 0.

    Args:
        mono: (N,) float32 at `rate_hz`.

    Returns:
        (about N * 16000 / rate_hz,) float32.
    """
    if rate_hz == SAMPLE_RATE_HZ:
        return mono
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    parts = []
    for start in range(0, len(mono), 1 << 16):
        block = np.ascontiguousarray(mono[None, start : start + (1 << 16)])
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
        frame.sample_rate = rate_hz
        parts += resampler.resample(frame)
    parts += resampler.resample(None)
    return np.concatenate([part.to_ndarray()[0] for part in parts]) if parts else np.zeros(0, np.float32)


class _Run:
    """Decoded audio without a gap: start (container time), rate, channel names and blocks of (C, n) float32."""

    def __init__(self, start_s: float, rate_hz: int, channel_names: tuple[str, ...]) -> None:
        self.start_s = start_s
        self.rate_hz = rate_hz
        self.channel_names = channel_names
        self.num_samples = 0
        self._blocks: list[NDArray[np.float32]] = []

    @property
    def end_s(self) -> float:
        return self.start_s + self.num_samples / self.rate_hz

    def add(self, block: NDArray[np.float32]) -> None:
        self._blocks.append(block)
        self.num_samples += block.shape[1]

    def joined(self) -> NDArray[np.float32]:
        return np.concatenate(self._blocks, axis=1)


@dataclass
class _Counts:
    num_packets: int = 0


def _runs(
    container: InputContainer, probe: Probe, span: Span, complaints: Complaints, counts: _Counts
) -> Iterator[_Run]:
    """Runs of decoded audio that reach into the span. A gap or an overlap starts a new run."""
    stream: Any = container.streams[probe.audio.index]
    target_s = span.start_s - RUN_UP_S
    if not probe.video.counted and target_s - probe.audio.start_s > SEEK_FROM_S:
        container.seek(round((target_s + probe.start_s) / stream.time_base), stream=stream, backward=True)
    run: _Run | None = None
    for packet in demux(container, stream):
        frames, _ = decode(packet, complaints)
        counts.num_packets += 1
        for frame in frames:
            names = tuple(channel.name for channel in frame.layout.channels)
            start_s = run.end_s if run and frame.pts is None else _start_s(frame, probe)
            same = run is not None and (run.rate_hz, run.channel_names) == (frame.sample_rate, names)
            if run is None or not same or abs(start_s - run.end_s) > JITTER_S:
                if run is not None and run.num_samples:
                    yield run
                run = _Run(start_s, frame.sample_rate, names)
            if start_s + frame.samples / frame.sample_rate > target_s or run.num_samples:
                run.add(_as_float(frame))
            else:
                run.start_s = start_s + frame.samples / frame.sample_rate
        if run is not None and run.end_s > span.end_s + RUN_UP_S:
            break
    if run is not None and run.num_samples:
        yield run


def _start_s(frame: Any, probe: Probe) -> float:
    if frame.pts is None:
        return probe.audio.start_s
    return float(frame.pts * frame.time_base) - probe.start_s


def _as_float(frame: Any) -> NDArray[np.float32]:
    """(channels, samples) float32 in -1..1, whatever the sample format."""
    if frame.format.is_planar and frame.layout.nb_channels > PLANES_READ:
        packed = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        frame = packed.resample(frame)[0]
    array: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, frame.layout.nb_channels).T
    block: NDArray[np.float32] = array.astype(np.float32)
    if array.dtype == np.uint8:
        block = (block - np.float32(128)) / np.float32(128)
    elif array.dtype.kind == "i":
        block /= np.float32(-np.iinfo(array.dtype).min)
    else:
        np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return block


def _place(
    block: NDArray[np.float32], offset_s: float, samples: NDArray[np.float32], covered: NDArray[np.bool_]
) -> None:
    """Writes a block at its place; samples outside are dropped, and earlier ones are kept where blocks overlap."""
    at = round(offset_s * SAMPLE_RATE_HZ)
    first, last = max(at, 0), min(at + len(block), len(samples))
    if first >= last:
        return
    free = ~covered[first:last]
    samples[first:last][free] = block[first - at : last - at][free]
    covered[first:last] = True


def _ranges(flags: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))


def _tick_rms(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    ticks = samples.reshape(-1, SAMPLES_PER_FRAME).astype(np.float32) / FULL_SCALE
    rms: NDArray[np.float32] = np.sqrt(np.square(ticks).mean(axis=1))
    return rms


def _check(
    probe: Probe,
    span: Span,
    complaints: Complaints,
    counts: _Counts,
    missing: tuple[tuple[int, int], ...],
    stage: str,
) -> None:
    """Rejects audio with gaps or too many damaged packets; lacking audio at either end is allowed by the span."""
    first = round(max(probe.audio.start_s - span.start_s, 0) * SAMPLE_RATE_HZ)
    last = round((min(probe.audio.end_s, span.end_s) - span.start_s) * SAMPLE_RATE_HZ)
    lost = sum(max(min(end, last) - max(start, first), 0) for start, end in missing)
    why = f"; FFmpeg: {complaints.first}" if complaints.first else ""
    if lost > MAX_MISSING_SHARE * max(last - first, 1):
        raise Rejected(
            stage,
            "damaged",
            f"{lost / SAMPLE_RATE_HZ:.2f} s of {(last - first) / SAMPLE_RATE_HZ:.2f} s of audio are missing{why}",
        )
    if complaints.num_packets > MAX_DAMAGED_SHARE * counts.num_packets:
        raise Rejected(
            stage,
            "damaged",
            f"the decoder complains about {complaints.num_packets} of {counts.num_packets} audio packets{why}",
        )
