"""A Matroska file whose video was taken over from AVI, as older programs write it: `V_MS/VFW/FOURCC`."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av

NATIVE, TAKEN_OVER = b"V_MPEG4/ISO/ASP", b"V_MS/VFW/FOURCC"
CODEC_PRIVATE, HEADER_BYTES = b"\x63\xa2", 40


def avi_to_matroska(source: Path, path: Path) -> Path:
    """Puts the packets of an AVI file with MPEG-4 video into Matroska, each at its place."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        frames, samples = given.streams.video[0], given.streams.audio[0]
        video = out.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = frames.width, frames.height, "yuv420p"
        video.codec_context.extradata = bytes(HEADER_BYTES + 20)  # replaced below
        audio = out.add_stream_from_template(samples)
        for packet in given.demux(frames, samples):
            if not packet.size:
                continue
            if packet.stream_index == samples.index:
                packet.stream = audio
                out.mux(packet)
                continue
            copy = av.Packet(bytes(packet))
            copy.stream, copy.time_base = video, Fraction(1, 25)
            copy.pts = copy.dts = packet.dts
            copy.is_keyframe = packet.is_keyframe
            out.mux(copy)
        size = (video.width, video.height)
    data = bytearray(path.read_bytes())
    at = data.index(NATIVE)
    data[at : at + len(NATIVE)] = TAKEN_OVER
    at = data.index(CODEC_PRIVATE) + 3
    header = struct.pack("<IiiHH4sIiiII", HEADER_BYTES, *size, 1, 24, b"XVID", 0, 0, 0, 0, 0)
    data[at : at + HEADER_BYTES] = header
    path.write_bytes(data)
    return path
