"""How rows of the ledger hold each other in place: digests of rows, and the newest of them.

As in git, a row names the digests of those that its writer saw as the newest, so that any number of writers at once need no
common order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cals_models.digests import digest_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Nodes = dict[str, list[str]]
"""Digest of a row, or of a command's record -> the digests that it names."""


def digest_of_row(row: Mapping[str, Any]) -> str:
    """Digest of all columns of a ledger row that are not null, but for ``row_digest`` itself."""
    values = {name: value for name, value in row.items() if value is not None and name != "row_digest"}
    return digest_of(values | {"at": (values["at"] - EPOCH) // timedelta(microseconds=1)})


def tips_of(nodes: Nodes) -> list[str]:
    """The digests that no other row names: the newest state."""
    return sorted(nodes.keys() - {head for heads in nodes.values() for head in heads})


def missing_from(nodes: Nodes) -> set[str]:
    """Digests that a row names but no row has: rows that were changed or removed."""
    return {head for heads in nodes.values() for head in heads} - nodes.keys()


def sealed(rows: Iterable[Mapping[str, Any]], heads: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of an earlier version, oldest first, with digests: each names the one before it.

    Args:
        heads: digests that the first of them names.
    """
    found = []
    seen = list(heads)
    for row in rows:
        whole = {**row, "heads_json": json.dumps(seen)}
        whole["row_digest"] = digest_of_row(whole)
        seen = [whole["row_digest"]]
        found.append(whole)
    return found
