"""Ladder A: what do units know about the mouth? The cheapest check of an f_theta, before any generator is trained.

    python -m tests.benchmarks.ladder_units --shards SHARDS --sync-encoder FOLDER [--audio-to-lip FOLDER ...]

Two measures a representation, on the clips of the split `test`:

- R2 of a ridge regression (fitted on `train`, its strength chosen on `val`) from the representation of a frame to the shape
  of the mouth: landmarks 48..67, each frame's points centred on their mean; shapes and representations are centred by clip.
- for representations in F_v's space, the share of frames whose unit is nearest to F_v's unit of that very frame, within one
  frame, among the windows of the clip that are up to 15 frames away.

Intervals are 95 % over clips (bootstrap). An f_theta must beat F_a's 0.2 s in both before a generator is trained with it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cals_models.config.audio_to_lip import AudioToLipConfig
from cals_models.config.stages import config_from_fields
from cals_models.mel_windows import CONTEXT_FRAMES, SILENCE, normalize_mel
from cals_models.networks.audio_to_lip import AudioToLip
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.generator_files import read_any_model
from cals_models.networks.model_files import load_network
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.shards.crop_sizes import lower_rows
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.timebase import MELS_PER_FRAME
from cals_models.training.retrieval import candidate_ranks

MOUTH = slice(48, 68)
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the ridge, as a share of the representation's mean variance."""
MEL_CONTEXT = 7
"""Video frames on either side in `mel of 0.6 s`."""
AUDIO_CONTEXT = 6
"""Video frames on either side in `F_a of 13 frames`."""

Representation = Callable[[ShardClip], Tensor]
"""A clip of T frames -> (T - 4, K): a row for each frame that has a window of five."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--sync-encoder", type=Path, required=True)
    parser.add_argument("--audio-to-lip", type=Path, nargs="*", default=[])
    parser.add_argument("--only", action="store_true", help="leave the references out")
    options = parser.parse_args()
    expert = load_sync_encoder(options.sync_encoder)
    clips = {split: list(ShardSet(options.shards).clips(split)) for split in ("train", "val", "test")}
    lips = {clip.key: units_of_lips(expert, clip) for clip in clips["test"]}
    for name, (represent, is_unit) in representations(options, expert).items():
        r2, interval = mouth_r2(represent, clips)
        line = f"{name}: R2 {r2:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
        if is_unit:
            found, ratio = retrieval(represent, clips["test"], lips)
            line += f", own window within a frame {found:.3f}, participation ratio {ratio:.1f}"
        print(line, flush=True)


def representations(
    options: argparse.Namespace, expert: SyncEncoder
) -> dict[str, tuple[Representation, bool]]:
    """Name -> representation, and whether it lies in F_v's space."""
    found: dict[str, tuple[Representation, bool]] = {}
    if not options.only:
        found = {
            "F_v": (partial(units_of_lips, expert), True),
            "mel of 0.6 s": (mel_context, False),
            "F_a, 0.2 s": (partial(units_of_audio, expert), True),
            "F_a of 13 frames": (partial(audio_context, expert), False),
        }
    for folder in options.audio_to_lip:
        found[str(folder)] = (partial(predicted_units, load_audio_to_lip(folder)), True)
    return found


def load_audio_to_lip(folder: Path) -> AudioToLip:
    """A trained f_theta: its own folder, or a generator's, whose audio path it is."""
    stage = json.loads((folder / "model.json").read_text(encoding="utf-8"))["stage"]
    model = read_any_model(folder, stage)
    config = model.config
    if stage == "generator":
        config = config_from_fields("audio_to_lip", model.plain["audio_to_lip"])
    assert isinstance(config, AudioToLipConfig)
    network = AudioToLip(config)
    load_network(network, model.weights["audio" if stage == "generator" else stage], str(folder))
    return network.eval()


@torch.inference_mode()
def units_of_lips(expert: SyncEncoder, clip: ShardClip) -> Tensor:
    """F_v's units (T - 4, 512)."""
    frames = lower_rows(clip.frames(range(clip.num_frames)))
    units: Tensor = expert.visual(to_float_frames(torch.from_numpy(frames)[None]))[0]
    return units


@torch.inference_mode()
def units_of_audio(expert: SyncEncoder, clip: ShardClip) -> Tensor:
    """F_a's embeddings (T - 4, 512)."""
    embeddings: Tensor = expert.audio(torch.from_numpy(clip.mel)[None])[0]
    return embeddings


