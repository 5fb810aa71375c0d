"""Settings, code, libraries and machines that differ between two versions of a partition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from typing import Any

from assets.project.code_version import CodeVersion
from assets.project.home import Home
from assets.store.code_store import recall_code, recall_sources
from pipelines.diff.pairs import Pair

MACHINE = ("host", "device", "imported_from")


def setting_changes(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Settings that differ: partition, setting, a, b; numbers compare by value. A setting that one side lacks is null there."""
    changes = []
    for pair in _both(pairs):
        a, b = (_flat(json.loads(row["settings_json"] or "{}")) for row in (pair.a, pair.b) if row)
        for name in [*a, *(name for name in b if name not in a)]:
            if a.get(name) != b.get(name) or (name in a) != (name in b):
                changes.append({"partition": pair.label, "setting": name, "a": a.get(name), "b": b.get(name)})
    return changes


def code_changes(home: Home, pairs: Sequence[Pair], notes: list[str]) -> list[dict[str, Any]]:
    """Definitions that differ: asset, definition, change (changed, new or removed in b), diff (its lines, where its source is stored).

    Args:
        notes: gets a sentence about code versions that are not on record.
    """
    changes: dict[tuple[str, str], dict[str, Any]] = {}
    for pair in _both(pairs):
        assert pair.a is not None and pair.b is not None
        versions = (pair.a["code_version"], pair.b["code_version"])
        if versions[0] == versions[1]:
            continue
        known = [recall_code(home, version) for version in versions]
        if known[0] is None or known[1] is None:
            notes.append(f"{pair.label}: code {' -> '.join(versions)}: what differs is not on record")
            continue
        a, b = known[0]["definitions"], known[1]["definitions"]
        texts = recall_sources(home, [*a.values(), *b.values()])
        for name, change in CodeVersion("", b, {}).changed_definitions(a).items():
            before, after = (texts.get(side.get(name, "")) for side in (a, b))
            stored = all(text is not None for side, text in ((a, before), (b, after)) if name in side)
            lines = unified_diff((before or "").splitlines(), (after or "").splitlines(), lineterm="", n=2)
            changes[(pair.asset, name)] = {
                "asset": pair.asset,
                "definition": name,
                "change": change,
                "diff": list(lines)[2:] if stored else None,
            }
    return list(changes.values())


def environment_changes(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Libraries and machines that differ: name, a, b, and the partitions where they do."""
    changes: dict[tuple[str, Any, Any], list[str]] = {}
    for pair in _both(pairs):
        assert pair.a is not None and pair.b is not None
        a, b = (
            json.loads(row["library_versions_json"] or "{}") | {name: row[name] for name in MACHINE}
            for row in (pair.a, pair.b)
        )
        for name in sorted({*a, *b}):
            if a.get(name) != b.get(name):
                changes.setdefault((name, a.get(name), b.get(name)), []).append(pair.label)
    return [{"name": name, "a": a, "b": b, "partitions": of} for (name, a, b), of in changes.items()]


def _both(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.a is not None and pair.b is not None]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``outer.inner``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
