"""Ladder D: trained generators against each other on held-out clips, by the project's own renders and metrics.

    python -m tests.benchmarks.ladder_generator --evaluator FOLDER --shards SHARDS[:SPLIT,...] ... --work FOLDER \\
        wav2lip=FOLDER,FOLDER cals=FOLDER,FOLDER

An arm is NAME=FOLDERS, a folder for each seed; the method is read from model.json. All arms give as many seeds, and the
n-th folders are compared with each other. `--shards` names shard sets and splits that none of them was trained on (`test`
where none is named). Renders and values are kept under `--work`, by the digest of the weights.

Printed for each arm: LMD, PSNR of the mouth, the gain of a clip's own over another clip's audio in both, LSE-D and LSE-C;
then the mean difference from each other arm, paired by clip and seed, with a 95 % interval over clips (bootstrap: a clip is
drawn with all its seeds).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from assets.metrics.clip_metrics import score_renders
from assets.metrics.instruments import Instruments, open_instruments
from assets.metrics.render_set import RenderSet
from assets.metrics.settings import MetricSettings
from assets.renders.render import render_clips
from assets.renders.settings import RenderSettings

MEASURES = {
    "lmd": ("lmd", "own"),
    "lmd_gain": ("lmd", "gain"),
    "psnr_mouth": ("psnr_mouth", "own"),
    "psnr_mouth_gain": ("psnr_mouth", "gain"),
    "lse_d": ("lse_d", "own"),
    "lse_c": ("lse_c", "own"),
}
"""Name -> metric, audio. The gain is positive where the own audio scores better than another clip's."""
LOWER_IS_BETTER = {"lmd", "lse_d"}
PROTOCOLS = {"primary", "lse_crop"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", nargs="+", required=True)
    parser.add_argument("--evaluator", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("arms", nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(1)
    instruments = open_instruments(
        MetricSettings(), options.evaluator, cache=options.work / "landmarks", version="ladder"
    )
    sets = [
        (Path(folder), split)
        for folder, _, splits in (text.partition(":") for text in options.shards)
        for split in (splits or "test").split(",")
    ]
    values = {
        name: [measured(Path(folder), sets, instruments, options.work) for folder in folders.split(",")]
        for name, _, folders in (text.partition("=") for text in options.arms)
    }
    clips = sorted(next(iter(values.values()))[0])
    print(f"{len(clips)} clips, {len(next(iter(values.values())))} seeds")
    tables = {name: table_of(seeds, clips) for name, seeds in values.items()}
    for name, table in tables.items():
        shown = ", ".join(
            f"{measure} {np.nanmean(table[:, :, place]):.4f}" for place, measure in enumerate(MEASURES)
        )
        print(f"{name}: {shown}")
    for name, table in tables.items():
        for other, against in tables.items():
            if other != name:
                print(f"{name} - {other}: {differences(table, against)}")


def measured(
    model: Path, sets: list[tuple[Path, str]], instruments: Instruments, work: Path
) -> dict[str, dict[str, float]]:
    """Clip id -> measure -> value, of one model; kept in a file."""
    plain = json.loads((model / "model.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, float]] = {}
    for shards, split in sets:
        folder = work / plain["weights_sha256"][:16] / f"{shards.name}-{split}"
        kept = folder / "values.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(
                json.dumps(scored(model, plain["method"], shards, split, folder, instruments)),
                encoding="utf-8",
            )
        found |= json.loads(kept.read_text(encoding="utf-8"))
    return found


def scored(
    model: Path, method: str, shards: Path, split: str, folder: Path, instruments: Instruments
) -> dict[str, dict[str, float]]:
    """Renders a split and scores it."""
    rows = render_clips(shards, split, method, model, folder, RenderSettings())
    renders = RenderSet(
        rows=rows, folder=folder, shards=shards, split=split, dataset=shards.name, method=method
    )
    values: dict[str, dict[tuple[str, str], float]] = {}
    for row in score_renders(renders, instruments):
        if row["protocol"] in PROTOCOLS and row["value"] is not None:
            values.setdefault(row["clip_id"], {})[row["metric"], row["audio"]] = row["value"]
    return {clip: measures_of(some) for clip, some in values.items()}


def measures_of(values: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """The measures of a clip; NaN where a value is missing."""
    found = {}
    for name, (metric, audio) in MEASURES.items():
        own, other = (values.get((metric, kind), float("nan")) for kind in ("own", "other"))
        towards = -1.0 if metric in LOWER_IS_BETTER else 1.0
        found[name] = own if audio == "own" else towards * (own - other)
    return found


def table_of(seeds: list[dict[str, dict[str, float]]], clips: list[str]) -> NDArray[np.float64]:
    """(clips, seeds, measures)."""
    return np.array([[[seed[clip][name] for name in MEASURES] for seed in seeds] for clip in clips])


def differences(table: NDArray[np.float64], against: NDArray[np.float64], num_draws: int = 5_000) -> str:
    """Mean paired differences with intervals over clips; a star where the interval leaves out 0."""
    by_clip = np.nanmean(table - against, axis=1)
    draws = np.random.default_rng(0).integers(0, len(by_clip), (num_draws, len(by_clip)))
    lows, highs = np.nanquantile(np.nanmean(by_clip[draws], axis=1), [0.025, 0.975], axis=0)
    means = np.nanmean(by_clip, axis=0)
    return ", ".join(
        f"{name} {mean:+.4f} ({low:+.4f} to {high:+.4f}){'*' if low > 0 or high < 0 else ''}"
        for name, mean, low, high in zip(MEASURES, means, lows, highs, strict=True)
    )


if __name__ == "__main__":
    main()
