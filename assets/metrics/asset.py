"""The ``clip_metrics`` asset."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from assets.clips.rejections import EVALUATION_CHECKS, evaluation_check, num_unexpected, require_results
from assets.metrics.clip_metrics import score_renders
from assets.metrics.crop_values import crop_metric_names
from assets.metrics.instruments import device_of, open_instruments
from assets.metrics.lse_values import LSE_METRICS
from assets.metrics.perceptual import Inception, open_inception
from assets.metrics.render_set import RenderSet
from assets.metrics.set_metrics import fid_rows
from assets.models.train_stage import model_folder
from assets.renders.render import INDEX_NAME
from assets.stage.run import CheckOutcome, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.table_parts import write_part
from assets.workers.progress import progress_bar
from cals_models.digests import digest_of

CHECKS = {**EVALUATION_CHECKS, "ground_truth_is_perfect": True, "figures_are_finite": True}


@stage_asset("clip_metrics", checks=CHECKS)
def clip_metrics(run: StageRun) -> StageResult:
    """PSNR, SSIM, LMD, LSE-D and LSE-C of each rendered test clip: one row a clip, audio, protocol and metric.

    With weights for them also LPIPS of each clip and FID of the whole split.
    """
    assert run.method is not None
    name = run.dataset.name
    folder = run.home.renders(name, run.method)
    renders = RenderSet(
        rows=[json.loads(line) for line in (folder / INDEX_NAME).read_text(encoding="utf-8").splitlines()],
        folder=folder,
        shards=run.home.shards(name),
        split=run.project.stage_settings(name, "renders").split,
        dataset=name,
        method=run.method,
    )
    evaluator = None if run.settings.lse_weights else model_folder(run, "lse_evaluator")
    cache = None if run.forced.every else run.folder / "landmarks"
    instruments = open_instruments(run.settings, evaluator, cache=cache, version=run.code_digest)
    inception = open_inception(run.settings, device_of(run.settings))
    title = f"metrics of {name} by {run.method}"
    with progress_bar(title, len(renders.rows), "video") as advance:
        rows = score_renders(renders, instruments, advance)
    require_results(title, rows, "value")
    failed: dict[str, str] = {}
    sets = [] if inception is None else _fid(renders, inception, failed)
    write_part(run.home, "clip_metrics", rows, dataset=name, method=run.method)
    write_part(run.home, "set_metrics", sets, dataset=name, method=run.method)
    tried = [*rows, *({"clip_id": clip_id, "detail": detail} for clip_id, detail in failed.items())]
    means = _means(rows, (*crop_metric_names(instruments), *LSE_METRICS))
    return StageResult(
        data_version=digest_of(rows, sets) if sets else digest_of(rows),
        num_clips=len({row["clip_id"] for row in rows}),
        counts={
            **means,
            **_of_set(sets),
            "without_value": sum(row["value"] is None for row in rows),
            "unexpected": num_unexpected(tried),
        },
        checks=[evaluation_check(run, tried), _check_ground_truth(run.method, rows), _check_finite(rows)],
    )


def _fid(renders: RenderSet, inception: Inception, failed: dict[str, str]) -> list[dict[str, Any]]:
    num_clips = len({row["key"] for row in renders.rows})
    with progress_bar(f"FID of {renders.dataset} by {renders.method}", num_clips) as advance:
        return fid_rows(renders, inception, advance, failed=failed)


def _own(rows: list[dict[str, Any]], metric: str) -> list[float]:
    protocols = ("primary", "lse_crop")
    return [
        row["value"]
        for row in rows
        if row["audio"] == "own"
        and row["metric"] == metric
        and row["protocol"] in protocols
        and row["value"] is not None
    ]


def _means(rows: list[dict[str, Any]], metrics: Iterable[str]) -> dict[str, float]:
    values = {metric: _own(rows, metric) for metric in metrics}
    return {metric: sum(some) / len(some) for metric, some in values.items() if some}


def _of_set(sets: list[dict[str, Any]]) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in sets if row["audio"] == "own" and row["value"] is not None}


def _check_ground_truth(method: str, rows: list[dict[str, Any]]) -> CheckOutcome:
    name = "ground_truth_is_perfect"
    if method != "ground_truth":
        return CheckOutcome(name=name, passed=True, description="applies to the ground truth only")
    worst_ssim, worst_lmd = min(_own(rows, "ssim"), default=1.0), max(_own(rows, "lmd"), default=0.0)
    passed = worst_ssim > 1 - 1e-6 and worst_lmd == 0
    return CheckOutcome(
        name=name,
        passed=passed,
        description=f"SSIM at least {worst_ssim:.6f}, LMD at most {worst_lmd:.6f} px; right would be 1 and 0: "
        "look for what changed in the code of renders or clip_metrics",
    )


def _check_finite(rows: list[dict[str, Any]]) -> CheckOutcome:
    bad = [row for row in rows if row["value"] is not None and not math.isfinite(row["value"])]
    where = f"; first: {bad[0]['metric']} of {bad[0]['clip_id']}; look at that render" if bad else ""
    return CheckOutcome(
        name="figures_are_finite",
        passed=not bad,
        description=f"{len(bad)} of {len(rows)} values are not finite{where}",
    )
