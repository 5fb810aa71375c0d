"""What a figure alone does not show: own against wrong audio, and methods against each other on the same clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assets.report.cells import (
    PROTOCOLS,
    Cell,
    MethodRow,
    difference_cell,
    in_order,
    label_of,
    measured_row,
    method_labels,
    metrics,
    summary,
    value_cell,
    with_best_marked,
)
from assets.report.rows import Row, Rows
from assets.report.wording import decimals_of, interval, number, signed

MOUTH_METRICS = ("psnr_mouth", "ssim_mouth", "lmd")
SOUNDS = ("own", "other")


def margins(rows: Rows, dataset: str) -> dict[tuple[str, str], Row]:
    """``wrong_audio_margin`` by (method, metric)."""
    found = rows.ask(
        "select method, metric, protocol, own_mean, other_mean, margin, low, high, p_value, num_clips "
        "from wrong_audio_margin where dataset = ?",
        [dataset],
    )
    return {
        (row["method"], row["metric"]): row
        for row in found
        if row["protocol"] == PROTOCOLS.get(row["metric"], "primary")
    }


def mouth_table(rows: Rows, dataset: str) -> list[MethodRow]:
    """For each method and mouth metric: own audio, another clip's audio, and the gain from the right one."""
    labels, better = method_labels(rows), {m.name: m.better for m in metrics(rows).values()}
    measured, gains = summary(rows, dataset), margins(rows, dataset)
    table = []
    for method in in_order((method for method, _, _ in measured), labels):
        row = measured_row(method, measured, labels, MOUTH_METRICS)
        cells: list[Cell] = []
        for metric, own in zip(MOUTH_METRICS, row.cells, strict=True):
            other = value_cell(
                measured.get((method, "other", metric)), metric, "not rendered with other audio"
            )
            cells += [own, replace(other, interval=""), margin_cell(gains.get((method, metric)), metric)]
        table.append(replace(row, cells=cells, values={f"{m}:own": v for m, v in row.values.items()}))
    columns = [f"{metric}:{column}" for metric in MOUTH_METRICS for column in ("own", "other", "margin")]
    return with_best_marked(table, columns, {c: better[c.split(":")[0]] for c in columns})


def margin_cell(gain: Row | None, metric: str) -> Cell:
    if gain is None:
        return Cell(why="needs both")
    decimals = decimals_of(metric)
    low, high = gain["low"], gain["high"]
    verdict = "" if low is None else "clear" if low > 0 else "worse" if high < 0 else "none"
    if low == high == 0:
        return Cell(text=number(0, decimals), why="the same pictures", verdict="none")
    return Cell(
        text=signed(gain["margin"], decimals),
        interval=interval(low, high, decimals, with_sign=True),
        verdict=verdict,
    )


def sync_control(rows: Rows, dataset: str) -> list[MethodRow]:
    """LSE-D and LSE-C with the right and with another clip's sound, for every method."""
    labels, measured = method_labels(rows), summary(rows, dataset)
    methods = in_order((m for m, _, metric in measured if metric in ("lse_d", "lse_c")), labels)
    return [
        MethodRow(
            method=method,
            label=label_of(labels, method),
            is_control=method in labels and labels[method]["is_control"],
            cells=[
                value_cell(measured.get((method, audio, metric)), metric)
                for metric in ("lse_d", "lse_c")
                for audio in SOUNDS
            ],
        )
        for method in methods
    ]


def perceptual_table(rows: Rows, dataset: str) -> list[MethodRow]:
    """LPIPS and FID with the right and with another clip's sound, for every method; empty where neither was asked for."""
    labels, measured = method_labels(rows), summary(rows, dataset)
    found = rows.ask(
        "select method, audio, value, detail from set_metrics where dataset = ? and metric = 'fid'", [dataset]
    )
    sets = {(row["method"], row["audio"]): row for row in found}
    methods = {method for method, _, metric in measured if metric == "lpips"} | {m for m, _ in sets}
    return [
        MethodRow(
            method=method,
            label=label_of(labels, method),
            is_control=method in labels and labels[method]["is_control"],
            cells=[value_cell(measured.get((method, audio, "lpips")), "lpips") for audio in SOUNDS]
            + [_set_cell(sets.get((method, audio)), "fid") for audio in SOUNDS],
        )
        for method in in_order(methods, labels)
    ]


def _set_cell(row: Row | None, metric: str) -> Cell:
    """A figure of a whole set of frames: it has no interval over clips."""
    if row is None or row["value"] is None:
        return Cell(why="not measured" if row is None else row["detail"])
    return Cell(text=number(row["value"], decimals_of(metric)))


def perceptual_evaluators(rows: Rows, dataset: str) -> list[str]:
    """Networks and weights behind the dataset's LPIPS and FID."""
    found = rows.ask(
        "select evaluator from clip_metrics where dataset = ? and metric = 'lpips' union "
        "select evaluator from set_metrics where dataset = ? order by evaluator",
        [dataset, dataset],
    )
    return [row["evaluator"] for row in found]


def differences(rows: Rows, dataset: str, headline: str) -> dict[tuple[str, str], Row]:
    """``method_differences`` of the headline method by (other method, metric)."""
    found = rows.ask(
        "select other_method, metric, protocol, mean_difference, low, high, p_value, num_clips, is_better "
        "from method_differences where dataset = ? and method = ?",
        [dataset, headline],
    )
    return {
        (row["other_method"], row["metric"]): row
        for row in found
        if row["protocol"] == PROTOCOLS.get(row["metric"], "primary")
    }


def difference_table(rows: Rows, dataset: str, headline: str, columns: Sequence[str]) -> list[MethodRow]:
    """Headline method minus each other one on the same clips; the ground truth is left out."""
    labels, found = method_labels(rows), differences(rows, dataset, headline)
    others = [m for m in in_order((m for m, _ in found), labels) if m != "ground_truth"]
    return [
        MethodRow(
            method=other,
            label=label_of(labels, other),
            is_control=other in labels and labels[other]["is_control"],
            cells=[difference_cell(found.get((other, metric)), metric) for metric in columns],
        )
        for other in others
    ]
