"""What the frozen sync encoder knows of whole clips: F_v's units and F_a's embeddings of every frame with a whole window.

Both are targets and keys of losses. They are computed once for the clips that are kept in memory; of streamed clips the
batch holds the frames and the mel instead.

Legend: T video frames of a clip, D = 512.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.config.lip_motion_units import UNIT_DIM
from cals_models.mel_windows import CONTEXT_FRAMES, WINDOW_FRAMES
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.precision import autocast
from cals_models.shards.crop_sizes import crops_at, lower_rows
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.training.sampler import window_starts

FRAMES_AT_ONCE = 250


@dataclass(frozen=True, kw_only=True)
class ClipUnits:
    """Units and embeddings of a clip's frames; zeros at the first and last two, which have no whole window.

    Args:
        lips: F_v's units, float32 (T, 512).
        audio: F_a's embeddings, float32 (T, 512).
    """

    lips: npt.NDArray[np.float32]
    audio: npt.NDArray[np.float32]


def clip_units(expert: SyncEncoder, clip: ShardClip, device: torch.device, precision: str) -> ClipUnits:
    """Computes the units of a clip.

    Args:
        expert: on the device.
        clip: T video frames.
        device: where to compute.
        precision: `auto` or `fp32`.
    """
    lips = np.zeros((clip.num_frames, UNIT_DIM), np.float32)
    audio = np.zeros_like(lips)
    margin = 2 * CONTEXT_FRAMES
    for first in range(0, clip.num_frames - margin, FRAMES_AT_ONCE):
        last = min(first + FRAMES_AT_ONCE + margin, clip.num_frames)
        lower = lower_rows(crops_at(clip.frames(range(first, last)), BASE_CROP_PX))
        with autocast(device, precision):
            units = lip_units(expert, torch.from_numpy(lower)[None].to(device))
        lips[first:last] += units[0].cpu().numpy()
    if clip.num_frames > margin:
        with autocast(device, precision):
            embeddings = audio_units(expert, torch.from_numpy(clip.mel)[None].to(device))
        audio += embeddings[0].cpu().numpy()
    return ClipUnits(lips=lips, audio=audio)


def counted_frames(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Frames whose window of five is valid.

    Args:
        valid: bool (T,).

    Returns:
        bool (T,).
    """
    counted = np.zeros(len(valid), np.bool_)
    counted[window_starts(valid, WINDOW_FRAMES) + CONTEXT_FRAMES] = True
    return counted


@torch.no_grad()
def lip_units(expert: SyncEncoder, lower_frames: Tensor) -> Tensor:
    """F_v's units of frames, without gradient.

    Args:
        expert: the frozen sync encoder.
        lower_frames: uint8 (B, L, 64, 128, 3), lower halves of the crops at 128 px, RGB.

    Returns:
        float32 (B, L, 512), zeros at the first and last two frames.
    """
    return _at_their_frames(expert.visual(to_float_frames(lower_frames)))


@torch.no_grad()
def audio_units(expert: SyncEncoder, mel: Tensor) -> Tensor:
    """F_a's embeddings of a mel, without gradient.

    Args:
        expert: the frozen sync encoder.
        mel: float (B, 80, 4L), log10 magnitudes.

    Returns:
        float32 (B, L, 512), zeros at the first and last two frames.
    """
    return _at_their_frames(expert.audio(mel))


def units_at(units: Tensor, first: Tensor, num_frames: int) -> Tensor:
    """The units of a few consecutive frames of each stretch.

    Args:
        units: float (B, L, D).
        first: int64 (B,), number of the first frame of each.
        num_frames: S.

    Returns:
        (B, S, D), the units' dtype.
    """
    frames = first[:, None] + torch.arange(num_frames, device=first.device)
    return units.gather(1, frames[..., None].expand(-1, -1, units.shape[2]))


def _at_their_frames(windows: Tensor) -> Tensor:
    return F.pad(windows.float(), (0, 0, CONTEXT_FRAMES, CONTEXT_FRAMES))
