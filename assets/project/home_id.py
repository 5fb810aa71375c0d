"""The identity of a home: drawn once, stored in it, the same wherever it is moved."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from assets.project.home import Home

ID_FILE = "id"


def home_id(home: Home) -> str:
    """32 hex digits; written at first use. Processes that ask at the same time get the same.

    Raises:
        ValueError: the file holds something else.
    """
    path = home.root / ID_FILE
    if not path.exists():
        _draw(path)
    found = path.read_text(encoding="utf-8").strip()
    try:
        return uuid.UUID(hex=found).hex
    except ValueError as error:
        raise ValueError(
            f"{path}: holds {found[:40]!r}; it must hold the 32 hex digits that name this home. Restore it, or remove it: "
            "the home then gets a new name in lineage servers"
        ) from error


def _draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{ID_FILE}.{uuid.uuid4().hex}.tmp")
    temporary.write_text(uuid.uuid4().hex + "\n", encoding="utf-8")
    try:
        os.link(temporary, path)  # unlike a rename it never replaces what another process wrote
    except FileExistsError:
        pass
    except OSError:  # no hard links on this file system
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
