"""Files with a stream beside the two that are used, most often before them: subtitles, a cover image, other audio."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.stream import Disposition

Kind = Literal["subtitles", "cover", "thumbnail", "audio"]
KINDS: tuple[Kind, ...] = ("subtitles", "cover", "thumbnail", "audio")
SUBTITLES = "1\n00:00:00,500 --> 00:00:01,500\nhello\n\n2\n00:00:01,600 --> 00:00:02,500\nworld\n"
# MP4 keeps a cover behind the tracks, Matroska as an attachment.
SUFFIX = {"cover": "mp4"}


def with_stream_first(source: Path, folder: Path, kind: Kind) -> Path:
    """Copies a file's video and audio, behind a stream of another kind where the container allows it.

    Args:
        source: a file with one video and one audio stream.
        folder: where the new file is written.
        kind: of the other stream; the audio is that of another language and not the default.

    Returns:
        The new file.
    """
    path = folder / f"{kind}_first_{source.stem}.{SUFFIX.get(kind, 'mkv')}"
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        first, packets = _first(made, kind, folder)
        streams = {
            s.index: made.add_stream_from_template(s) for s in (*given.streams.video, *given.streams.audio)
        }
        for stream in streams.values():
            stream.disposition = Disposition.default
        made.start_encoding()
        for packet in packets(first):
            made.mux(packet)
        for packet in given.demux(*(given.streams[index] for index in streams)):
            if packet.size:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
    return path


def _first(made: Any, kind: Kind, folder: Path) -> tuple[Any, Any]:
    """Stream 0 and the function that gives its packets."""
    if kind == "subtitles":
        text = folder / "subtitles.srt"
        text.write_text(SUBTITLES)
        with av.open(str(text)) as given:
            stream = made.add_stream_from_template(given.streams[0])
        return stream, lambda into: _copied(text, into)
    if kind == "audio":
        stream = made.add_stream("libopus", rate=48_000, layout="mono")
        stream.metadata["language"] = "fra"
        stream.disposition = Disposition.dub
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48_000
        return stream, lambda into: [*into.encode(silence), *into.encode(None)]
    stream = made.add_stream("mjpeg", rate=25)
    stream.width, stream.height, stream.pix_fmt = 160, 96, "yuvj420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
    stream.disposition = Disposition.attached_pic if kind == "cover" else Disposition.still_image
    image = av.VideoFrame.from_ndarray(np.full((96, 160, 3), 200, np.uint8)).reformat(format="yuvj420p")
    return stream, lambda into: [*into.encode(image), *into.encode(None)]


def _copied(path: Path, into: Any) -> list[Any]:
    with av.open(str(path)) as given:
        packets = [packet for packet in given.demux() if packet.size]
    for packet in packets:
        packet.stream = into
    return packets
