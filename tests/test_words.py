"""One word for one thing: replaced terms are in no path, name, docstring, comment or page."""

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
    r"refus(?:e|es|ed|als?|ing)": "reject (a clip or file)",
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
# What stays: the paper's figures, a library, and names on disk or in settings that users know.
EXCEPTIONS = (
    r"\bFigures? \d(?:(?:,| and| to) \d)*\b",
    r"\b(?:test_)?figure_[23]\w*",
    r"\bmatplotlib\.figure import Figure\b",
    r"\bsoundfile\b",
    r"\bmin_heard_frames\b",
    r"\bmodel_figures\b",
    r"\bkey: dataset, asset, method, figure$",  # a column of model_figures
)
_EXCEPTION = re.compile("|".join(EXCEPTIONS))


def _words(text: str) -> str:
    """Text with identifiers split into their words: ``read_sound`` and ``ReadSound`` hold the word sound."""
    text = _EXCEPTION.sub(" ", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return text.replace("_", " ")


@cache
def _files(suffix: str) -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"*{suffix}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    found = [PROJECT / name for name in listed] or [
        path
        for folder in ("assets", "cals_models", "pipelines", "sql", "tests", "docs")
        for path in (PROJECT / folder).rglob(f"*{suffix}")
    ]
    return tuple(path for path in sorted(found) if path.is_file() and path != Path(__file__))


def _python_texts(source: str) -> Iterator[tuple[int, str]]:
    """Names, comments and docstrings of a module with their lines; of an import from matplotlib the whole line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and "matplotlib.figure" in token.line:
            yield token.start[0], token.line
        elif token.type in (tokenize.NAME, tokenize.COMMENT):
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[0] if node.body else None
            if isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant):
                for number, line in enumerate(str(body.value.value).splitlines()):
                    yield body.lineno + number, line


def _sql_texts(source: str) -> Iterator[tuple[int, str]]:
    """Comments of a statement with their lines."""
    for number, line in enumerate(source.splitlines(), 1):
        if "--" in line:
            yield number, line.split("--", 1)[1]


def _page_texts(source: str) -> Iterator[tuple[int, str]]:
    """Prose of a page with its lines: no blocks of code, and nothing between backticks, where names of users' files are."""
    is_code = False
    for number, line in enumerate(source.splitlines(), 1):
        is_code ^= line.startswith("```")
        if not is_code and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", " ", line)


READERS = {".py": _python_texts, ".sql": _sql_texts, ".md": _page_texts}


@cache
def _texts() -> tuple[tuple[str, str, str], ...]:
    """(place, text, text split into words): every path, name, docstring, comment and page of the project."""
    found = []
    for suffix, read in READERS.items():
        for path in _files(suffix):
            name = str(path.relative_to(PROJECT))
            found.append((name, name, _words(name)))
            for line, text in read(path.read_text(encoding="utf-8")):
                found.append((f"{name}:{line}", text, _words(text)))
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


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_every_exception_is_needed(exception: str) -> None:
    assert any(re.search(exception, text) for _, text, _ in _texts())


def test_every_folder_is_read() -> None:
    read = {place.split("/")[0] for place, _, _ in _texts()}
    assert read >= {"assets", "cals_models", "pipelines", "sql", "tests", "docs"}
    assert all(len(_files(suffix)) >= 8 for suffix in READERS)


@pytest.mark.parametrize(
    ("suffix", "source"),
    [
        (".py", "def read_sound(): ..."),
        (".py", "class SoundReader: ..."),
        (".py", "value = 1  # of the sound"),
        (".py", 'def read():\n    """Reads audio.\n\n    The sound is mono.\n    """'),
        (".sql", "select 1 -- of the sound"),
        (".md", "The sound of `a_file`."),
    ],
)
def test_a_term_is_found_wherever_it_stands(suffix: str, source: str) -> None:
    assert any(re.search(r"\bsound\b", _words(text), re.I) for _, text in READERS[suffix](source))
