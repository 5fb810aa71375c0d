"""Sizes that keep a module readable in one sitting: a longer one has a seam somewhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
MOST_LINES_OF_A_FUNCTION = 60
MOST_ARGUMENTS = 8
MOST_LINES_OF_A_FILE = 350
SOURCES = sorted(
    path for package in ("assets", "cals_models", "pipelines") for path in (PROJECT / package).rglob("*.py")
)


@pytest.mark.parametrize("package", ["assets", "cals_models", "pipelines"])
def test_functions_and_files_are_short(package: str) -> None:
    too_long = []
    for path in (path for path in SOURCES if path.is_relative_to(PROJECT / package)):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(PROJECT)
        if text.count("\n") > MOST_LINES_OF_A_FILE:
            too_long.append(f"{name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                arguments = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
                if lines > MOST_LINES_OF_A_FUNCTION or arguments > MOST_ARGUMENTS:
                    too_long.append(f"{name}: {node.name}, {lines} lines, {arguments} arguments")
    assert not too_long, "find the seam of:\n" + "\n".join(too_long)
