"""Writes byte-reproducible MP4 files whose audio starts exactly with the first frame."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from cals_models.timebase import FPS, SAMPLE_RATE_HZ

_AAC_FRAME_SAMPLES = 1_024


def write_mp4(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    audio: NDArray[np.int16],
    *,
    crf: int,
    audio_bits_per_s: int,
) -> None:
    """Writes H.264 video at 25 fps and AAC audio.

    The AAC encoder puts priming samples before the audio; the file's edit list makes players drop them, so that
    sample 0 of `audio` plays with frame 0. One encoder thread and the muxer's bit-exact mode make the bytes
    repeatable.

    Args:
        frames: (H, W, 3) uint8 RGB, all of one size, H and W even.
        audio: (N,) int16, mono, 16 kHz.
    """
    with av.open(str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": str(crf), "preset": "veryfast"})
        video.pix_fmt = "yuv420p"
        video.codec_context.thread_count = 1
        video.codec_context.flags |= av.codec.context.Flags.bitexact
        stream = container.add_stream(
            "aac", rate=SAMPLE_RATE_HZ, layout="mono", options={"b": str(audio_bits_per_s)}
        )
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        packets = []
        for index, rgb in enumerate(frames):
            if index == 0:
                video.height, video.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            packets += video.encode(frame)
        packets += video.encode(None)
        for start in range(0, len(audio), _AAC_FRAME_SAMPLES):
            block = av.AudioFrame.from_ndarray(
                audio[None, start : start + _AAC_FRAME_SAMPLES], format="s16", layout="mono"
            )
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
            packets += stream.encode(block)
        packets += stream.encode(None)
        for packet in sorted(packets, key=lambda packet: float((packet.dts or 0) * packet.time_base)):
            container.mux(packet)
