"""Parts of a warehouse with generated rows that resemble those of a real run, for tests of tables and report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from assets.masked_audio.strip_file import ALL_AUDIO, MASKED, TRUE, FrameStrip, StripRow, strip_png
from assets.project.home import Home
from assets.store.ledger import SCHEMA as LEDGER_SCHEMA
from assets.store.table_parts import write_part

DATASET = "sample_lrs2"
METHODS = ("ground_truth", "copy_reference", "wav2lip", "cals")
EVALUATORS = {
    "lmd": "dlib, 68 points",
    "lse_d": "trained on sample_lrs2, width 0.125",
    "lse_c": "trained on sample_lrs2, width 0.125",
}
MEANS = {
    ("ground_truth", "own"): (None, 1.0, 0.0, None, 1.0, 6.8, 3.9),
    ("ground_truth", "other"): (None, 1.0, 0.0, None, 1.0, 9.7, 0.6),
    ("copy_reference", "own"): (25.1, 0.861, 2.41, 22.0, 0.771, 9.4, 0.8),
    ("copy_reference", "other"): (25.1, 0.861, 2.41, 22.0, 0.771, 9.5, 0.7),
    ("wav2lip", "own"): (31.2, 0.928, 1.52, 28.2, 0.884, 7.3, 3.2),
    ("wav2lip", "other"): (30.1, 0.921, 2.02, 27.1, 0.873, 7.5, 3.0),
    ("cals", "own"): (32.4, 0.939, 1.21, 29.4, 0.902, 7.0, 3.6),
    ("cals", "other"): (30.2, 0.923, 2.13, 27.2, 0.876, 7.2, 3.3),
}
METRICS = (
    ("psnr", "primary", 1.2),
    ("ssim", "primary", 0.012),
    ("lmd", "primary", 0.18),
    ("psnr_mouth", "primary", 1.2),
    ("ssim_mouth", "primary", 0.02),
    ("lse_d", "lse_crop", 0.5),
    ("lse_c", "lse_crop", 0.5),
)


def clip_id(number: int, dataset: str = DATASET) -> str:
    split = ("train", "val", "test")[0 if number < 24 else 1 if number < 30 else 2]
    return f"{dataset}/{split}/main/{6300370419826092098 + number // 4}/{number:05d}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def clip_key(clip: str) -> str:
    return sha256(clip)[:16]


def fill_inventory(home: Home, dataset: str = DATASET, num_clips: int = 44) -> list[str]:
    """Raw files, inventory, outcomes of the later stages and shards; returns the ids of the test clips.

    Clip 3 fails at its mel spectrogram, clip 5 has no face in any frame (and so no mel row counts), clip 7
    can't be opened.
    """
    clips = [clip_id(number, dataset) for number in range(num_clips)]
    raw, inventory, tracks, mels, offsets, shard_clips = [], [], [], [], [], []
    for number, clip in enumerate(clips):
        split = clip.split("/")[1]
        path = clip.split("/", 2)[2] + ".mp4"
        raw.append({"dataset": dataset, "path": path, "sha256": sha256(path), "bytes": 80_000 + number})
        opened = number != 7
        inventory.append({
            "dataset": dataset, "clip_id": clip, "split": split, "speaker": f"speaker {number // 4}",
            "path": path, "sha256": sha256(path), "transcript": "place blue by now" if opened else None,
            "status": "ok" if opened else "rejected", "stage": None if opened else "clips",
            "reason": None if opened else "cannot_open",
            "detail": None if opened else "the file ends after 2 of 75 frames; copy it again",
            "fps": 25.0, "width": 320, "height": 320, "num_frames": 75,
            "duration_s": 3.0,
        })  # fmt: skip
        if not opened:
            continue
        tracked = number != 5
        outcome = {"dataset": dataset, "clip_id": clip, "num_frames": 75, "digest": sha256(clip + "x")}
        tracks.append(outcome | {
            "stage": "face_tracks", "status": "ok" if tracked else "rejected",
            "reason": None if tracked else "no_face",
            "detail": None if tracked else "a face in 3 of 75 frames; at least 60 % are needed",
        })  # fmt: skip
        has_mel = number not in (3, 5)
        mels.append(outcome | {
            "stage": "mels", "status": "ok" if has_mel else "rejected",
            "reason": None if has_mel else "silent",
            "detail": None if has_mel else "all samples are 0; a clip needs sound",
        })  # fmt: skip
        if tracked and has_mel:
            offsets.append({
                "dataset": dataset, "clip_id": clip, "status": "not measured", "measured_frames": None,
                "confidence": None, "applied_frames": 0, "remeasured_frames": None, "probe": None,
            })  # fmt: skip
            shard_clips.append({
                "dataset": dataset, "clip_id": clip, "key": clip_key(clip), "split": split,
                "shard": f"{split}-00000.tar", "num_frames": 75,
            })  # fmt: skip
    write_part(home, "raw_files", raw, dataset=dataset)
    write_part(home, "clip_inventory", inventory, dataset=dataset)
    write_part(home, "clip_outcomes", tracks, dataset=dataset, method="face_tracks")
    write_part(home, "clip_outcomes", mels, dataset=dataset, method="mels")
    write_part(home, "av_offsets", offsets, dataset=dataset)
    write_part(home, "shards", _shard_rows(shard_clips, dataset), dataset=dataset)
    write_part(home, "shard_clips", shard_clips, dataset=dataset)
    return [str(row["clip_id"]) for row in shard_clips if row["split"] == "test"]


def _shard_rows(shard_clips: list[dict[str, Any]], dataset: str) -> list[dict[str, Any]]:
    """One shard a split."""
    shards = []
    for split in ("train", "val", "test"):
        num = sum(row["split"] == split for row in shard_clips)
        shards.append({
            "dataset": dataset, "split": split, "path": f"{split}-00000.tar", "num_clips": num,
            "num_frames": 75 * num, "bytes": 700_000 * num, "sha256": sha256(dataset + split),
        })  # fmt: skip
    return shards


def score_rows(
    test_clips: list[str], method: str, dataset: str = DATASET, seed: int = 0
) -> list[dict[str, Any]]:
    """``clip_metrics`` rows of one method; a clip's difficulty is shared by all methods."""
    difficulty = np.random.default_rng(seed).normal(size=len(test_clips))
    rows = []
    for audio in ("own", "other"):
        for (metric, protocol, spread), mean in zip(METRICS, MEANS[(method, audio)], strict=True):
            uses_audio = method not in ("ground_truth", "copy_reference") or protocol != "primary"
            noise = np.random.default_rng([seed, len(method), len(metric), uses_audio and audio == "own"])
            for place, clip in enumerate(test_clips):
                drawn = spread * (difficulty[place] + 0.3 * noise.normal())
                value, detail = _drawn_score(method, metric, mean, float(drawn), place)
                rows.append({
                    "dataset": dataset, "method": method, "clip_id": clip, "audio": audio,
                    "protocol": protocol, "metric": metric, "value": value, "detail": detail,
                    "evaluator": EVALUATORS.get(metric, "cals_models.metrics"),
                })  # fmt: skip
    return rows


