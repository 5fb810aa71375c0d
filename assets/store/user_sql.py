"""A project's own SQL files, ``sql/user/*.sql``, and what became of them at the last publish.

That is kept beside the database, so that a run sees without opening it whether a file changed since. DuckDB is not imported:
a run with nothing to do asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.project.atomic_files import write_text
from assets.project.home import Home

STATE_NAME = "user_views.json"


def user_view_problems(home: Home) -> list[str]:
    """One line for each file that became no view at the last publish: which, and what is wrong."""
    if home.user_sql is None:
        return []
    return [f"{home.user_sql / name}: {why}" for name, why in _state(home).get("problems", {}).items()]


def user_views_changed(home: Home) -> bool:
    """Whether files were added, changed or removed since the last publish."""
    return bool(_state(home).get("digest", "") != _digest(user_sql_texts(home)))


def user_sql_texts(home: Home) -> dict[Path, str]:
    """Each of the files with its text."""
    paths = sorted(home.user_sql.glob("*.sql")) if home.user_sql is not None else []
    return {path: path.read_text(encoding="utf-8", errors="replace") for path in paths}


def record_user_views(home: Home, texts: Mapping[Path, str], problems: Mapping[str, str]) -> None:
    """Records what a publish read.

    Args:
        texts: as `user_sql_texts` gave them.
        problems: file name -> why it became no view.
    """
    state = {"digest": _digest(texts), "problems": dict(sorted(problems.items()))}
    write_text(home.warehouse / STATE_NAME, json.dumps(state, indent=1))


def _digest(texts: Mapping[Path, str]) -> str:
    contents = {path.name: text for path, text in texts.items()}
    return hashlib.sha256(json.dumps(contents).encode("utf-8")).hexdigest() if contents else ""


def _state(home: Home) -> dict[str, Any]:
    try:
        state = json.loads((home.warehouse / STATE_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # never published, or not readable: the next publish writes it
        return {}
    return state if isinstance(state, dict) else {}
