"""Metrics of an Audio2Head in training on fixed held-out windows, and a preview of its frames.

They steer the training; the metrics that are reported come from rendered test clips.

Legend: B = 1 window, L frames, N of them drawn, K keypoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cals_models.codecs.png import encode_png
from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.metrics.crop_metrics import mouth_region, psnr, ssim
from cals_models.networks.audio2head import Audio2Head
from cals_models.networks.audio2head_keypoints import Keypoints
from cals_models.networks.frame_tensors import to_byte_frames, to_float_frames
from cals_models.precision import autocast
from cals_models.shards.shard_set import ShardSet
from cals_models.training.audio2head_losses import pose_difference
from cals_models.training.audio2head_samples import Audio2HeadSamples
from cals_models.training.clip_windows import lower_half, validation_source
from cals_models.training.distributed import World
from cals_models.training.sampler import Sample, window_starts

FRAMES_A_WINDOW = 5
NUM_PREVIEWS = 4


@dataclass(frozen=True)
class _Drawn:
    """Frames of one window, drawn in several ways: each float32 (N, 3, H, W), RGB in [0, 1]."""

    true: Tensor
    image: Tensor
    animated: Tensor
    own_audio: Tensor
    other_audio: Tensor
    own_pose: Tensor


class Audio2HeadValidation:
    """Held-out windows, drawn once: the middle one of each clip, with its first or last valid frame as the image.

    Args:
        shard_sets: the split `val` of the first one validates.
        config: of the method.
        world: where to compute.

    Raises:
        ValueError: no clip of the split is as long as a window.
    """

    def __init__(self, shard_sets: Sequence[ShardSet], config: Audio2HeadConfig, world: World) -> None:
        source = validation_source(shard_sets, clip_cache_bytes=config.clip_cache_bytes)
        samples = Audio2HeadSamples(source, config.window_frames, {})
        self._device, self._precision = world.device, config.precision
        self._windows: list[Sample] = []
        self._poses: list[Tensor] = []
        clips = source.first(config.validation_clips)
        for clip in clips:
            starts = window_starts(clip.valid, config.window_frames)
            if not len(starts):
                continue
            start = int(starts[len(starts) // 2])
            valid = np.flatnonzero(clip.valid)
            image = int(valid[0] if start - valid[0] > valid[-1] - start else valid[-1])
            self._windows.append(samples.window_at(clip, start, image))
            numbers = [image, *range(start, start + config.window_frames)]
            self._poses.append(torch.from_numpy(samples.poses(clip)[numbers]))
        if not self._windows:
            longest = max(clip.num_frames for clip in clips)
            raise ValueError(
                f"no clip of the split val has window_frames = {config.window_frames} valid frames in a row; the longest of"
                f" {len(clips)} has {longest} frames in all: give audio2head a smaller window_frames"
            )
        self._previews: list[Tensor] = []

    @torch.no_grad()
    def metrics(self, model: Audio2Head) -> dict[str, float]:
        """Means over all windows."""
        self._previews = []
        mels = [torch.from_numpy(window["mel"])[None] for window in self._windows]
        rows = [
            self._metrics_of(model, window, poses, mels[(row + 1) % len(mels)])
            for row, (window, poses) in enumerate(zip(self._windows, self._poses, strict=True))
        ]
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def preview(self) -> dict[str, bytes]:
        """One PNG of the last validation; a row a window, see `Audio2HeadStage.samples`."""
        if not self._previews:
            return {}
        return {"samples.png": encode_png(to_byte_frames(torch.cat(self._previews, dim=1)).numpy())}

    def _metrics_of(
        self, model: Audio2Head, window: Sample, poses_by_pnp: Tensor, other_mel: Tensor
    ) -> dict[str, float]:
        frames = to_float_frames(torch.from_numpy(window["frames"]).to(self._device))
        mel = torch.from_numpy(window["mel"])[None].to(self._device)
        with autocast(self._device, self._precision):
            seen, poses = model.observe(frames)
            image, image_pose = frames[:1], poses[:1]
            found, wanted = (Keypoints(*(part[rows][None] for part in seen)) for rows in (slice(0, 1), slice(1, None)))  # fmt: skip
            found = Keypoints(found.points[:, 0], found.jacobians[:, 0])
            own_poses = model.predict_poses(mel, image, image_pose)
            given = [(mel, poses[None, 1:]), (other_mel.to(self._device), poses[None, 1:]), (mel, own_poses)]
            predicted = [model.predict_keypoints(audio, image, image_pose, found, some) for audio, some in given]  # fmt: skip
            drawn = self._draw(model, frames, found, [wanted, *predicted])
        pixels = (frames.shape[-1] / 2) * torch.ones((), device=self._device)
        errors = {
            "keypoint_error_px": (predicted[0].points - wanted.points).norm(dim=-1).mean() * pixels,
            "still_keypoint_error_px": (found.points[:, None] - wanted.points).norm(dim=-1).mean() * pixels,
            "keypoint_spread_px": (seen.points - seen.points.mean(1, keepdim=True)).norm(dim=-1).mean() * pixels,
            "keypoint_travel_px": seen.points.std(dim=0).norm(dim=-1).amax() * pixels,
            "pose_error": pose_difference(own_poses, poses[None, 1:]).abs().mean(),
            "still_pose_error": pose_difference(poses[:1], poses[1:]).abs().mean(),
            "reader_error": pose_difference(poses.cpu(), poses_by_pnp).abs().mean(),
        }  # fmt: skip
        return {**_frame_metrics(drawn), **{name: float(value) for name, value in errors.items()}}

    def _draw(self, model: Audio2Head, frames: Tensor, found: Keypoints, ways: Sequence[Keypoints]) -> _Drawn:
        """Some frames of the window by each of the keypoints, which are (1, L, K, ...)."""
        numbers = np.linspace(0, len(frames) - 2, FRAMES_A_WINDOW).round().astype(int).tolist()
        image = frames[:1].expand(len(numbers), -1, -1, -1)
        source = Keypoints(*(part.expand(len(numbers), *part.shape[1:]) for part in found))
        drawn = [model.draw(image, source, Keypoints(*(part[0, numbers] for part in way))) for way in ways]
        true = frames[[1 + number for number in numbers]]
        result = _Drawn(true, image, *drawn)
        if len(self._previews) < NUM_PREVIEWS:
            middle = len(numbers) // 2
            shown = (image, result.animated, result.own_audio, result.own_pose, true)
            self._previews.append(torch.cat([some[middle] for some in shown], dim=2).cpu())
        return result


def _frame_metrics(drawn: _Drawn) -> dict[str, float]:
    true = to_byte_frames(drawn.true)
    own = _compare("", drawn.own_audio, true)
    other = _compare("other_audio_", drawn.other_audio, true)["other_audio_psnr_mouth"]
    change = lower_half(drawn.true - drawn.image)
    reached = {
        name: float((lower_half(frames - drawn.image) * change).sum() / change.square().sum().clamp_min(1e-8))
        for name, frames in (
            ("reference_nearness", drawn.own_audio),
            ("animated_nearness", drawn.animated),
        )
    }
    return {
        **own,
        **_compare("copy_", drawn.image, true),
        **_compare("animated_", drawn.animated, true),
        **_compare("own_pose_", drawn.own_pose, true),
        **reached,
        "other_audio_psnr_mouth": other,
        "audio_gain": own["psnr_mouth"] - other,
    }


def _compare(prefix: str, shown: Tensor, true: Tensor) -> dict[str, float]:
    frames = to_byte_frames(shown)
    values = {
        "psnr": psnr(frames, true),
        "psnr_mouth": psnr(mouth_region(frames), mouth_region(true)),
        "ssim": ssim(frames, true),
        "ssim_mouth": ssim(mouth_region(frames), mouth_region(true)),
    }
    return {f"{prefix}{name}": _mean(value) for name, value in values.items()}


def _mean(values: Tensor) -> float:
    finite = values[torch.isfinite(values)]
    return finite.mean().item() if len(finite) else float("nan")
