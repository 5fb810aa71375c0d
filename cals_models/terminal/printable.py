"""Text that comes from outside, such as a file's name, in a form that can't command a terminal."""

from __future__ import annotations

import unicodedata

# Control characters, lone surrogates (bytes that are not UTF-8), separators of lines and of paragraphs.
UNPRINTABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))
# They turn the direction of what follows, so that a name reads otherwise than it is.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_unprintable(letter: str) -> bool:
    """Whether a character moves the cursor, ends the line, or changes what the terminal does or how text reads."""
    return letter in TURNING or unicodedata.category(letter) in UNPRINTABLE


def escaped(text: str, keep: str = "") -> str:
    r"""Writes unprintable characters as the bytes that they are in UTF-8, each as `\xNN`; ``keep`` stay as they are.

    >>> escaped("a\x1b[2J\nb\udcff")
    'a\\x1b[2J\\x0ab\\xff'
    """
    if text.isprintable():
        return text
    return "".join(
        "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
        if letter not in keep and is_unprintable(letter)
        else letter
        for letter in text
    )