def _drawn_score(
    method: str, metric: str, mean: float | None, drawn: float, place: int
) -> tuple[float | None, str | None]:
    if mean is None:
        return None, "75 of 75 frames equal the true ones: no finite PSNR"
    if metric == "lmd" and method == "wav2lip" and place == 0:
        return (
            None,
            "no face found in 75 of 75 frames of the render and 0 of the truth: too few frames are left",
        )
    return round(mean if mean in (0.0, 1.0) else mean + drawn, 6), None


def fill_scores(home: Home, test_clips: list[str], dataset: str = DATASET) -> None:
    for method in METHODS:
        write_part(
            home, "clip_metrics", score_rows(test_clips, method, dataset), dataset=dataset, method=method
        )


TRAININGS: tuple[dict[str, Any], ...] = (
    {
        "asset": "sync_encoder", "steps": 1600,
        "curves": {"loss": (4.85, 1.4), "retrieval_at_1": (0.032, 0.41)},
        "figures": {"loss": 1.4, "retrieval_at_1": 0.412, "clip_offset_within_1_frame": 0.967},
        "chance": {"loss": 4.852, "retrieval_at_1": 0.0323, "clip_offset_within_1_frame": 0.0968},
    },
    {"asset": "lse_evaluator", "steps": 1200, "curves": {"loss": (110.0, 31.0)}, "figures": {"loss": 31.0}},
    {"asset": "audio_to_lip", "steps": 1000, "curves": {"loss": (9.1, 2.2)}, "figures": {"loss": 2.2}},
    {
        "asset": "generator", "method": "wav2lip", "steps": 1200, "figures": {"l1": 0.026},
        "curves": {"loss": (2.4, 0.31), "l1": (0.2, 0.026), "gan": (0.7, 0.72)},
    },
    {
        "asset": "generator", "method": "cals", "steps": 1200, "figures": {"l1": 0.022},
        "curves": {"loss": (2.6, 0.35), "l1": (0.2, 0.022), "d_av": (1.6, 1.1), "d_vv": (1.6, 1.47)},
    },
)  # fmt: skip
WARNING = {
    "warning": "plateau_at_chance",
    "step": 300,
    "text": "the loss is 4.8, 4.852 by chance: lower the rate",
}


