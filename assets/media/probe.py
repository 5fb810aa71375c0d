"""Reads what a media file declares and what it holds, before anything relies on it.

The file is opened, its first frame and audio block are decoded and its packets are read once, all under limits: hostile
files announce three hours, eight thousand pixels or a hundred streams.

All times are container time: seconds after the container's start, as a player shows them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from assets.media.display import MOST_ASPECT, Display, display_of
from assets.media.limits import ProbeLimits as ProbeLimits
from assets.media.main_stream import MainStream
from assets.media.opening import check_file, choose_main_stream, choose_stream, open_media
from assets.media.packets import PacketLog, read_packets
from assets.workers.rejected import Rejected

# Formats without reliable time stamps: their frames are counted at the declared, constant rate.
COUNTED_FORMATS = frozenset({"mpeg", "mpegvideo", "m4v"})
# A stream may end this much before the time that the container declares, in seconds and as a share of it.
MISSING_END_S = 0.2
MISSING_SHARE = 0.01
# Steady time stamps count more than the declared rate if the two differ by this share.
RATE_DIFFERS = 0.05


@dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """One stream as the container declares it."""

    index: int
    type: str
    codec: str | None
    start_s: float | None
    duration_s: float | None


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """The video stream.

    Attributes:
        index: stream index. codec, pixel_format: FFmpeg's names.
        display: what is done to the stored frames for display.
        average_fps, declared_fps: frames a second over the file, and the constant rate that FFmpeg guesses.
        time_base: seconds of one unit of its time stamps, as `1/90000`.
        start_s, end_s: when the first frame appears and when the last one ends.
        num_packets: frames that the container holds, from the first decodable one on.
        promised_frames: number that the container declares, None if it declares none.
        longest_gap_s: longest time between two frames.
        counted: times come from counting frames at the constant rate, not from time stamps.
        placed: times come from the places of the frames, not from time stamps (`assets.media.frame_places`).
    """

    index: int
    codec: str
    pixel_format: str
    display: Display
    average_fps: float
    declared_fps: float
    time_base: str
    start_s: float
    end_s: float
    num_packets: int
    promised_frames: int | None
    longest_gap_s: float
    counted: bool
    placed: bool

    @property
    def width(self) -> int:
        """Square pixels as shown, turned; so is the height."""
        return self.display.size[0]

    @property
    def height(self) -> int:
        return self.display.size[1]

    @property
    def rotation(self) -> int:
        """Degrees clockwise by which the stored frames are turned for display: 0, 90, 180 or 270."""
        return self.display.orientation.rotation


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """The audio stream.

    Attributes:
        start_s, end_s: when the first sample is played (encoder delay excluded) and when the last one ends.
        why: why this one of several audio streams was taken; None where there is one.
    """

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    start_s: float
    end_s: float
    num_packets: int
    why: str | None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a file holds.

    Attributes:
        path: the file. container: FFmpeg's name of the format. num_bytes: its size.
        start_s: time stamp of container time 0, seconds.
        duration_s: what the container declares, None if nothing.
        video, audio: the streams that are used (`assets.media.main_stream`).
        streams: every stream.
    """

    path: str
    container: str
    num_bytes: int
    start_s: float
    duration_s: float | None
    video: VideoInfo
    audio: AudioInfo
    streams: tuple[StreamInfo, ...]


def probe(path: Path | str, limits: ProbeLimits | None = None, *, stage: str = "clips") -> Probe:
    """Probes a file.

    Args:
        path: the file.
        limits: the defaults if None.
        stage: named in a rejection.

    Raises:
        Rejected: unreadable, empty_file, not_a_video, no_video_stream, no_audio_stream, unknown_codec,
            too_many_streams, too_large, too_small, too_long, too_short, frame_rate, pixel_aspect, colours, damaged.
    """
    limits = limits or ProbeLimits()
    num_bytes = check_file(path, limits.max_bytes, stage)
    status = os.stat(path)
    return _probe(os.fspath(path), limits, stage, num_bytes, (status.st_ino, status.st_mtime_ns))


@lru_cache(maxsize=256)
def _probe(path: str, limits: ProbeLimits, stage: str, num_bytes: int, identity: tuple[int, int]) -> Probe:
    """Cached, since segments of one file follow each other in a worker; `identity` detects a changed file."""
    with open_media(path, stage) as container:
        _check_announced(container, limits, stage)
        video, main_audio = (
            choose_stream(container, "video", stage),
            choose_main_stream(container, "audio", stage),
        )
        audio = main_audio.stream
        stored = (video.codec_context.width, video.codec_context.height)
        _check_size(*stored, limits, stage, enlarged_by=MOST_ASPECT)
        start_s = (container.start_time or 0) / av.time_base
        frames, samples = read_packets(container, video, audio, start_s)
        for kind, log in (("video", frames), ("audio", samples)):
            if log.first_frame is None:
                why = log.complaints.first or "the stream is empty"
                raise Rejected(stage, "damaged", f"no {kind} could be decoded: {why}")
        result = Probe(
            path=path,
            container=container.format.name,
            num_bytes=num_bytes,
            start_s=start_s,
            duration_s=container.duration / av.time_base if container.duration else None,
            video=_video_info(path, video, frames, container.format.name, stage),
            audio=audio_info(main_audio, samples),
            streams=tuple(_stream_info(stream, start_s) for stream in container.streams),
        )
    _check_size(result.video.width, result.video.height, limits, stage)
    _check_promises(result, frames, samples, stage)
    _check_duration(result, limits, stage)
    return result


