"""What `gpu_checks.py` measures with trained models: renders, metrics, offsets, speeds.

Needs what the trainings need: torch, torchaudio, safetensors, numpy. Which clip lends another its audio and which frame
is shown as the reference is decided by the functions that the pipeline's renders use.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assets.renders.other_audio import fit_audio, with_partners
from assets.renders.reference import reference_indices
from assets.renders.settings import RenderSettings
from assets.workers.rejected import Rejected
from cals_models.inference.lip_generator import LipGenerator, load_generator
from cals_models.mel_windows import CONTEXT_FRAMES
from cals_models.metrics.crop_metrics import mouth_region, psnr, ssim
from cals_models.metrics.lse import LipSyncEvaluator, LseError
from cals_models.metrics.lse_weights import load_trained_evaluator
from cals_models.networks.frame_tensors import to_float_frames
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.shards.crop_sizes import lower_rows
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_windows import lower_half

FRAMES_A_FILE = 300
MAX_SHIFT_FRAMES = 15
REPEATS = 5
SETTINGS = RenderSettings()
Scores = dict[str, dict[str, float]]


def render_test_clips(
    shards: Path,
    model: Path,
    evaluator: LipSyncEvaluator,
    out: Path,
    device: str,
    is_time_up: Callable[[], bool],
) -> Scores:
    """Renders the test clips with their own and with another clip's audio; keeps the mouths, scores each clip.

    Args:
        out: folder of `<own|other>-<key>-<nn>.npz`: `mouth` uint8 (T, 64, 128, 3), the rows from 64 down, and
            `first_frame`; the rows above are the true crop's, which the model is given.
        is_time_up: asked before each clip.

    Returns:
        Clip id -> psnr, ssim, psnr_mouth, ssim_mouth (own audio), and lse_d, lse_c, lse_d_other, lse_c_other: frames
        generated from the clip's own and from another audio, both compared with the clip's own.

    Raises:
        TimeoutError: the time was up before the last clip.
    """
    generator = load_generator(model, device)
    out.mkdir(parents=True, exist_ok=True)
    scores: Scores = {}
    for clip, partner in with_partners(ShardSet(shards).clips("test", seed=SETTINGS.other_audio_seed)):
        if is_time_up():
            raise TimeoutError(clip.clip_id)
        try:
            scores[clip.clip_id] = _score_clip(clip, partner, generator, evaluator, out)
        except (Rejected, LseError) as error:
            print(f"{clip.clip_id}: left out: {error}", flush=True)
    return scores


def _score_clip(
    clip: ShardClip,
    partner: ShardClip | None,
    generator: LipGenerator,
    evaluator: LipSyncEvaluator,
    out: Path,
) -> dict[str, float]:
    true = clip.frames(range(clip.num_frames))
    made = {
        audio: draw(generator, clip, lender, true)
        for audio, lender in (("own", clip), ("other", partner))
        if lender is not None
    }
    for audio, frames in made.items():
        for number, start in enumerate(range(0, len(frames), FRAMES_A_FILE)):
            path = out / f"{audio}-{clip.key}-{number:02d}.npz"
            mouth = lower_rows(frames)[start : start + FRAMES_A_FILE]
            np.savez_compressed(path, mouth=mouth, first_frame=np.array(start))
    preds, target = torch.from_numpy(made["own"]), torch.from_numpy(true)
    values = {
        "psnr": psnr(preds, target).mean().item(),
        "ssim": ssim(preds, target).mean().item(),
        "psnr_mouth": psnr(mouth_region(preds), mouth_region(target)).mean().item(),
        "ssim_mouth": ssim(mouth_region(preds), mouth_region(target)).mean().item(),
    }
    for audio, frames in made.items():
        result = evaluator.evaluate(torch.from_numpy(frames), clip.audio())
        end = "" if audio == "own" else "_other"
        values |= {f"lse_d{end}": result.distance, f"lse_c{end}": result.confidence}
    return values


def draw(generator: LipGenerator, clip: ShardClip, lender: ShardClip, true: np.ndarray) -> np.ndarray:
    """A clip as a model generates it from the lender's audio: uint8 (T, 128, 128, 3)."""
    places = reference_indices(
        clip.valid,
        policy=SETTINGS.reference_policy,
        min_distance_frames=SETTINGS.min_reference_distance_frames,
    )
    pose_prior = true.copy()
    lower_rows(pose_prior)[:] = 0
    mel = fit_audio(lender, clip.num_frames).mel
    given = (torch.from_numpy(array) for array in (pose_prior, true[places], mel))
    return generator.render(*given, batch_frames=SETTINGS.batch_frames).numpy()


