"""Audio streams beside the main one: which of them goes with the lips is decided where lips are known."""

from __future__ import annotations

from dataclasses import replace

from assets.media.main_stream import MainStream, ranked_streams
from assets.media.opening import demux, open_media
from assets.media.packets import PacketLog
from assets.media.probe import Probe, audio_info

MOST_OTHERS = 3
"""Streams beside the main one that are compared with it, the likeliest first."""


def other_audio(found: Probe, *, stage: str) -> list[Probe]:
    """A file's probe with each further audio stream in place of the main one; at most ``MOST_OTHERS``, the likeliest first.

    Nothing is read of a file with one audio stream. Streams that can't be decoded are left out.

    Raises:
        Rejected: damaged.
    """
    if sum(stream.type == "audio" for stream in found.streams) < 2:
        return []
    with open_media(found.path, stage) as container:
        streams = [
            stream
            for stream in ranked_streams(container.streams.audio, container.streams.video)
            if stream.index != found.audio.index and stream.codec_context and stream.codec_context.sample_rate
        ][:MOST_OTHERS]
        logs = {stream.index: PacketLog(stream, found.start_s) for stream in streams}
        for packet in demux(container, *streams) if streams else ():
            logs[packet.stream.index].add(packet)
        return [
            replace(found, audio=audio_info(MainStream(stream=stream, why=None), logs[stream.index]))
            for stream in streams
            if logs[stream.index].first_frame is not None
        ]
