"""The decoded audio of a file on the time line that a player shows: gaps are silence, rates and layouts may change.

Time 0 is the file's first video frame; in a file without video the start of its audio, or what an MP4's edit list puts
before it. Time stamps place the audio where the container has any; else blocks follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.format import Flags
from numpy.typing import NDArray

from assets.media.audio import JITTER_S
from assets.media.opening import Complaints, choose_main_stream, choose_stream, decode, demux, open_media
from assets.media.packets import PacketLog
from assets.workers.rejected import Rejected
from pipelines.dubbing.audio_formats import AUDIO_FORMATS
from pipelines.dubbing.audio_notes import AudioNotes
from pipelines.dubbing.source_video import STAGE, errors_with_path

MAX_DAMAGED_SHARE = 0.01
# Containers whose time stamps are recorded; in the others FFmpeg counts samples or bytes.
TIME_STAMPED = frozenset({
    "mov", "matroska", "webm", "mpegts", "mpeg", "asf", "flv", "live_flv", "nut", "ogg", "mxf", "rm", "wtv", "gxf", "caf",
})  # fmt: skip
# FFmpeg's own bound (`dts_delta_threshold`): in broadcast streams a longer step is a new clock.
NEW_CLOCK_S = 10.0
# Blocks that step back further are a second recording behind the first, not an overlap.
OVERLAP_S = 1.0
# An edit list of a file without video that starts later than this is the clock of a cut broadcast.
EDIT_LIST_S = 60.0
SILENCE_AT_ONCE_S = 1.0
# PyAV reads at most eight channels of a planar frame.
PACKED = "flt"


@dataclass(frozen=True, kw_only=True)
class AudioBlock:
    """Resampled audio that follows the block before.

    Args:
        samples: (C, n) float32, full scale 1.
        names: of the C channels; empty for silence that no layout belongs to.
    """

    samples: NDArray[np.float32]
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AudioTarget:
    """What the audio is resampled to.

    Args:
        rate_hz: sample rate.
        layout: None keeps that of the file.
    """

    rate_hz: int
    layout: str | None = None


def timed_blocks(path: Path, target: AudioTarget, notes: AudioNotes) -> Iterator[AudioBlock]:
    """Decodes and resamples a file's audio from time 0 on, block after block.

    Args:
        path: the file.
        target: of the resampling.
        notes: is filled with what was done.

    Raises:
        ValueError: unreadable or damaged.
    """
    with errors_with_path(path):
        origin_s = _first_frame_s(path)
        written = _Written(target)
        run: _Run | None = None
        for time_s, frame in _timed_frames(path, origin_s, notes):
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            if run is None or run.shape != shape or time_s is not None:
                if run is not None:
                    yield from written.passed(run.rest())
                notes.add_shape(shape[2], shape[1], written.num / target.rate_hz)
                run = _Run(shape, frame, target, notes)
            if time_s is not None:
                yield from written.up_to(time_s)
            yield from written.passed(run.blocks(frame))
        if run is not None:
            yield from written.passed(run.rest())


class _Run:
    """Frames of one sample format, layout and rate, with their resampler."""

    def __init__(
        self, shape: tuple[str, str, int], frame: Any, target: AudioTarget, notes: AudioNotes
    ) -> None:
        self.shape, self._notes = shape, notes
        layout = frame.layout if target.layout is None or not _is_named(frame.layout) else target.layout
        self._resampler = av.AudioResampler(format=PACKED, layout=layout, rate=target.rate_hz)
        self._names = tuple(channel.name for channel in av.AudioLayout(layout).channels)

    def blocks(self, frame: Any) -> Iterator[AudioBlock]:
        frame.pts = None
        return self._blocks(self._resampler.resample(frame))

    def rest(self) -> Iterator[AudioBlock]:
        return self._blocks(self._resampler.resample(None))

    def _blocks(self, pieces: list[Any]) -> Iterator[AudioBlock]:
        for piece in pieces:
            if piece is not None:
                samples = piece.to_ndarray().reshape(-1, len(self._names)).T
                is_number = np.isfinite(samples)
                if not is_number.all():  # FFmpeg's encoders would reject them
                    self._notes.num_no_numbers += int(np.count_nonzero(~is_number.all(axis=0)))
                    samples = np.where(is_number, samples, np.float32(0))
                yield AudioBlock(samples=samples, names=self._names)


class _Written:
    """Counts the samples that were passed on; fills gaps and leaves out what comes twice."""

    def __init__(self, target: AudioTarget) -> None:
        self.num = 0
        self._target = target
        self._surplus = 0

    def up_to(self, time_s: float) -> Iterator[AudioBlock]:
        """Silence up to a time; where that is past already, as much of what follows is left out."""
        lacking = round(time_s * self._target.rate_hz) - self.num
        self._surplus = max(-lacking, 0)
        while lacking > 0:
            size = min(lacking, round(SILENCE_AT_ONCE_S * self._target.rate_hz))
            self.num += size
            lacking -= size
            yield AudioBlock(samples=np.zeros((1, size), np.float32), names=())

    def passed(self, blocks: Iterator[AudioBlock]) -> Iterator[AudioBlock]:
        for block in blocks:
            left_out = min(self._surplus, block.samples.shape[1])
            self._surplus -= left_out
            samples = block.samples[:, left_out:]
            self.num += samples.shape[1]
            if samples.shape[1]:
                yield AudioBlock(samples=samples, names=block.names)


def _timed_frames(path: Path, video_s: float | None, notes: AudioNotes) -> Iterator[tuple[float | None, Any]]:
    """Decoded frames; each that does not follow the one before, with its time."""
    complaints, num_packets = Complaints(), 0
    with open_media(path, STAGE, formats=AUDIO_FORMATS) as container:
        stream = choose_stream(container, "audio", STAGE)
        clock = _Clock(container, stream, video_s, notes)
        for packet in demux(container, stream):
            frames, _ = decode(packet, complaints)
            num_packets += 1
            for frame in frames:
                if frame.samples:
                    yield clock.step(frame), frame
    if complaints.num_packets > max(1.0, MAX_DAMAGED_SHARE * num_packets):
        raise ValueError(
            f"{path}: damaged: the decoder rejects {complaints.num_packets} of {num_packets} audio packets; "
            f"FFmpeg: {complaints.first}"
        )


class _Clock:
    """Time of the next sample, by counting and by the time stamps."""

    def __init__(self, container: Any, stream: Any, video_s: float | None, notes: AudioNotes) -> None:
        names = set(container.format.name.split(","))
        start_s = float((stream.start_time or 0) * stream.time_base)
        if video_s is not None:
            self._origin_s = video_s
        elif "mov" in names and 0 < start_s <= EDIT_LIST_S:
            self._origin_s = 0.0
        else:
            self._origin_s = start_s
        self._is_stamped = bool(names & TIME_STAMPED)
        self._is_broadcast = bool(Flags.ts_discont & Flags(container.format.flags))
        self._counts_samples = "ogg" in names
        self._notes = notes
        self._next_s: float | None = None

    def step(self, frame: Any) -> float | None:
        """Time of a frame that does not follow the one before; None for one that does."""
        is_first = self._next_s is None
        due_s = 0.0 if self._next_s is None else self._next_s
        placed_s: float | None = None
        if self._is_stamped and frame.pts is not None and self._counts_in(frame):
            at_s = float(frame.pts * frame.time_base) - self._origin_s
            if abs(at_s - due_s) > JITTER_S and (is_first or not self._is_new_clock(at_s, due_s)):
                placed_s = at_s
                self._note(at_s, due_s, is_first)
        start_s = due_s if placed_s is None else placed_s
        self._next_s = start_s + frame.samples / frame.sample_rate
        return placed_s

    def _counts_in(self, frame: Any) -> bool:
        """Ogg counts samples; FFmpeg takes those of a second recording, at another rate, for those of the first."""
        return not self._counts_samples or frame.time_base * frame.sample_rate == 1

    def _is_new_clock(self, at_s: float, due_s: float) -> bool:
        """Whether the time stamps jump without a gap or an overlap in the audio; they are followed from there on."""
        jump_s = at_s - due_s
        is_second = jump_s < (0 if self._counts_samples else -OVERLAP_S)
        if not (is_second or (self._is_broadcast and jump_s > NEW_CLOCK_S)):
            return False
        self._origin_s += jump_s
        self._notes.add_jump(jump_s, due_s)
        return True

    def _note(self, at_s: float, due_s: float, is_first: bool) -> None:
        if at_s < due_s:
            self._notes.add_left_out(due_s - at_s, is_first)
        else:
            self._notes.add_silence(at_s - due_s, due_s, is_first)


def _first_frame_s(path: Path) -> float | None:
    """Time stamp of the first video frame; None where the file has no video."""
    with open_media(path, STAGE, formats=AUDIO_FORMATS) as container:
        try:
            stream = choose_main_stream(container, "video", STAGE).stream
        except Rejected:
            return None
        log = PacketLog(stream, 0.0)
        for packet in demux(container, stream):
            log.add(packet)
            if log.first_frame is not None:
                return log.first_s
    return None


def _is_named(layout: Any) -> bool:
    """Whether FFmpeg knows where the channels belong; those of other layouts can't be mixed by it."""
    return layout.nb_channels <= 2 or all(
        channel.name.isalpha() and channel.name != "NONE" for channel in layout.channels
    )