def fill_models(home: Home, dataset: str = DATASET) -> None:
    """Trained models with their curves; the sync encoder has metrics beside chance and a warning."""
    for training in TRAININGS:
        asset, method, steps = training["asset"], training.get("method"), training["steps"]
        whose = {"dataset": dataset, "asset": asset, "method": method}
        version = sha256(f"{dataset}{asset}{method}")
        part = f"{asset}__{method}" if method else asset
        points = [{**whose, **point, "model_version": version} for point in _curve_points(training)]
        write_part(home, "training_curves", points, dataset=dataset, method=part)
        model = {
            **whose, "weights_sha256": version, "training_key": version[:16], "mlflow_run_id": version[:32],
            "registered_name": f"cals-{asset}", "registered_version": "3", "num_parameters": 1_903_411,
            "steps": steps, "seconds": 181.5, "device": "Intel Xeon, 2 threads",
            "figures_json": json.dumps(training["figures"]), "chance_json": json.dumps(training.get("chance", {})),
            "warnings_json": json.dumps([WARNING] if asset == "sync_encoder" else []),
        }  # fmt: skip
        write_part(home, "models", [model], dataset=dataset, method=part)


def _curve_points(training: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(len(training["asset"]))
    for split, every, noise in (("train", 10, 0.06), ("val", 200, 0.01)):
        for metric, (start, end) in training["curves"].items():
            for step in range(every, training["steps"] + 1, every):
                mean = end + (start - end) * np.exp(-4 * step / training["steps"])
                value = float(mean * (1 + noise * rng.normal()))
                yield {"step": step, "split": split, "metric": metric, "value": value}


def fill_ledger(home: Home, dataset: str = DATASET) -> None:
    """One materialisation of each stage, one part each, and an older one of ``clips``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stages: list[tuple[str, str | None, float, dict[str, str]]] = [
        ("clips", None, 9.0, {"raw_videos": "r0", "settings/clips": "s0"}),
        ("clips", None, 2.5, {"raw_videos": "r1", "settings/clips": "s0"}),
        ("face_tracks", None, 14.1, {"clips": "clips1"}),
        ("face_crops", None, 6.2, {"clips": "clips1", "face_tracks": "face_tracks2"}),
        ("mels", None, 1.4, {"clips": "clips1"}),
        ("shards", None, 2.2, {"face_crops": "face_crops3", "mels": "mels4"}),
        ("sync_encoder", None, 181.5, {"shards": "shards5"}),
        ("generator", "cals", 210.4, {"shards": "shards5", "sync_encoder": "sync_encoder6"}),
        ("clip_metrics", "cals", 31.0, {"shards": "shards5", "renders|cals": "x"}),
    ]
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    folder = home.parts / "materializations"
    folder.mkdir(parents=True, exist_ok=True)
    for number, (asset, method, seconds, inputs) in enumerate(stages):
        row = dict.fromkeys(LEDGER_SCHEMA.names) | {
            "materialization_id": f"{dataset}-{number:02d}",
            "asset": asset, "dataset": dataset, "method": method,
            "at": start + timedelta(minutes=number), "data_version": sha256(f"{dataset}{asset}{number}"),
            "code_version": sha256(asset), "settings_json": "{}", "inputs_json": json.dumps(inputs),
            "dagster_run_id": f"run-{number}", "git_commit": "8e5a6fc0" * 5, "git_dirty": False,
            "library_versions_json": json.dumps({"torch": "2.14.1", "duckdb": "2.0.0", "av": "18.1.0"}),
            "host": "atelier", "device": "Intel Xeon, 2 threads", "duration_s": seconds, "num_clips": 44,
            "counts_json": json.dumps({"computed": 44 if number != 1 else 1}),
        }  # fmt: skip
        table = pa.Table.from_pylist([row], schema=LEDGER_SCHEMA)
        pq.write_table(table, folder / f"{dataset}-{number:02d}.parquet")


RATERS = 12
OPINIONS = {"ground_truth": 4.6, "copy_reference": 1.6, "wav2lip": 3.0, "cals": 3.8}


def fill_ratings(home: Home, test_clips: list[str], dataset: str = DATASET) -> None:
    """Answers of 12 raters on 4 test clips by every method; the last rater is screened out."""
    rng = np.random.default_rng(5)
    rows = [
        {
            "study": "main", "rater": f"rater_{rater:03d}", "dataset": dataset, "method": method, "clip_id": clip,
            "scale": scale, "rating": int(np.clip(round(mean + 0.7 * rng.normal()), 1, 5)),
            "screened_out": rater == RATERS - 1,
        }
        for rater in range(RATERS)
        for method, mean in OPINIONS.items()
        for clip in test_clips[:4]
        for scale in ("visual_quality", "lip_sync_quality", "realness")
    ]  # fmt: skip
    write_part(home, "mos_ratings", rows, dataset=dataset)


MASKS = (2, 5, 10, 20)
WINDOWS = (0, 1, 2, 4, 6, 8, 10, 12, 15)
REACH = {"wav2lip": 2.5, "cals": 8.0}
TOO_SHORT = "the clip has 29 frames: a mask must leave 5 on either side"


def fill_partial_audio(home: Home, test_clips: list[str], dataset: str = DATASET) -> None:
    """LMD under masks and by window: a mask costs CALS less, and its context reaches further.

    The first clip is too short for the longest mask.
    """
    rng = np.random.default_rng(9)
    masks, windows = [], []
    for method, reach in REACH.items():
        for place, clip in enumerate(test_clips):
            whose = {"dataset": dataset, "method": method, "clip_id": clip}
            level = 1.1 + 0.2 * rng.normal()
            for length in MASKS:
                cost = 0.9 * (1 - np.exp(-length / reach)) + 0.05 * rng.normal()
                known = place > 0 or length < 20
                masks.append(whose | {
                    "mask_frames": length, "lmd_masked": level + cost if known else None,
                    "lmd_unmasked": level if known else None, "detail": None if known else TOO_SHORT,
                })  # fmt: skip
            for window in WINDOWS:
                fall = 0.8 * max(0.0, 1 - window / reach) ** 2 + 0.02 * rng.normal()
                windows.append(whose | {"window_frames": window, "lmd": level + fall, "detail": None})
    write_part(home, "masked_audio", masks, dataset=dataset)
    write_part(home, "context_window", windows, dataset=dataset)


def keep_strip(home: Home, clip: str, dataset: str = DATASET) -> np.ndarray:
    """The image that masked_audio keeps; returns its frames, uint8 (5, 8, 128, 128, 3)."""
    rows = (
        StripRow(method="", audio=TRUE),
        *(StripRow(method=method, audio=audio) for method in REACH for audio in (ALL_AUDIO, MASKED)),
    )
    frames = np.empty((5, 8, 128, 128, 3), np.uint8)
    frames[:] = np.arange(60, 220, 4, dtype=np.uint8).reshape(5, 8, 1, 1, 1)
    frames[..., 80:100, 44:84, :] = (150, 70, 70)
    hidden = (False, False, True, True, True, True, False, False)
    path = home.stage("masked_audio", dataset) / "pictures" / "masked_frames.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(strip_png(FrameStrip(clip_id=clip, rows=rows, hidden=hidden, frames=frames)))
    return frames


def fill(home: Home, dataset: str = DATASET) -> list[str]:
    """All of the above; returns the ids of the test clips."""
    test_clips = fill_inventory(home, dataset)
    fill_scores(home, test_clips, dataset)
    fill_models(home, dataset)
    fill_ledger(home, dataset)
    return test_clips
