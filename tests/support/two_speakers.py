"""A video of two people side by side, of whom one is audible."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np


def write_two_speakers(path: Path, left: Path, right: Path, audio: Path) -> Path:
    """Writes two videos of one size and 25 fps side by side, with the audio of a file.

    Args:
        path: ends in .mkv. left, right: the videos. audio: one of them, or another.
    """
    with av.open(str(path), "w") as out, av.open(str(audio)) as source:
        stream = out.add_stream("libx264", rate=25, options={"crf": "14", "preset": "veryfast"})
        track = source.streams.audio[0]
        late_s = float((track.start_time or 0) * track.time_base) - (source.start_time or 0) / av.time_base
        audio_out = out.add_stream("pcm_s16le", rate=track.rate, layout="mono")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=track.rate)
        frames = _side_by_side(left, right)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        start = round(late_s * track.rate)
        for decoded in source.decode(track):
            for block in resampler.resample(decoded):
                block.pts, start = start, start + block.samples
                out.mux(audio_out.encode(block))
        out.mux(audio_out.encode(None))
    return path


def _side_by_side(left: Path, right: Path) -> list[av.VideoFrame]:
    with av.open(str(left)) as one, av.open(str(right)) as other:
        pairs = zip(one.decode(video=0), other.decode(video=0), strict=False)
        return [
            av.VideoFrame.from_ndarray(
                np.concatenate([a.to_ndarray(format="rgb24"), b.to_ndarray(format="rgb24")], axis=1),
                format="rgb24",
            )
            for a, b in pairs
        ]
