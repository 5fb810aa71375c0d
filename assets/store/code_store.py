"""The code of each code version, kept in the home so that a later change can be named and shown.

A code version is one file: its definitions, by digest, and its libraries. Sources are in files of their own, each holds
those that no earlier one has; none of them is ever changed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from assets.project.atomic_files import replacing, write_text
from assets.project.code_version import CodeVersion, source_texts
from assets.project.home import Home


def _folder(home: Home) -> Path:
    return home.warehouse / "code"


def code_path(home: Home, digest: str) -> Path:
    """Where the definitions of a code version are kept."""
    return _folder(home) / f"{digest}.json"


def code_files(home: Home, digest: str) -> list[Path]:
    """Files of a code version: its definitions, and those that hold the source of any of them."""
    held = set((recall_code(home, digest) or {"definitions": {}})["definitions"].values())
    return [code_path(home, digest), *(path for path in _source_files(home) if held & _read(path).keys())]


def remember_code(home: Home, code: CodeVersion) -> None:
    """Stores a code version: digests of its definitions, their sources, and its libraries."""
    path = code_path(home, code.digest)
    if path.exists():
        return
    _store_sources(home, code)
    plain = {"definitions": dict(code.definitions), "libraries": dict(code.libraries)}
    write_text(path, json.dumps(plain, sort_keys=True))


def recall_code(home: Home, digest: str) -> dict[str, dict[str, str]] | None:
    """``definitions`` and ``libraries`` of a code version; None if it was never stored."""
    path = code_path(home, digest)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def recall_sources(home: Home, digests: Collection[str]) -> dict[str, str]:
    """Digest of a definition -> its source, of those that were stored."""
    wanted = set(digests)
    found: dict[str, str] = {}
    for path in _source_files(home):
        texts = _read(path)
        found |= {digest: texts[digest] for digest in wanted & texts.keys()}
    return found


def _source_files(home: Home) -> list[Path]:
    return sorted((_folder(home) / "sources").glob("*.json.gz"))


def _store_sources(home: Home, code: CodeVersion) -> None:
    known = set(recall_sources(home, code.definitions.values()))
    texts = {code.definitions[name]: text for name, text in source_texts(code).items()}
    new = {digest: text for digest, text in sorted(texts.items()) if digest not in known}
    if not new:
        return
    name = hashlib.sha256("".join(new).encode()).hexdigest()[:16]
    with replacing(_folder(home) / "sources" / f"{name}.json.gz") as temporary:
        temporary.write_bytes(gzip.compress(json.dumps(new).encode(), mtime=0))


def _read(path: Path) -> dict[str, Any]:
    """Digest of a definition -> its source; nothing from a damaged file, which `cals doctor --deep` names."""
    try:
        texts: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return {}
    return texts
