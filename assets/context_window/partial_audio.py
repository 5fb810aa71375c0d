"""Frames drawn by a model that hears only a part of the sound.

Legend: T video frames of a stretch, S frames that are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from assets.renders.reference import reference_indices
from cals_models.inference.lip_generator import LipGenerator
from cals_models.mel_windows import SILENCE
from cals_models.networks.generator import HIDDEN_TOP_ROW
from cals_models.shards.shard_clip import ShardClip
from cals_models.timebase import MELS_PER_FRAME

Frames = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The middle part of a clip, ready to be drawn anew.

    Args:
        true: uint8 (T, 128, 128, 3), the true crops.
        reference: uint8 (T, 128, 128, 3), the reference frame of each.
        mel: float32 (80, 4T).
    """

    true: Frames
    reference: Frames
    mel: NDArray[np.float32]

    @property
    def num_frames(self) -> int:
        return len(self.true)


@dataclass(frozen=True, kw_only=True)
class View:
    """Some frames, and the sound that they are drawn from.

    Args:
        heard: bool (T,), False where the sound of a video frame is hidden.
        frames: numbers of the S frames that are drawn.
    """

    heard: NDArray[np.bool_]
    frames: Sequence[int]


def middle_stretch(
    clip: ShardClip, max_frames: int, *, policy: str, min_distance_frames: int, stage: str
) -> Stretch:
    """The middle of a clip, of at most ``max_frames`` frames, with reference frames from the whole clip.

    Raises:
        Rejected: too_short, no reference frame is far enough from the frames it serves.
    """
    places = reference_indices(
        clip.valid, policy=policy, min_distance_frames=min_distance_frames, stage=stage
    )
    first = max(0, (clip.num_frames - max_frames) // 2)
    last = min(clip.num_frames, first + max_frames)
    return Stretch(
        true=clip.frames(range(first, last)),
        reference=clip.frames(places[first:last].tolist()),
        mel=clip.mel[:, MELS_PER_FRAME * first : MELS_PER_FRAME * last],
    )


def draw_views(
    generator: LipGenerator, stretch: Stretch, views: Sequence[View], *, hide_with: str, batch_frames: int
) -> list[Frames]:
    """Draws each view's frames from the sound that it leaves.

    What is hidden is hidden on the mel, before anything mixes neighbouring frames: with ``mask`` by what f_theta was
    trained with (by silence for Wav2Lip's encoder, which knows no mask), with ``silence`` by the mel of silence.

    Args:
        generator: a trained method.
        stretch: what is drawn.
        views: which frames, from which sound.
        hide_with: ``mask`` or ``silence``.
        batch_frames: frames drawn at once.

    Returns:
        For each view uint8 (S, 128, 128, 3).
    """
    mel = torch.from_numpy(np.ascontiguousarray(stretch.mel))
    units = torch.cat([_hear(generator, mel, view, hide_with)[list(view.frames)] for view in views])
    order = [frame for view in views for frame in view.frames]
    pose_prior = stretch.true[order]
    pose_prior[:, HIDDEN_TOP_ROW:] = 0
    reference = stretch.reference[order]
    batches = generator.render_batches(
        torch.from_numpy(pose_prior), torch.from_numpy(reference), units, batch_frames
    )
    drawn = torch.cat(list(batches)).numpy()
    ends = np.cumsum([len(view.frames) for view in views])[:-1]
    return np.split(drawn, ends)


def _hear(generator: LipGenerator, mel: torch.Tensor, view: View, hide_with: str) -> torch.Tensor:
    heard = torch.from_numpy(view.heard)
    if view.heard.all():
        return generator.units_from_mel(mel)
    if hide_with == "mask":
        return generator.units_from_mel(mel, mel_valid_mask=heard)
    return generator.units_from_mel(mel.masked_fill(~heard.repeat_interleave(MELS_PER_FRAME), SILENCE))
