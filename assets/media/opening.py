"""Opens untrusted media files: local files only, one thread, limits first, FFmpeg's complaints counted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import av.logging
from av.container import InputContainer
from av.packet import Packet

from assets.media.main_stream import NO_VIDEO, MainStream, main_stream
from assets.workers.rejected import Rejected

av.logging.set_level(av.logging.ERROR)

# Containers and bare streams, but no playlists and no image sequences: those open other files or hosts.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,live_flv,asf,ogg,mxf,nut,h264,hevc,m4v,ivf,"
    "rm,wtv,dv,gif,aac,mp3,wav,flac"
)
PROTOCOLS = "file,pipe"
NOT_READ = "Format not on whitelist"
# FFmpeg errors about encoders that mark reference frames carelessly; the frames are right.
HARMLESS = ("mmco: unref short failure", "number of reference frames", "Increasing reorder buffer")


def check_file(path: Path | str, max_bytes: int, stage: str) -> int:
    """Size of a readable, regular file.

    Raises:
        Rejected: unreadable, empty_file, too_large.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Rejected(stage, "unreadable", "not a regular file")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise Rejected(stage, "unreadable", error.strerror or str(error)) from error
    if status.st_size == 0:
        raise Rejected(stage, "empty_file", "0 bytes")
    if status.st_size > max_bytes:
        raise Rejected(stage, "too_large", f"{status.st_size} bytes; at most {max_bytes} are read")
    return status.st_size


@contextmanager
def open_media(path: Path | str, stage: str, *, formats: str = FORMATS) -> Iterator[InputContainer]:
    """Opens a file for reading with one thread.

    Args:
        path: the file.
        stage: named in a rejection.
        formats: FFmpeg's names of the containers that are read, separated by commas.

    Raises:
        Rejected: not_a_video, if no demuxer accepts it; damaged, if FFmpeg fails inside the block.
    """
    options = {"protocol_whitelist": PROTOCOLS, "format_whitelist": formats}
    with ExitStack() as stack:
        source: Any = "file:" + os.path.abspath(path)
        try:
            source.encode("utf-8")
        except UnicodeEncodeError:  # FFmpeg takes names in UTF-8 only
            source = stack.enter_context(open(path, "rb"))
        try:
            with av.logging.Capture() as logs:
                container = stack.enter_context(av.open(source, options=options, metadata_errors="ignore"))
        except (av.FFmpegError, ValueError, OSError) as error:
            unread = any(text.startswith(NOT_READ) for _, _, text in logs)
            why = "its format is none of those that are read" if unread else _text_of(error)
            raise Rejected(stage, "not_a_video", f"FFmpeg can't open it: {why}") from error
        for stream in container.streams:
            if stream.type in ("video", "audio") and stream.codec_context is not None:
                stream.codec_context.thread_count = 1
                stream.codec_context.thread_type = "NONE"
        try:
            yield container
        except av.FFmpegError as error:
            raise Rejected(stage, "damaged", f"FFmpeg stopped reading: {_text_of(error)}") from error


def choose_stream(container: InputContainer, kind: str, stage: str) -> Any:
    """The video or audio stream to use; see ``choose_main_stream``."""
    return choose_main_stream(container, kind, stage).stream


def choose_main_stream(container: InputContainer, kind: str, stage: str) -> MainStream:
    """The video or audio stream to use, and why; cover images and thumbnails are no video.

    Raises:
        Rejected: no_video_stream, no_audio_stream, unknown_codec.
    """
    streams = [stream for stream in getattr(container.streams, kind) if not stream.disposition & NO_VIDEO]
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
        raise Rejected(stage, f"no_{kind}_stream", f"kinds of stream: {kinds}; video and audio are needed")
    main = main_stream(streams, container.streams.video if kind == "audio" else [])
    if main.stream.codec_context is None:
        raise Rejected(stage, "unknown_codec", f"there is no decoder for the {kind} stream")
    return main


@dataclass(kw_only=True)
class Complaints:
    """Packets that FFmpeg complained about while it read or decoded them, and the first complaint."""

    num_packets: int = 0
    first: str | None = field(default=None)

    def add(self, logs: list[tuple[int, str, str]]) -> bool:
        logs = [log for log in logs if not any(harmless in log[2] for harmless in HARMLESS)]
        if not logs:
            return False
        self.num_packets += 1
        if self.first is None:
            self.first = f"{logs[0][1]}: {logs[0][2].strip()}"
        return True


def demux(container: InputContainer, *streams: Any) -> Iterator[Packet[Any]]:
    """Packets of the streams, the empty ones that flush the decoders last. A read error ends the file."""
    packets = container.demux(*streams)
    while True:
        try:
            with av.logging.Capture():
                packet = next(packets)
        except (StopIteration, IndexError):  # PyAV also wants to flush streams that appeared within the file
            return
        yield packet


def decode(packet: Packet[Any], complaints: Complaints) -> tuple[list[Any], bool]:
    """Frames of a packet, and whether FFmpeg complained. A packet that can't be decoded gives none."""
    with av.logging.Capture() as logs:
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            logs.append((av.logging.ERROR, packet.stream.codec_context.name, _text_of(error)))
            frames = []
    return frames, complaints.add(logs)


def _text_of(error: BaseException) -> str:
    """An FFmpeg error without the path, which the row has: equal causes give equal texts."""
    return (getattr(error, "strerror", None) or str(error)).strip()