def _video_info(path: str, stream: Any, log: PacketLog, container: str, stage: str) -> VideoInfo:
    declared_fps = float(stream.guessed_rate or stream.average_rate or 0)
    counted = container in COUNTED_FORMATS and declared_fps > 0 and not has_other_rate(log, declared_fps)
    return VideoInfo(
        index=stream.index,
        codec=stream.codec_context.name,
        pixel_format=log.first_frame.format.name,
        display=display_of(path, stream, log.first_frame, stage),
        average_fps=declared_fps if counted else log.frame_rate() or declared_fps,
        declared_fps=declared_fps,
        time_base=str(stream.time_base),
        start_s=log.first_s,
        end_s=log.first_s + log.num / declared_fps if counted else log.end_s(),
        num_packets=log.num,
        promised_frames=stream.frames or None,
        longest_gap_s=1 / declared_fps if counted else log.longest_gap_s(),
        counted=counted,
        placed=log.placed,
    )


def has_other_rate(log: PacketLog, declared_fps: float) -> bool:
    """Whether steady time stamps give another rate than the declared one (film in a television stream)."""
    rate = log.frame_rate()
    return rate > 0 and log.longest_gap_s() < 2.5 / rate and abs(rate / declared_fps - 1) > RATE_DIFFERS


def audio_info(main: MainStream, log: PacketLog) -> AudioInfo:
    """What is known of an audio stream whose packets were read, at least one of which could be decoded."""
    stream = main.stream
    return AudioInfo(
        index=stream.index,
        codec=stream.codec_context.name,
        sample_rate_hz=log.first_frame.sample_rate,
        channels=log.first_frame.layout.nb_channels,
        layout=log.first_frame.layout.name,
        start_s=log.start_s(),
        end_s=log.end_s(log.first_frame.sample_rate),
        num_packets=log.num,
        why=main.why,
    )


def _stream_info(stream: Any, container_start_s: float) -> StreamInfo:
    def seconds(units: int | None) -> float | None:
        return None if units is None or stream.time_base is None else float(units * stream.time_base)

    start_s = seconds(stream.start_time)
    return StreamInfo(
        index=stream.index,
        type=stream.type,
        codec=stream.codec_context.name if stream.codec_context else None,
        start_s=None if start_s is None else start_s - container_start_s,
        duration_s=seconds(stream.duration),
    )


def _check_announced(container: InputContainer, limits: ProbeLimits, stage: str) -> None:
    num = len(container.streams)
    if num > limits.max_streams:
        raise Rejected(stage, "too_many_streams", f"{num} streams; at most {limits.max_streams}")
    duration_s = (container.duration or 0) / av.time_base
    if duration_s > limits.max_duration_s:
        raise Rejected(stage, "too_long", f"{duration_s:.1f} s; at most {limits.max_duration_s:g} s")


def _check_size(width: int, height: int, limits: ProbeLimits, stage: str, *, enlarged_by: int = 1) -> None:
    """Checks a size as displayed, or as stored: then pixels that are not square may enlarge the shorter side."""
    if max(width, height) > limits.max_side_px:
        raise Rejected(stage, "too_large", f"{width}x{height} pixels; at most {limits.max_side_px} a side")
    if min(width, height) * enlarged_by < limits.min_side_px:
        raise Rejected(stage, "too_small", f"{width}x{height} pixels; at least {limits.min_side_px} a side")


def _check_promises(found: Probe, frames: PacketLog, samples: PacketLog, stage: str) -> None:
    """Compares the packets with what the container declares: a file cut short still opens."""
    promised, held = found.video.promised_frames or 0, frames.num_held
    if found.container == "avi":  # also counts places of frames left out
        held = max(held, round((found.video.end_s + found.start_s) * found.video.declared_fps))
    if promised - held > MISSING_SHARE * promised + 2:
        raise Rejected(stage, "damaged", f"the container promises {promised} frames and holds {held}")
    declared = {stream.index: _promised_s(stream, found) for stream in found.streams}
    promises = [
        ("video", declared[found.video.index], frames.held_s()),
        ("audio", declared[found.audio.index], samples.held_s()),
    ]
    if len(found.streams) == 2 and promises[0][1] is None and promises[1][1] is None:
        # One duration for the whole file (Matroska): the longer of the two streams must reach it.
        promises = [("film", found.duration_s, max(found.video.end_s, found.audio.end_s))]
    for kind, promised_s, held_s in promises:
        if promised_s is not None and promised_s - held_s > max(MISSING_END_S, MISSING_SHARE * promised_s):
            raise Rejected(
                stage,
                "damaged",
                f"the container promises {promised_s:.2f} s of {kind} and holds {held_s:.2f} s",
            )


def _promised_s(stream: StreamInfo, found: Probe) -> float | None:
    """Duration that a stream declares; Ogg counts it from time 0, not from the stream's start."""
    if stream.duration_s is None or stream.start_s is None or found.container != "ogg":
        return stream.duration_s
    return stream.duration_s - (stream.start_s + found.start_s)


def _check_duration(found: Probe, limits: ProbeLimits, stage: str) -> None:
    video, audio = found.video, found.audio
    duration_s = max(video.end_s - video.start_s, audio.end_s - audio.start_s)
    if duration_s > limits.max_duration_s:
        raise Rejected(stage, "too_long", f"{duration_s:.1f} s; at most {limits.max_duration_s:g} s")
    if video.end_s - video.start_s < limits.min_duration_s:
        raise Rejected(
            stage,
            "too_short",
            f"{video.num_packets} frames, {video.end_s - video.start_s:.3f} s; at least {limits.min_duration_s:g} s",
        )
    if not limits.min_frame_rate <= round(video.average_fps, 1) <= limits.max_frame_rate:
        raise Rejected(
            stage,
            "frame_rate",
            f"{video.average_fps:.1f} frames a second; {limits.min_frame_rate:g} to {limits.max_frame_rate:g} are read",
        )
