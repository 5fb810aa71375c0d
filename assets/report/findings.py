"""The verdict: what the scores show, do not show, or can't show, each claim with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assets.report.audio_comparison import margins
from assets.report.definitions import MetricDefinition, method_definitions, metric_definitions
from assets.report.formatting import (
    TIMES,
    format_count,
    format_interval,
    format_number,
    format_percent,
    format_signed,
)
from assets.report.measured_scores import measured_scores
from assets.report.method_differences import differences
from assets.report.svg_charts import Chart
from assets.report.training import nearness_chart
from assets.report.warehouse_reader import Row, WarehouseReader

SHOWN, NOT_SHOWN, AGAINST, MISSING = "shown", "not shown", "against", "missing"
TOO_SOON = "not at the plateau"
BASELINE = "wav2lip"
COMPARED = ("psnr", "ssim", "lmd")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim and its status: ``shown``, ``not shown``, ``against``, ``not at the plateau`` or ``missing``.

    Args:
        charts: what the evidence speaks of, where a curve says more than a number.
    """

    claim: str
    status: str
    evidence: str
    charts: Sequence[Chart] = ()


def findings(warehouse: WarehouseReader, dataset: str, headline: str) -> list[Finding]:
    """The claims, the most important first."""
    metrics = metric_definitions(warehouse)
    label = method_definitions(warehouse).label(headline)
    compared = differences(warehouse, dataset, headline)
    found = [
        _beats(metrics, label, "copy_reference", "a copied reference frame", compared),
        _follows_audio(label, headline, margins(warehouse, dataset)),
    ]
    if any(other == BASELINE for other, _ in compared):
        beats = _beats(metrics, label, BASELINE, "the Wav2Lip baseline", compared)
        found.append(_unless_still_learning(beats, warehouse, dataset, (headline, BASELINE)))
    return [*found, _sync_encoder(warehouse, dataset), _controls(warehouse, dataset)]


def _beats(
    metrics: Mapping[str, MetricDefinition],
    label: str,
    other: str,
    other_text: str,
    compared: Mapping[tuple[str, str], Row],
) -> Finding:
    claim = f"{label} is better than {other_text}"
    known = [compared[(other, metric)] for metric in COMPARED if (other, metric) in compared]
    if not known:
        return Finding(claim=claim, status=MISSING, evidence="No test clip was scored with both.")
    verdicts = [row["is_better"] for row in known]
    parts = []
    for row in known:
        metric = metrics[row["metric"]]
        text = (
            f"{metric.label} {format_signed(row['mean_difference'], metric.decimals)} {metric.unit}".rstrip()
        )
        if shown := format_interval(row["low"], row["high"], metric.decimals, with_sign=True):
            text += f" ({shown})"
        parts.append(text)
    status = SHOWN if all(verdicts) else AGAINST if False in verdicts else NOT_SHOWN
    clips = format_count(max(row["num_clips"] for row in known), "test clip")
    return Finding(claim=claim, status=status, evidence=f"On the same {clips}: {', '.join(parts)}.")


def _unless_still_learning(
    finding: Finding, warehouse: WarehouseReader, dataset: str, methods: tuple[str, str]
) -> Finding:
    """A comparison of two methods, or, if either was still learning when its training ended, that and its curve."""
    label = method_definitions(warehouse).label
    warned = warehouse.rows(
        "select method, arg_max(text, step) as text from model_warnings where dataset = ? and method in (?, ?) "
        "and asset = 'generator' and warning = 'not_at_plateau' group by method order by method",
        [dataset, *methods],
    )
    if not warned:
        return finding
    evidence = " ".join(f"{label(row['method'])}: {row['text']}." for row in warned)
    charts = [
        chart
        for row in warned
        for chart in nearness_chart(warehouse, dataset, row["method"], label(row["method"]))
    ]
    return replace(finding, status=TOO_SOON, evidence=evidence, charts=charts)


def _follows_audio(label: str, headline: str, gains: Mapping[tuple[str, str], Row]) -> Finding:
    claim = f"The mouth of {label} follows the audio"
    row = gains.get((headline, "lmd"))
    if row is None:
        evidence = "LMD was not measured with the clip's own and another clip's audio."
        return Finding(claim=claim, status=MISSING, evidence=evidence)
    if row["low"] is None:
        return Finding(claim=claim, status=MISSING, evidence="Too few test clips for an interval.")
    status = {True: SHOWN, False: AGAINST, None: NOT_SHOWN}[row["is_better"]]
    evidence = (
        f"Given another clip's audio, LMD is {format_number(row['other_mean'])} px, with the right audio "
        f"{format_number(row['own_mean'])} px: a gain of {format_number(row['margin'])} px "
        f"({format_interval(row['low'], row['high'])})."
    )
    return Finding(claim=claim, status=status, evidence=evidence)


def _sync_encoder(warehouse: WarehouseReader, dataset: str) -> Finding:
    claim = "The sync encoder picks the right moment among others on held-out clips"
    found = warehouse.rows(
        "select value, chance from model_figures "
        "where dataset = ? and asset = 'sync_encoder' and figure = 'retrieval_at_1'",
        [dataset],
    )
    if not found or found[0]["value"] is None or not found[0]["chance"]:
        return Finding(claim=claim, status=MISSING, evidence="Its training recorded no retrieval rate.")
    value, chance = found[0]["value"], found[0]["chance"]
    evidence = (
        f"Retrieval at 1 is {format_percent(value)}, where guessing reaches {format_percent(chance)}: "
        f"{format_number(value / chance, 1)} {TIMES} chance."
    )
    return Finding(claim=claim, status=SHOWN if value > 2 * chance else NOT_SHOWN, evidence=evidence)


def _controls(warehouse: WarehouseReader, dataset: str) -> Finding:
    claim = "The ground truth scores SSIM 1 and LMD 0, as it should"
    measured = measured_scores(warehouse, dataset)
    ssim, lmd = (measured.get(("ground_truth", "own", metric)) for metric in ("ssim", "lmd"))
    if ssim is None or lmd is None or ssim["mean"] is None or lmd["mean"] is None:
        return Finding(claim=claim, status=MISSING, evidence="The ground truth was not scored.")
    exact = abs(ssim["mean"] - 1) < 1e-6 and abs(lmd["mean"]) < 1e-6
    clips = format_count(ssim["num_clips"], "test clip")
    evidence = f"SSIM {format_number(ssim['mean'])}, LMD {format_number(lmd['mean'])} px on {clips}."
    return Finding(claim=claim, status=SHOWN if exact else AGAINST, evidence=evidence)


def headline_sentence(found: list[Finding], label: str) -> str:
    """The verdict in one sentence, from the first two findings."""
    beats, follows = found[0].status, found[1].status
    if MISSING in (beats, follows):
        return f"The scores of {label} are not complete; the table says what is missing and why."
    if beats == follows == SHOWN:
        return f"{label} generates mouths that follow the audio, and does better than showing a still reference frame."
    if follows == SHOWN:
        return f"{label}'s mouths follow the audio, but it is not better than a still reference frame by every metric."
    if beats == SHOWN:
        return f"{label} does better than a still reference frame, but its mouths are not shown to follow the audio."
    return f"{label} is neither shown to follow the audio nor to do better than a still reference frame."
