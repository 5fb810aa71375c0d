"""Small files to dub: synthetic audio, moving photographs as videos, and untrained networks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import soundfile
import torch
from safetensors.torch import save_file

from assets.faces.alignment import apply_transforms, fit_similarity
from assets.faces.backends.dlib import DlibBackend
from assets.faces.canonical_face import template
from assets.faces.landmarks import RIGID, Points
from assets.project.home import Home
from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.networks.lip_sync import LipSync
from cals_models.networks.synctalkface import SyncTalkFace
from cals_models.networks.unit_model import UnitModel
from cals_models.speech_level import speech_level
from tests.support.array_frames import Rgb, astronaut

# a face of 100 px, turned a little, in a frame of 400 x 320
TO_CROP = cv2.getRotationMatrix2D((170, 150), 7, 1.1) - np.array([[0, 0, 106], [0, 0, 86]])


class ReferenceGenerator:
    """Stands for a trained network: draws the reference's lower half with a dark mouth, and records its inputs."""

    dataset, method, weights_sha256, speech_level = "made", "cals", "0" * 64, -2.0

    def __init__(self, crop_px: int = 128) -> None:
        self.crop_px = crop_px
        self.poses: list[torch.Tensor] = []
        self.references: list[torch.Tensor] = []
        self.num_ticks_given, self.level_given = 0, 0.0

    def units_from_mel(self, mel: torch.Tensor) -> torch.Tensor:
        self.num_ticks_given = mel.shape[1] // 4
        self.level_given = speech_level(mel)
        return torch.zeros(self.num_ticks_given, 512)

    def render_batches(
        self, pose: torch.Tensor, reference: torch.Tensor, units: torch.Tensor, batch_frames: int
    ) -> Iterator[torch.Tensor]:
        assert len(pose) == len(reference) == len(units)
        self.poses.append(pose)
        self.references.append(reference)
        drawn = pose.clone()
        drawn[:, self.crop_px // 2 :] = reference[:, self.crop_px // 2 :]
        zoom = self.crop_px // 128
        drawn[:, 90 * zoom : 104 * zoom, 50 * zoom : 78 * zoom] = 15
        yield drawn


def frame_of(pixel_format: str) -> Any:
    """A photograph as a frame of 400 x 320."""
    return av.VideoFrame.from_ndarray(astronaut(), format="rgb24").reformat(format=pixel_format)


def planes_of(frame: Any) -> list[np.ndarray]:
    return [
        np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width].copy()
        for p in frame.planes
    ]


@cache
def smile() -> tuple[Rgb, Points]:
    """A crop (128, 128, 3) of a face that shows its teeth, and its landmarks."""
    backend = DlibBackend()
    grey = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
    box = backend.detect([grey])[0][0].box
    points = backend.landmarks([grey], [box])[0]
    to_crop = fit_similarity(points[RIGID], template(128)[RIGID])
    crop = cv2.warpAffine(astronaut(), to_crop, (128, 128), flags=cv2.INTER_CUBIC)
    return crop, apply_transforms(to_crop, points)


def write_audio(path: Path, duration_s: float, rate_hz: int = 16_000) -> Path:
    """A tone whose loudness goes up and down."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    soundfile.write(path, 0.3 * np.sin(1400 * time_s) * (1 + np.sin(20 * time_s)), rate_hz)
    return path


def write_video(path: Path, frames: Sequence[Rgb], rate: Fraction = Fraction(25)) -> Path:
    """An H.264 video of RGB frames, without audio."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")))
        container.mux(stream.encode(None))
    return path


def write_model(folder: Path, dataset: str = "made") -> Path:
    """The smallest `cals` generator, with its initial weights."""
    config = GeneratorConfig(
        widths=(8, 8, 8, 8, 8, 8), blocks_per_level=1, audio_width=8, discriminator_width=8
    )
    audio = AudioToLipConfig(width=32, num_layers=1, num_heads=2)
    torch.manual_seed(0)
    model = LipSync("cals", config, audio)
    described = {"config": asdict(config), "audio_to_lip": asdict(audio)}
    return _write_model(folder, dataset, "cals", model, described)


def write_synctalkface(folder: Path) -> Path:
    """The smallest `synctalkface` model, with its initial weights."""
    config = SyncTalkFaceConfig(widths=(8,) * 6, blocks_per_level=1, audio_width=8, memory_slots=4)
    torch.manual_seed(0)
    described = {"config": asdict(config), "speech_level": -2.0}
    return _write_model(folder, "made", "synctalkface", SyncTalkFace(config), described)


def _write_model(
    folder: Path, dataset: str, method: str, model: UnitModel, described: dict[str, object]
) -> Path:
    folder.mkdir(parents=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
        folder / "model.safetensors",
    )
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    plain = {
        "format": 1,
        "stage": "generator",
        "method": method,
        "dataset": dataset,
        "weights_sha256": digest,
    }
    (folder / "model.json").write_text(json.dumps(plain | described))
    return folder


def register_model(home: Home, dataset: str, method: str, at: int) -> Path:
    """A generator that is its partition's current one since the time ``at``."""
    base = home.model("generator", dataset, method)
    folder = write_model(base / "abc", dataset)
    (base / "current.json").write_text(json.dumps({"folder": "abc", "registered_version": "1"}))
    os.utime(base / "current.json", (at, at))
    return folder
