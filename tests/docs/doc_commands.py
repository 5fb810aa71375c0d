"""Shell commands in README and docs, as a reader would type them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = ("cals", "make", "python", "pip", "duckdb", "git", "pre-commit", "sha256sum")
SHELLS = ("sh", "bash", "console")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")
OPTIONAL = re.compile(r"\s\[(--[^\]]*)\]")
CHOICE = re.compile(r"[\w-]+(?:\|[\w-]+)+")


@dataclass(frozen=True)
class DocCommand:
    """One command.

    Args:
        place: file and line.
        text: as printed, without its comment.
        is_in_block: a line of a block, which must be complete; code in a sentence may leave arguments out.
    """

    place: str
    text: str
    is_in_block: bool

    @property
    def is_mention(self) -> bool:
        """Names a command in a sentence, without arguments."""
        num_names = 3 if self.text.startswith("cals mos ") else 2
        return not self.is_in_block and len(self.text.split()) <= num_names

    def variants(self) -> Iterator[list[str]]:
        """Every way to read it: without optional parts first, and with each of the alternatives."""
        pieces = OPTIONAL.split(self.text)
        options = [["", *piece.split(" | ")] if place % 2 else [piece] for place, piece in enumerate(pieces)]
        for chosen in product(*options):
            words = [
                word.split("|") if CHOICE.fullmatch(word) else [word]
                for word in shlex.split(" ".join(chosen))
            ]
            yield from (list(some) for some in product(*words))


def documented_commands() -> list[DocCommand]:
    """The commands of README.md, CONTRIBUTING.md and docs/*.md: lines of shell blocks, and code in sentences."""
    pages = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]
    return [command for page in pages if page.exists() for command in _commands_of(page)]


def _commands_of(page: Path) -> Iterator[DocCommand]:
    fence: str | None = None
    continued = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{page.relative_to(PROJECT)}:{number}"
        if line.startswith("```"):
            fence = line[3:].strip() if fence is None else None
        elif fence in SHELLS or (fence is None and line.startswith("    ")):
            if line.endswith("\\"):
                continued += line.removesuffix("\\").strip() + " "
                continue
            for text in _block_commands(continued + line):
                yield DocCommand(place=place, text=text, is_in_block=True)
            continued = ""
        elif fence is None:
            for code in CODE.findall(line):
                for text in _block_commands(code):
                    yield DocCommand(place=place, text=text, is_in_block=False)


def _block_commands(line: str) -> Iterator[str]:
    """The commands of a line: between ``&&``, without comment and environment."""
    for part in re.split(r"\s&&\s", re.sub(r"\s+#\s.*", "", line)):
        words = part.split()
        while words and ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
        if words and words[0].rpartition("/")[2] in PROGRAMS:
            yield " ".join([words[0].rpartition("/")[2], *words[1:]])
