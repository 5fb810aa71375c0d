"""Who has begun a study and answered nothing yet: known by a signed token alone, so that nothing is stored of them.

Whoever finds the page can begin, as often as they like. Only a first answer makes a rater, with a place in the balanced
order; what never answers takes none.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Collection
from pathlib import Path

KEY_FILE = ".key"
RESERVED_S = 3600.0
WINDOW = 24
"""Free numbers that invitations take turns in."""


class Invitations:
    """Signs and checks tokens, and chooses the number that each carries: the place in the balanced order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secret = b""
        self._given_s: dict[int, float] = {}

    def invite(self, used: Collection[int]) -> tuple[int, str]:
        """A number and the token that proves it.

        Args:
            used: numbers of raters who answered. The lowest free one is chosen that nobody was given within an hour; among
                many who begin and answer nothing, the one that was given longest ago.
        """
        now_s = time.monotonic()
        free = [number for number in range(len(used) + WINDOW) if number not in used][:WINDOW]
        since = {number: self._given_s.get(number, -RESERVED_S) for number in free}
        number = next((n for n in free if now_s - since[n] >= RESERVED_S), min(free, key=since.__getitem__))
        self._given_s = {n: given for n, given in self._given_s.items() if n in since} | {number: now_s}
        text = f"{secrets.token_urlsafe(18)}.{number}"
        return number, f"{text}.{self._signature(text)}"

    def number_of(self, token: str) -> int | None:
        """The number that a token of this study carries; None for any other text."""
        text, _, signature = token.rpartition(".")
        if not text or not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        return int(text.rpartition(".")[2])

    def _signature(self, text: str) -> str:
        return hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()[:32]

    def _key(self) -> bytes:
        if not self._secret:
            path = self._folder / KEY_FILE
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(handle, "wb") as file:
                    file.write(secrets.token_bytes(32))
            self._secret = path.read_bytes()
        return self._secret
