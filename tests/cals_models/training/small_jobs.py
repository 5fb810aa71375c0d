"""Training jobs of the smallest networks on synthetic shards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cals_models.training.__main__ import main
from cals_models.training.run_directory import read_progress

SMALL: dict[str, dict[str, object]] = {
    "sync_encoder": {
        "steps": 4,
        "batch_samples": 3,
        "windows_per_sample": 4,
        "visual_width": 8,
        "visual_front_stride": 4,
        "audio_width": 8,
        "blocks_per_level": 1,
    },
    "audio_to_lip": {
        "steps": 4,
        "batch_samples": 2,
        "width": 32,
        "num_layers": 1,
        "num_heads": 2,
        "sample_frames": 30,
    },
    "generator": {
        "steps": 4,
        "batch_samples": 2,
        "widths": [8, 8, 8, 8, 8, 8],
        "blocks_per_level": 1,
        "audio_width": 8,
        "discriminator_width": 8,
        "context_frames": 20,
    },
}
ALWAYS: dict[str, object] = {
    "warmup_steps": 2,
    "learning_rate": 1e-3,
    "validate_every_steps": 2,
    "checkpoint_every_steps": 2,
    "log_every_steps": 1,
    "validation_clips": 2,
}


def write_job(
    folder: Path,
    stage: str,
    shards: Path,
    *,
    method: str | None = None,
    inputs: Mapping[str, Path] | None = None,
    **settings: object,
) -> Path:
    """config.json of a job; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "stage": stage,
        "method": method,
        "dataset": "made",
        "shards": [str(shards)],
        "config": {**SMALL[stage], **ALWAYS, **settings},
        "inputs": {name: str(path) for name, path in (inputs or {}).items()},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(job))
    return path


def train_by_hand(path: Path, out: Path) -> int:
    """Run the command line of training in this process."""
    stage = json.loads(path.read_text())["stage"]
    return main([stage, "--config", str(path), "--out", str(out), "--device", "cpu", "--quiet"])


def curve(out: Path, split: str = "train", metric: str = "loss") -> list[float]:
    """A metric along a training."""
    lines = read_progress(out / "progress.jsonl")
    return [line["metrics"][metric] for line in lines if line.get("split") == split]
