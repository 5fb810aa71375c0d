"""Ladder B: do the sync losses alone lead a still mouth to the true one, and leave the true one where it is?

    python -m tests.benchmarks.ladder_losses --shards SHARDS --sync-encoder FOLDER [--clips 4] [--updates 120]

Instead of a generator, 24 principal components of the lower face are optimised for each frame of a clip, under one loss and
with the true audio and frames as its keys: once from the clip's first frame held still, once from the true frames. The true
frames are their projections on the components, so that the truth can be reached. Printed are, over test clips, the error of the lips' opening as a share of the still mouth's error (1 =
nothing learned, 0 = the truth), and how far the loss drives it off when started at the truth. A loss fit for training brings
the first below 0.5 and keeps the second below 0.3.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.config.generator import GeneratorConfig
from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.shards.crop_sizes import lower_rows
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_units import audio_units, counted_frames
from cals_models.training.sync_losses import SYNC_TERMS, Keys

NUM_COMPONENTS = 24
FRAME_STEP = 4
"""Every fourth frame of the train clips shapes the components."""
INNER_LIPS = (62, 66)
LEARNING_RATE = 0.02
"""Of Adam, on components scaled to unit variance."""

Loss = Callable[[Tensor, Keys, Keys], Tensor]
"""(generated lips (1, S, D), keys of the lips, keys of the audio) -> scalar."""


@dataclass(frozen=True)
class MouthSpace:
    """Components of the lower face, and the lips' opening as a linear function of them.

    Args:
        components: (24, 3 * 64 * 128), pixels a unit of variance.
        opening: (24,), crop pixels a unit.
    """

    components: Tensor
    opening: Tensor


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--sync-encoder", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--updates", type=int, default=120)
    parser.add_argument("--temperatures", type=float, nargs="*", default=[])
    options = parser.parse_args()
    expert = load_sync_encoder(options.sync_encoder)
    shard_set = ShardSet(options.shards)
    space = mouth_space(list(shard_set.clips("train")))
    clips = list(shard_set.clips("test"))[: options.clips]
    chosen = losses(GeneratorConfig())
    for temperature in options.temperatures:
        config = GeneratorConfig(d_av_temperature=temperature, d_vv_temperature=temperature)
        chosen |= {
            f"{name} at {temperature}": losses(config)[name] for name in ("d_av + d_vv", "d_av", "d_vv")
        }
    for name, loss in chosen.items():
        learned, drifted = np.mean(
            [
                [
                    error(expert, space, clip, loss, from_truth=from_truth, num_updates=options.updates)
                    for from_truth in (False, True)
                ]
                for clip in clips
            ],
            axis=0,
        )
        print(
            f"{name}: error from the still mouth {learned:.2f}, drift from the truth {drifted:.2f}",
            flush=True,
        )


def losses(config: GeneratorConfig) -> dict[str, Loss]:
    """Name -> loss, as the generator's settings have them, alone and together."""
    d_av, d_vv, wav2lip = (SYNC_TERMS[name] for name in ("d_av", "d_vv", "wav2lip_sync"))
    return {
        "d_av + d_vv": lambda lips, real, audio: (
            d_av.weight(config) * d_av.loss(lips, audio, config)
            + d_vv.weight(config) * d_vv.loss(lips, real, config)
        ),
        "d_av": lambda lips, real, audio: d_av.loss(lips, audio, config),
        "d_vv": lambda lips, real, audio: d_vv.loss(lips, real, config),
        "wav2lip_sync": lambda lips, real, audio: wav2lip.loss(lips, audio, config),
        "1 - cos(F_v, F_v)": lambda lips, real, audio: (
            1 - F.cosine_similarity(lips, real.units[:, real.first :][:, : lips.shape[1]], dim=-1).mean()
        ),
    }


def lower_faces(clip: ShardClip, frames: range | None = None) -> Tensor:
    """Rows 64..127 (T, 3, 64, 128), RGB in [0, 1]."""
    chosen = clip.frames(range(clip.num_frames) if frames is None else frames)
    return to_float_frames(torch.from_numpy(lower_rows(chosen)))


def openings(clip: ShardClip) -> Tensor:
    """Distance of the inner lips (T,), crop pixels."""
    upper, lower = (torch.from_numpy(clip.landmarks[:, point]) for point in INNER_LIPS)
    return (upper - lower).norm(dim=1)


def mouth_space(clips: list[ShardClip]) -> MouthSpace:
    """Principal components of the frames' differences from their clip's mean."""
    rows, sizes = [], []
    for clip in clips:
        chosen = range(0, clip.num_frames, FRAME_STEP)
        pixels, size = lower_faces(clip, chosen).flatten(1), openings(clip)[list(chosen)]
        rows.append(pixels - pixels.mean(0))
        sizes.append(size - size.mean())
    x, y = torch.cat(rows), torch.cat(sizes)
    _, vectors = torch.linalg.eigh(x @ x.T)
    directions = vectors.flip(1)[:, :NUM_COMPONENTS].T @ x
    directions = directions / directions.norm(dim=1, keepdim=True)
    scales = (x @ directions.T).std(0)
    codes = x @ directions.T / scales
    return MouthSpace(
        components=directions * scales[:, None],
        opening=torch.linalg.lstsq(codes, y[:, None]).solution[:, 0],
    )


def error(
    expert: SyncEncoder,
    space: MouthSpace,
    clip: ShardClip,
    loss: Loss,
    *,
    from_truth: bool,
    num_updates: int,
) -> float:
    """Root mean square error of the opening after the optimisation, as a share of the still mouth's."""
    frames = lower_faces(clip)
    still = frames[:1].flatten(1)
    scale = space.components.square().sum(1)
    truth = (frames.flatten(1) - still) @ space.components.T / scale
    codes = (truth if from_truth else torch.zeros_like(truth)).clone().requires_grad_()
    optimizer = torch.optim.Adam([codes], lr=LEARNING_RATE)
    shown = (still + truth @ space.components).clamp(0, 1).view(frames.shape)
    real, audio = keys_of(expert, clip, shown)
    for _ in range(num_updates):
        shown = (still + codes @ space.components).clamp(0, 1).view(frames.shape)
        value = loss(expert.visual(shown[None]), real, audio)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    inner = slice(CONTEXT_FRAMES, -CONTEXT_FRAMES)
    true = (truth @ space.opening)[inner]
    reached = (codes.detach() @ space.opening)[inner]
    return ((reached - true).square().mean() / true.square().mean()).sqrt().item()


def keys_of(expert: SyncEncoder, clip: ShardClip, true_faces: Tensor) -> tuple[Keys, Keys]:
    """Keys of the true lips, from lower faces (T, 3, 64, 128), and of the true audio: all windows of the clip."""
    counted = torch.from_numpy(counted_frames(clip.valid))[None]
    first = torch.tensor([CONTEXT_FRAMES])
    with torch.no_grad():
        lips = F.pad(expert.visual(true_faces[None]), (0, 0, CONTEXT_FRAMES, CONTEXT_FRAMES))
    audio = audio_units(expert, torch.from_numpy(clip.mel)[None])
    return (
        Keys(units=lips, first=first, counted=counted),
        Keys(units=audio, first=first, counted=counted),
    )


if __name__ == "__main__":
    main()
