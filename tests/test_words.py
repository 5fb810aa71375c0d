"""One word for one thing: the terms that were replaced stand in no name, docstring or comment."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]

# Replaced term -> the term in use.
TERMS = {
    r"sounds?": "audio",
    r"hears?|heard|hearing": "audio (what is given, read or audible)",
    r"figures?": "metric (the kind), value (the number)",
    r"pictures?": "frame (of a video), image or preview (PNG)",
    r"refus(?:e|es|ed|al)": "reject (a clip or file)",
}
# Replaced names -> the name in use.
NAMES = {
    "take_inventory": "compute_inventory",
    "tell_again": "resend",
    "no_evaluator": "without_evaluator",
    "absence": "missing_values",
    "settled_home": "fresh_home",
    "known_reach": "known_context",
    r"\w+_making": "what is built, e.g. shard_sets",
    "Produced": "StageResult",
    "Elsewhere": "ImportedFrom",
    "ClipSource": "SourceClip (layouts), ClipStream (training)",
}
# Stays: the paper's figures, matplotlib's, libraries, and names on disk or in settings that users know.
EXCEPTIONS = re.compile(
    r"\b(?:Figures? \d(?:(?:,| and| to) \d)*|(?:test_)?figure_[23]\w*|soundfile|min_heard_frames|figures_json|model_figures)\b"
    r"|key: dataset, asset, method, figure$"
)


def _words(text: str) -> str:
    """Text with identifiers split into their words: ``read_sound`` and ``ReadSound`` hold the word sound."""
    text = EXCEPTIONS.sub(" ", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return text.replace("_", " ")


@cache
def _files(suffix: str) -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", f"*{suffix}"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.split()
    found = [PROJECT / name for name in listed] or [
        path
        for folder in ("assets", "cals_models", "pipelines", "sql", "tests", "docs")
        for path in (PROJECT / folder).rglob(f"*{suffix}")
    ]
    return tuple(path for path in sorted(found) if path.is_file() and path != Path(__file__))


def _python_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Names, comments and docstrings of a module with their lines, and its path."""
    source = path.read_text(encoding="utf-8")
    yield 0, str(path.relative_to(PROJECT))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if "matplotlib.figure" in token.line:
            continue  # its module and class are named so
        if token.type in (tokenize.NAME, tokenize.COMMENT):
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[0] if node.body else None
            if isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant):
                for number, line in enumerate(str(body.value.value).splitlines()):
                    yield body.lineno + number, line


def _sql_texts(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if "--" in line:
            yield number, line.split("--", 1)[1]


@cache
def _texts() -> tuple[tuple[str, str, str], ...]:
    """(place, text, text split into words) of every name, docstring and comment of the project."""
    found = []
    for suffix, read in ((".py", _python_texts), (".sql", _sql_texts)):
        for path in _files(suffix):
            for line, text in read(path):
                found.append((f"{path.relative_to(PROJECT)}:{line}", text, _words(text)))
    return tuple(found)


@pytest.mark.parametrize("term", TERMS)
def test_replaced_terms_are_gone(term: str) -> None:
    pattern = re.compile(rf"\b(?:{term})\b", re.I)
    hits = [f"{place}: {text.strip()[:100]}" for place, text, words in _texts() if pattern.search(words)]
    assert not hits, f"{len(hits)} places say {term!r}; say {TERMS[term]}:\n" + "\n".join(hits[:20])


@pytest.mark.parametrize("name", NAMES)
def test_replaced_names_are_gone(name: str) -> None:
    pattern = re.compile(rf"\b{name}\b")
    hits = [place for place, text, _ in _texts() if pattern.search(text)]
    assert not hits, f"{name} is now {NAMES[name]}: {', '.join(hits[:20])}"
