"""The words of causes: what failed, what changed, from what to what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assets.clips.settings import FEW_UNEXPECTED
from assets.project.code_version import CodeVersion
from assets.project.graph import stage_names


def failed_check(row: dict[str, Any], of: str) -> str:
    """Which blocking check failed on a materialisation (``of``, in words), what it found and what it asks for."""
    outcomes = json.loads(row.get("checks_json") or "{}")
    found = outcomes.get(row["blocked_by"], {}).get("description")
    return f"the check {row['blocked_by']} of {of} failed" + (f": {found}" if found else "")


def unexpected_errors(row: dict[str, Any]) -> str | None:
    """What a materialisation says of clips at which the pipeline failed; None where there is none."""
    if not json.loads(row.get("counts_json") or "{}").get("unexpected"):
        return None
    found = json.loads(row.get("checks_json") or "{}").get(FEW_UNEXPECTED, {}).get("description")
    whose = " --clip ID" if row["asset"] in stage_names("data") else ""
    return f"{found}, or try them again: cals run --force {row['asset']}{whose}"


def input_words(name: str, before: str | None, now: str | None) -> str:
    """How an input is named whose data version changed."""
    asset, _, other = name.partition("@")
    if not other:
        return name
    if asset != "shards":
        return f"{asset} of {other.partition('|')[0]} (base)"
    change = "added to train_on" if before is None else "no longer in train_on" if now is None else "train_on"
    return f"{asset} of {other} ({change})"


def setting_change(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Which settings changed, from what to what."""
    now = json.loads(json.dumps(now))
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    words = [f"{name}: {before.get(name, 'not set')} -> {now.get(name, 'not set')}" for name in names]
    return f"settings: {some(words)}" if words else "settings: changed"


def code_change(code: CodeVersion, known: Mapping[str, Any] | None) -> str:
    """Which definitions and libraries changed since the code that the ledger keeps (``known``)."""
    if known is None:
        return "code: its earlier code is not on record"
    changes = code.changed_since(known["definitions"], known["libraries"])
    return f"code: {some(changes) if changes else 'what a name in it refers to'}"


def some(words: list[str], shown: int = 4) -> str:
    """The first few words, and how many more there are."""
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return ", ".join(words[:shown]) + more
