"""Digests of plain values: the same on every machine, independent of dictionary order."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest_of(*values: Any) -> str:
    """sha256 over JSON-serialisable values, independent of dictionary order."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
