"""Worked examples of docs/extending.md, carried out on a copy of the project.

An example is the code blocks of one section. The paragraph right above a block says what to do with it:
``New file `PATH`:`` writes the block to PATH; ``In `PATH`, after `LINE`:`` inserts it after the only line that holds LINE.
A block under any other paragraph is left alone.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "extending.md"
PARTS = ("assets", "cals_models", "pipelines", "sql", "docs", "pyproject.toml", "cals.yaml", "dagster.yaml", "workspace.yaml")  # fmt: skip
_BLOCK = re.compile(r"^(?P<how>[^\n]+):\n\n```[a-z]*\n(?P<text>.*?)^```$", re.M | re.S)


def copy_project(folder: Path) -> Path:
    """A copy of the sources without tests, to change at will; run code in it with PYTHONPATH set to it."""
    for part in PARTS:
        source, target = PROJECT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def carry_out(heading: str, project: Path) -> list[Path]:
    """Carries out the example under a heading of the page on a copy of the project.

    Returns:
        The files written or changed, in order.

    Raises:
        AssertionError: no such heading, no step in it, or a line to insert after that is not there exactly once.
    """
    page = PAGE.read_text(encoding="utf-8")
    assert f"\n## {heading}\n" in page, f"{PAGE}: no section {heading!r}"
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    changed = []
    for block in _BLOCK.finditer(section):
        new = re.fullmatch(r"New file `([^`]+)`", block["how"])
        line = re.fullmatch(r"In `([^`]+)`, after `([^`]+)`", block["how"])
        if new:
            path = project / new[1]
            assert not path.exists(), f"{path}: exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], encoding="utf-8")
        elif line:
            path = project / line[1]
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            places = [number for number, text in enumerate(lines) if line[2] in text]
            assert len(places) == 1, f"{path}: {line[2]!r} stands in {len(places)} lines"
            lines.insert(places[0] + 1, block["text"])
            path.write_text("".join(lines), encoding="utf-8")
        else:
            continue
        changed.append(path)
    assert changed, f"{PAGE}: section {heading!r} has no step"
    return changed
