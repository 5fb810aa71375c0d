"""Small things to dub: made sounds, talking photographs as videos, and networks without training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import torch
from safetensors.torch import save_file

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.generator import GeneratorConfig
from cals_models.networks.lip_sync import LipSync
from cals_models.speech_level import speech_level
from tests.support.array_frames import Rgb


class ReferenceGenerator:
    """Stands for a trained network: draws the reference's lower half with a dark mouth, and keeps what it was shown."""

    dataset, method, weights_sha256, speech_level = "made", "cals", "0" * 64, -2.0

    def __init__(self) -> None:
        self.poses: list[torch.Tensor] = []
        self.references: list[torch.Tensor] = []
        self.num_ticks_heard, self.level_heard = 0, 0.0

    def units_from_mel(self, mel: torch.Tensor) -> torch.Tensor:
        self.num_ticks_heard = mel.shape[1] // 4
        self.level_heard = speech_level(mel)
        return torch.zeros(self.num_ticks_heard, 512)

    def render_batches(
        self, pose: torch.Tensor, reference: torch.Tensor, units: torch.Tensor, batch_frames: int
    ) -> Iterator[torch.Tensor]:
        assert len(pose) == len(reference) == len(units)
        self.poses.append(pose)
        self.references.append(reference)
        drawn = pose.clone()
        drawn[:, 64:] = reference[:, 64:]
        drawn[:, 90:104, 50:78] = 15
        yield drawn


def make_sound(path: Path, duration_s: float, rate_hz: int = 16_000) -> Path:
    """A tone whose loudness goes up and down."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    soundfile.write(path, 0.3 * np.sin(1400 * time_s) * (1 + np.sin(20 * time_s)), rate_hz)
    return path


def make_video(path: Path, pictures: Sequence[Rgb], rate: Fraction = Fraction(25)) -> Path:
    """An H.264 video of RGB pictures, without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
        container.mux(stream.encode(None))
    return path


def make_model(folder: Path, dataset: str = "made") -> Path:
    """The smallest `cals` generator, with the weights it is born with."""
    folder.mkdir(parents=True)
    config = GeneratorConfig(
        widths=(8, 8, 8, 8, 8, 8), blocks_per_level=1, audio_width=8, discriminator_width=8
    )
    audio = AudioToLipConfig(width=32, num_layers=1, num_heads=2)
    torch.manual_seed(0)
    model = LipSync("cals", config, audio)
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
        folder / "model.safetensors",
    )
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    plain = {
        "format": 1,
        "stage": "generator",
        "method": "cals",
        "dataset": dataset,
        "weights_sha256": digest,
    }
    plain |= {"config": asdict(config), "audio_to_lip": asdict(audio)}
    (folder / "model.json").write_text(json.dumps(plain))
    return folder