@torch.inference_mode()
def predicted_units(network: AudioToLip, clip: ShardClip) -> Tensor:
    """f_theta's units (T - 4, 512), given the whole clip."""
    units: Tensor = network(torch.from_numpy(clip.mel)[None])[0]
    return units[CONTEXT_FRAMES:-CONTEXT_FRAMES]


def mel_context(clip: ShardClip) -> Tensor:
    """Mel of 15 video frames around each (T - 4, 80 * 60)."""
    margin = MEL_CONTEXT * MELS_PER_FRAME
    mel = F.pad(torch.from_numpy(clip.mel), (margin, margin), value=SILENCE)
    windows = normalize_mel(mel).unfold(1, (2 * MEL_CONTEXT + 1) * MELS_PER_FRAME, MELS_PER_FRAME)
    return windows.transpose(0, 1).flatten(1)[CONTEXT_FRAMES:-CONTEXT_FRAMES]


def audio_context(expert: SyncEncoder, clip: ShardClip) -> Tensor:
    """F_a's embeddings of 13 frames around each (T - 4, 13 * 512); the first and last are repeated beyond the ends."""
    embeddings = units_of_audio(expert, clip)
    rows = torch.arange(len(embeddings))[:, None] + torch.arange(-AUDIO_CONTEXT, AUDIO_CONTEXT + 1)
    return embeddings[rows.clamp(0, len(embeddings) - 1)].flatten(1)


def mouth_shapes(clip: ShardClip) -> Tensor:
    """Shapes of the mouth (T - 4, 40): points centred on their mean by frame, then on the clip's mean; crop pixels."""
    points = torch.from_numpy(clip.landmarks[CONTEXT_FRAMES:-CONTEXT_FRAMES, MOUTH]).double()
    return centred((points - points.mean(1, keepdim=True)).flatten(1))


def centred(rows: Tensor) -> Tensor:
    """Rows (S, K) of a clip less their mean, in double precision."""
    return rows.double() - rows.double().mean(0)


def mouth_r2(
    represent: Representation, clips: Mapping[str, list[ShardClip]]
) -> tuple[float, tuple[float, float]]:
    """R2 on the test clips, and its 95 % interval over clips."""
    x = {split: [centred(represent(clip)) for clip in some] for split, some in clips.items()}
    y = {split: [mouth_shapes(clip) for clip in some] for split, some in clips.items()}
    train_x, train_y = torch.cat(x["train"]), torch.cat(y["train"])
    gram, moments = train_x.T @ train_x, train_x.T @ train_y
    unit_strength = gram.diagonal().mean()
    eye = torch.eye(len(gram), dtype=gram.dtype)
    fits = [torch.linalg.solve(gram + strength * unit_strength * eye, moments) for strength in STRENGTHS]
    best = min(fits, key=lambda fit: residuals(x["val"], y["val"], fit)[:, 0].sum().item())
    parts = residuals(x["test"], y["test"], best)
    return r2_of(parts), bootstrap(parts)


def residuals(x: list[Tensor], y: list[Tensor], fit: Tensor) -> Tensor:
    """Squared error and squared size of the true shapes, by clip: (N, 2)."""
    rows = [
        torch.stack([(shown @ fit - true).square().sum(), true.square().sum()])
        for shown, true in zip(x, y, strict=True)
    ]
    return torch.stack(rows)


def r2_of(parts: Tensor) -> float:
    """R2 from sums by clip."""
    errors, sizes = parts.sum(0).tolist()
    return 1 - float(errors) / float(sizes)


def bootstrap(parts: Tensor, num_draws: int = 2_000) -> tuple[float, float]:
    """95 % interval of R2 over clips."""
    draws = np.random.default_rng(0).integers(0, len(parts), (num_draws, len(parts)))
    sums: NDArray[np.float64] = parts.numpy()[draws].sum(1)
    low, high = np.quantile(1 - sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return float(low), float(high)


def retrieval(
    represent: Representation, clips: list[ShardClip], lips: Mapping[str, Tensor]
) -> tuple[float, float]:
    """Share of frames that find their own F_v window within a frame; participation ratio of the representation's variance."""
    distances, rows = [], []
    for clip in clips:
        units = F.normalize(represent(clip), dim=-1)
        distances.append(candidate_ranks(units @ lips[clip.key].T)[0])
        rows.append(centred(units))
    variances = torch.linalg.svdvals(torch.cat(rows)).square()
    ratio = variances.sum().square() / variances.square().sum()
    return (torch.cat(distances) <= 1).double().mean().item(), ratio.item()


if __name__ == "__main__":
    main()
