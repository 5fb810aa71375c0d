"""Two seconds of silence after speech: the mouths come to rest, whatever the source's mouth does there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from assets.faces.backends.dlib import DlibBackend
from assets.faces.landmarks import mouth_opening
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.limits import ProbeLimits
from assets.mels.settings import MelSettings
from assets.project.home import Home
from pipelines.dubbing.choose_faces import find_faces
from pipelines.dubbing.dub import DubInputs, DubModel, make_dub
from pipelines.dubbing.dub_audio import read_audio
from pipelines.dubbing.frame_plan import FrameLog, frames_at_ticks
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import open_source, read_frames


class CopyGenerator:
    """Shows the reference as it is."""

    dataset, method, weights_sha256, speech_level, crop_px = "made", "cals", "0" * 64, -1.3, 128

    def units_from_mel(self, mel: torch.Tensor) -> torch.Tensor:
        return torch.zeros(mel.shape[1] // 4, 512)

    def render_batches(
        self, pose: torch.Tensor, reference: torch.Tensor, units: torch.Tensor, batch_frames: int
    ) -> Iterator[torch.Tensor]:
        yield reference.clone()


@contextmanager
def no_bar(title: str, num_frames: int) -> Iterator[Callable[[int], None]]:
    yield lambda count: None


def openings(path: Path) -> np.ndarray:
    """Of the mouth, frame by frame, the detector run in each."""
    source, log = open_source(path, ProbeLimits()), FrameLog()
    frames = frames_at_ticks(read_frames(source), log, 0.04)
    (face,) = find_faces(frames, DlibBackend(), TrackSettings(detect_every_frames=1), path, 128)
    return mouth_opening(np.stack([p for track in face.tracks for p in track.points.values()]))


@pytest.mark.proof
@pytest.mark.parametrize("clip", ["brbk7n", "lwbsza"])
def test_a_mouth_rests_in_silence_whatever_the_source_does(
    shared_data: Path, tmp_path: Path, clip: str
) -> None:
    video = shared_data / "grid_speakers" / f"{clip}.mpg"
    spoken = read_audio(shared_data / "grid" / "s1" / "bbal8p.mpg", ProbeLimits()).mono
    soundfile.write(tmp_path / "a.wav", np.append(spoken, np.zeros(32_000, np.int16)), 16_000)
    model = DubModel(
        generator=CopyGenerator(),  # type: ignore[arg-type]
        folder=tmp_path,
        tracks=TrackSettings(),
        crops=CropSettings(),
        mels=MelSettings(),
    )
    inputs = DubInputs(video=video, audio=tmp_path / "a.wav", out=tmp_path / "dub.mp4")
    make_dub(
        inputs, model, DlibBackend(), DubSettings(fit="loop", rest=True), Home(tmp_path / "home"), no_bar
    )
    last_second = openings(inputs.out)[-25:].mean()
    source = openings(video)
    shown_there = np.resize(source, 25 * 60)[: len(openings(inputs.out))][-25:]
    assert last_second <= 1.1 * np.percentile(source, 5)
    assert shown_there.mean() > 2 * last_second, "the source does not speak there: nothing is shown"
