"""A difference as text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from assets.report.formatting import format_count
from pipelines.diff.difference import Difference
from pipelines.diff.pairs import Pair
from pipelines.diff.side import Side

SHOWN = 10
HEADLINE = ("primary", "lse_crop")


def difference_text(found: Difference) -> str:
    """What differs, section by section; sections without a difference say so in a line."""
    sections = (_sides, _partitions, _settings, _code, _environment, _clips, _metrics, _models, _notes)
    return "\n".join(line for section in sections for line in section(found))


def _sides(found: Difference) -> Iterator[str]:
    for letter, side in (("a", found.a), ("b", found.b)):
        yield f"{letter}: {side.what}{_origin(side)}"


def _origin(side: Side) -> str:
    if len(side.named) != 1:
        return f" ({format_count(len(side.named), 'materialisation')})"
    row = side.named[0]
    commit = f", commit {row['git_commit'][:12]}" if row["git_commit"] else ""
    return f" ({row['at']:%Y-%m-%d %H:%M} UTC on {row['host']}{commit}{' with edits' if row['git_dirty'] else ''})"


def _partitions(found: Difference) -> Iterator[str]:
    changed = [pair for pair in found.pairs if pair.differs_in]
    same = [p for p in found.pairs if p.a is not None and p.b is not None and not p.differs_in]
    yield f"partitions: {len(changed)} differ, {len(same)} the same"
    for pair in changed:
        yield f"  {pair.label}: {', '.join(pair.differs_in)}"
    yield from _only("a", [pair for pair in found.pairs if pair.b is None])
    yield from _only("b", [pair for pair in found.pairs if pair.a is None])


def _only(letter: str, pairs: Sequence[Pair]) -> Iterator[str]:
    if pairs:
        yield f"  only in {letter}: {_some([pair.label for pair in pairs])}"


def _settings(found: Difference) -> Iterator[str]:
    yield "settings:" if found.settings else "settings: the same"
    for row in found.settings:
        yield f"  {row['partition']}  {row['setting']}: {json.dumps(row['a'])} -> {json.dumps(row['b'])}"


def _code(found: Difference) -> Iterator[str]:
    yield "code:" if found.code else "code: the same"
    by_definition: dict[tuple[str, str], list[str]] = {}
    for row in found.code:
        by_definition.setdefault((row["definition"], row["change"]), []).append(row["asset"])
    for (definition, change), assets in by_definition.items():
        yield f"  {definition} {change} ({_some(assets)})"


def _environment(found: Difference) -> Iterator[str]:
    yield "libraries and machines:" if found.environment else "libraries and machines: the same"
    for row in found.environment:
        yield f"  {row['name']}: {row['a'] or 'none'} -> {row['b'] or 'none'} ({_some(row['partitions'], 3)})"


def _clips(found: Difference) -> Iterator[str]:
    for row in found.clips:
        counts = ", ".join(f"{len(row[what])} {what}" for what in ("came", "went", "changed", "moved"))
        yield f"clips of {row['label']}: {row['num_a']} -> {row['num_b']}; {counts}"
        for sign, what in (("+", "came"), ("-", "went"), ("~", "changed")):
            yield from (f"  {sign} {clip}" for clip in row[what][:SHOWN])
            if len(row[what]) > SHOWN:
                yield f"  {sign} and {len(row[what]) - SHOWN} more"
        yield from (f"  ~ {m['clip_id']}: {m['a']} -> {m['b']}" for m in row["moved"][:SHOWN])


def _metrics(found: Difference) -> Iterator[str]:
    rows = [row for row in found.metrics if row["audio"] == "own"]
    if not rows and not found.set_metrics:
        yield "metrics by clip: none to compare"
        return
    yield "metrics by clip, own audio (mean of a -> b over the n clips of both; b minus a with its 95 % interval):"
    for row in sorted(rows, key=lambda row: (row["label"], row["protocol"] not in HEADLINE)):
        yield f"  {row['label']}  {row['metric']} {row['protocol']}  {metric_words(row)}"
    for row in found.set_metrics:
        yield f"  {row['label']}  {row['metric']} of the split, {row['audio']} audio: {row['a']} -> {row['b']}"


def metric_words(row: dict[str, Any]) -> str:
    """Means, difference, interval, test and verdict of one metric."""
    words = f"{row['mean_a']:.3f} -> {row['mean_b']:.3f}  {row['mean_difference']:+.3f}"
    if row["low"] is not None:
        words += f" [{row['low']:+.3f}, {row['high']:+.3f}]  p = {row['p_value']:.3f}"
    words += f"  n = {row['num_clips']}"
    return "  ".join(str(part) for part in (words, row["verdict"], row["note"]) if part)


def _models(found: Difference) -> Iterator[str]:
    if found.models:
        yield "models, at the end of training:"
    for row in found.models:
        yield f"  {row['label']}  {row['metric']}: {_number(row['a'])} -> {_number(row['b'])}"
    if found.curves:
        yield f"{format_count(len(found.curves), 'training curve')}: drawn over each other by --html FILE"


def _notes(found: Difference) -> Iterator[str]:
    yield from (f"note: {note}" for note in found.notes)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.5g}"


def _some(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
