"""Clips in GRID's format, rendered by the sample corpus: stand-ins where the real clips are missing.

A face that talks, 75 frames of 360x288 at 25 fps (MPEG-1) with 3 s of audio (mp2, 44.1 kHz, stereo), one speaker.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from assets.sample_corpus.clip import make_clip
from assets.sample_corpus.plan import ClipPlan
from assets.sample_corpus.settings import SampleCorpusSettings

NAMES = ("bbaf2n", "bbal8p", "bbaz4n")
NUM_FRAMES = 75
WIDTH_PX, HEIGHT_PX = 360, 288
RATE_HZ = 44_100


def make_grid_stand_ins(folder: Path) -> list[Path]:
    """Writes the clips into a folder; the same bytes at every call.

    Returns:
        Their paths, sorted by name.
    """
    paths = []
    for name in NAMES:
        plan = ClipPlan(dataset="made", split="train", path=name, speaker=0, duration_s=NUM_FRAMES / 25)
        make_clip(plan, folder / "mp4", SampleCorpusSettings())
        path = folder / "s1" / f"{name}.mpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_mpg(folder / "mp4" / "made" / f"{name}.mp4", path)
        paths.append(path)
    return paths


def _write_mpg(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w", format="mpeg") as written:
        video = written.add_stream("mpeg1video", rate=25, options={"b": "1200000", "bf": "2"})
        video.width, video.height, video.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        audio = written.add_stream("mp2", rate=RATE_HZ, layout="stereo")
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE_HZ)
        packets = []
        for number, frame in enumerate(_frames(given)):
            shown = av.VideoFrame.from_ndarray(_on_canvas(frame), format="rgb24")
            shown.pts = number
            packets += video.encode(shown)
        packets += video.encode(None)
        given.seek(0)
        for decoded in given.decode(audio=0):
            for block in resampler.resample(decoded):
                packets += audio.encode(block)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda packet: float((packet.dts or 0) * packet.time_base)):
            written.mux(packet)


def _frames(container: av.container.InputContainer) -> list[np.ndarray]:
    frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return frames[:NUM_FRAMES]


def _on_canvas(frame: np.ndarray) -> np.ndarray:
    """The middle of a frame on a canvas of GRID's size, scaled to its height."""
    height, width = frame.shape[:2]
    rows = np.arange(HEIGHT_PX) * height // HEIGHT_PX
    columns = np.arange(HEIGHT_PX) * width // HEIGHT_PX
    canvas = np.full((HEIGHT_PX, WIDTH_PX, 3), 60, np.uint8)
    left = (WIDTH_PX - HEIGHT_PX) // 2
    canvas[:, left : left + HEIGHT_PX] = frame[rows][:, columns]
    return canvas
