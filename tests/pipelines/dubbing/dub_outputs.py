"""Sources with all that a file may hold besides its frames, and a dub of them by a stand-in network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from assets.faces.backends.dlib import DlibBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.mels.settings import MelSettings
from assets.project.home import Home
from pipelines.dubbing.dub import DubInputs, DubModel, make_dub
from pipelines.dubbing.dub_result import DubResult
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import ReferenceGenerator
from tests.support.array_frames import astronaut

NUM_FRAMES = 12
MS = Fraction(1, 1000)


@contextmanager
def no_bar(title: str, num_frames: int) -> Iterator[Callable[[int], None]]:
    yield lambda count: None


def dubbed(video: Path, audio: Path, out: Path, **settings: object) -> DubResult:
    """A dub by a network that draws a dark mouth."""
    model = DubModel(
        generator=ReferenceGenerator(),  # type: ignore[arg-type]
        folder=out.parent,
        tracks=TrackSettings(),
        crops=CropSettings(),
        mels=MelSettings(),
    )
    inputs = DubInputs(video=video, audio=audio, out=out)
    chosen = DubSettings(**{"rest": False, **settings})  # type: ignore[arg-type]
    return make_dub(inputs, model, DlibBackend(), chosen, Home(out.parent / "home"), no_bar)


def write_rich(path: Path, pixel_format: str = "yuv420p", codec: str = "libx264") -> Path:
    """A still face of 12 frames at 25 a second; in Matroska with two audio tracks, subtitles, chapters, a font and texts."""
    rich = path.suffix == ".mkv"
    image = av.VideoFrame.from_ndarray(astronaut(), format="rgb24").reformat(format=pixel_format)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.codec_context.options = {"crf": "10", "preset": "ultrafast"} if codec == "libx264" else {}
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, pixel_format
        tracks = []
        if rich:
            for language in ("eng", "deu"):
                audio = container.add_stream("aac", rate=44_100, layout="mono")
                audio.metadata["language"] = language
                tracks.append(audio)
            subtitles = container.add_mux_stream("subrip")
            subtitles.time_base = MS
            subtitles.metadata["language"] = "eng"
            container.add_attachment("font.ttf", "application/x-truetype-font", b"a font")
            chapter = {"id": 1, "start": 0, "end": 400, "time_base": MS, "metadata": {"title": "One"}}
            late = {"id": 2, "start": 400, "end": 480, "time_base": MS, "metadata": {"title": "Two"}}
            container.set_chapters([chapter, late])  # type: ignore[list-item]
            container.metadata.update({"title": "A film", "artist": "Me", "comment": "cut by hand"})
        for number in range(NUM_FRAMES):
            image.pts, image.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
        for place, audio in enumerate(tracks):
            _mux_tone(container, audio, 300 + 200 * place)
        if rich:
            packet = av.Packet(b"Hello")
            packet.stream, packet.time_base = subtitles, MS
            packet.pts = packet.dts = 200
            packet.duration = 100
            container.mux(packet)
    return path


def _mux_tone(container: object, stream: object, hertz: int) -> None:
    for start in range(0, 20 * 1024, 1024):
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(start, start + 1024) / 44_100)
        block = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = 44_100, start, Fraction(1, 44_100)
        container.mux(stream.encode(block))  # type: ignore[attr-defined]
    container.mux(stream.encode(None))  # type: ignore[attr-defined]