def mean_and_interval(values: list[float]) -> dict[str, float]:
    """Mean over clips with its 95 % interval (percentile bootstrap, 2,000 draws)."""
    sample = np.array(values)
    draws = np.random.default_rng(0).integers(0, len(sample), (2_000, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), [0.025, 0.975])
    return {"mean": float(sample.mean()), "low": float(low), "high": float(high), "num_clips": len(sample)}


def compared(ours: Scores, theirs: Scores) -> dict[str, dict[str, float]]:
    """Ours minus theirs, clip by clip, for each metric that both have."""
    clips = sorted(ours.keys() & theirs.keys())
    names = ("psnr", "psnr_mouth", "ssim", "ssim_mouth", "lse_d", "lse_c")
    return {
        name: mean_and_interval([ours[c][name] - theirs[c][name] for c in clips]) for name in names if clips
    }


def summarised(scores: Scores) -> dict[str, dict[str, float]]:
    """Means over clips, and the margins by which the wrong audio is worse."""
    names = sorted({name for values in scores.values() for name in values})
    means = {name: mean_and_interval([f[name] for f in scores.values() if name in f]) for name in names}
    both = [values for values in scores.values() if "lse_d_other" in values]
    if both:
        means["lse_d_margin"] = mean_and_interval([f["lse_d_other"] - f["lse_d"] for f in both])
        means["lse_c_margin"] = mean_and_interval([f["lse_c"] - f["lse_c_other"] for f in both])
    return means


@torch.inference_mode()
def clip_offsets(shards: Path, model: Path, device: str) -> dict[str, float]:
    """How often the sync encoder finds the true offset, 0, of held-out clips, from -15 to 15 frames, by the whole clip."""
    encoder = load_sync_encoder(model).to(device)
    found = []
    for clip in ShardSet(shards).clips("test"):
        frames = torch.from_numpy(clip.frames(range(clip.num_frames)))[None].to(device)
        lips = encoder.visual(lower_half(to_float_frames(frames)))[0].float()
        audio = encoder.audio(torch.from_numpy(clip.mel)[None].to(device))[0].float()
        cosines = lips @ audio.T
        reach = min(MAX_SHIFT_FRAMES, len(lips) - 2 * CONTEXT_FRAMES)
        shifts = range(-reach, reach + 1)
        means = [cosines.diagonal(shift).mean().item() for shift in shifts]
        found.append(shifts[int(np.argmax(means))])
    return {
        "exact": float(np.mean([offset == 0 for offset in found])),
        "within_1_frame": float(np.mean([abs(offset) <= 1 for offset in found])),
        "num_clips": float(len(found)),
    }


def speeds(
    shards: Path, models: Mapping[str, Path], evaluator: Path, device: str, is_time_up: Callable[[], bool]
) -> dict[str, Any]:
    """Frames a second that each generator draws, and windows a second that the evaluator embeds."""
    clip = next(ShardSet(shards).clips("test"))
    true = clip.frames(range(clip.num_frames))
    made: dict[str, Any] = {"render_frames_per_s": {}, "lse_windows_per_s": {}}
    for name, folder in models.items():
        for precision, batch_frames in (("auto", 25), ("auto", 64), ("fp32", 25)):
            if is_time_up():
                raise TimeoutError(name)
            generator = load_generator(folder, device, precision=precision)
            given = [torch.from_numpy(array) for array in (true, true, clip.mel)]
            seconds = _seconds(
                lambda g=generator, x=given, n=batch_frames: g.render(*x, batch_frames=n), device
            )
            made["render_frames_per_s"][f"{name}/{precision}/{batch_frames}"] = clip.num_frames / seconds
    for dtype in (torch.float32, torch.bfloat16):
        network = load_trained_evaluator(evaluator, device=device, dtype=dtype)
        seconds = _seconds(lambda s=network: s.evaluate(torch.from_numpy(true), clip.audio()), device)
        made["lse_windows_per_s"][str(dtype).removeprefix("torch.")] = (clip.num_frames - 5) / seconds
    return made


def _seconds(work: Callable[[], object], device: str) -> float:
    """Median over 5 repeats, after one that warms up."""
    work()
    taken = []
    for _ in range(REPEATS):
        _wait(device)
        start = time.perf_counter()
        work()
        _wait(device)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def all_clips(shards: Path) -> Iterator[ShardClip]:
    """Clips of all splits."""
    for split in ("train", "val", "test"):
        yield from ShardSet(shards).clips(split)
