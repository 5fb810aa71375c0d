"""The verdict: what the figures show, do not show, or can't show, each in one sentence with its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assets.report.cells import method_labels, metrics, summary
from assets.report.comparisons import differences, margins
from assets.report.rows import Row, Rows
from assets.report.wording import TIMES, counted, decimals_of, interval, number, percent, signed

SHOWN, NOT_SHOWN, AGAINST, MISSING = "shown", "not shown", "against", "missing"
COMPARED = ("psnr", "ssim", "lmd")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim and how it stands: ``shown``, ``not shown``, ``against`` or ``missing``."""

    claim: str
    status: str
    evidence: str


def findings(rows: Rows, dataset: str, headline: str) -> list[Finding]:
    """The claims that a customer asks about, in the order of their weight."""
    labels = method_labels(rows)
    label = labels[headline]["label"] if headline in labels else headline
    compared = differences(rows, dataset, headline)
    found = [
        _beats(rows, label, "copy_reference", "a copied reference frame", compared),
        _follows_sound(label, headline, margins(rows, dataset)),
    ]
    if any(other == "wav2lip" for other, _ in compared):
        found.append(_beats(rows, label, "wav2lip", "the Wav2Lip baseline", compared))
    return [*found, _sync_encoder(rows, dataset), _controls(rows, dataset)]


def _beats(
    rows: Rows, label: str, other: str, other_text: str, compared: Mapping[tuple[str, str], Row]
) -> Finding:
    claim = f"{label} is better than {other_text}"
    known = [compared[(other, metric)] for metric in COMPARED if (other, metric) in compared]
    if not known:
        return Finding(claim=claim, status=MISSING, evidence="No test clip was scored with both.")
    definitions = metrics(rows)
    verdicts = [row["is_better"] for row in known]
    parts = []
    for row in known:
        metric, decimals = definitions[row["metric"]], decimals_of(row["metric"])
        text = f"{metric.label} {signed(row['mean_difference'], decimals)} {metric.unit}".rstrip()
        if shown := interval(row["low"], row["high"], decimals, with_sign=True):
            text += f" ({shown})"
        parts.append(text)
    status = SHOWN if all(verdicts) else AGAINST if False in verdicts else NOT_SHOWN
    clips = counted(max(row["num_clips"] for row in known), "test clip")
    return Finding(claim=claim, status=status, evidence=f"On the same {clips}: {', '.join(parts)}.")


def _follows_sound(label: str, headline: str, gains: Mapping[tuple[str, str], Row]) -> Finding:
    claim = f"The mouth of {label} follows the sound"
    row = gains.get((headline, "lmd"))
    if row is None:
        evidence = "Landmarks were not measured with the clip's own and another clip's sound."
        return Finding(claim=claim, status=MISSING, evidence=evidence)
    if row["low"] is None:
        return Finding(claim=claim, status=MISSING, evidence="Too few test clips for an interval.")
    status = SHOWN if row["low"] > 0 else AGAINST if row["high"] < 0 else NOT_SHOWN
    evidence = (
        f"Given another clip's sound, LMD is {number(row['other_mean'])} px, with the right sound "
        f"{number(row['own_mean'])} px: a gain of {number(row['margin'])} px ({interval(row['low'], row['high'])})."
    )
    return Finding(claim=claim, status=status, evidence=evidence)


def _sync_encoder(rows: Rows, dataset: str) -> Finding:
    claim = "The sync encoder tells the right moment from others on held-out clips"
    found = rows.ask(
        "select value, chance from model_figures "
        "where dataset = ? and asset = 'sync_encoder' and figure = 'retrieval_at_1'",
        [dataset],
    )
    if not found or found[0]["value"] is None or not found[0]["chance"]:
        return Finding(
            claim=claim, status=MISSING, evidence="No retrieval figure was recorded in its training."
        )
    value, chance = found[0]["value"], found[0]["chance"]
    evidence = (
        f"Retrieval at 1 is {percent(value)}, where guessing reaches {percent(chance)}: "
        f"{number(value / chance, 1)} {TIMES} chance."
    )
    return Finding(claim=claim, status=SHOWN if value > 2 * chance else NOT_SHOWN, evidence=evidence)


def _controls(rows: Rows, dataset: str) -> Finding:
    claim = "The yardstick is sound: the ground truth scores SSIM 1 and LMD 0"
    measured = summary(rows, dataset)
    ssim, lmd = (measured.get(("ground_truth", "own", metric)) for metric in ("ssim", "lmd"))
    if ssim is None or lmd is None or ssim["mean"] is None or lmd["mean"] is None:
        return Finding(claim=claim, status=MISSING, evidence="The ground truth was not scored.")
    exact = abs(ssim["mean"] - 1) < 1e-6 and abs(lmd["mean"]) < 1e-6
    evidence = f"SSIM {number(ssim['mean'])}, LMD {number(lmd['mean'])} px on {counted(ssim['num_clips'], 'test clip')}."
    return Finding(claim=claim, status=SHOWN if exact else AGAINST, evidence=evidence)


def headline_sentence(found: list[Finding], label: str) -> str:
    """The verdict in one sentence, from the first two findings."""
    beats, follows = found[0].status, found[1].status
    if MISSING in (beats, follows):
        return f"The figures of {label} are not complete; the table says what is missing and why."
    if beats == follows == SHOWN:
        return f"{label} makes mouths that follow the sound, and does better than showing a still reference frame."
    if follows == SHOWN:
        return f"{label}'s mouths follow the sound, but it is not better than a still reference frame on every figure."
    if beats == SHOWN:
        return f"{label} does better than a still reference frame, but its mouths are not shown to follow the sound."
    return f"{label} is neither shown to follow the sound nor to do better than a still reference frame."
