"""Answers of raters: one line a rater or an answer, appended and synced before it is confirmed.

The journal ``answers.jsonl`` is the truth; the warehouse's part ``mos_ratings`` is written from it. A line that a
kill cut short was never confirmed to the rater; it is skipped, and the rater gets the question again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from assets.mos.invitations import Invitations
from assets.mos.scales import HIGHEST, LOWEST, SCALE_NAMES
from assets.mos.study import Study, StudyVideo

MOST_RATERS = 5000


class RejectedAnswer(ValueError):
    """An answer that is not accepted; ``kind`` is bad_value, doubled, not_asked or too_many_raters."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One rater's answers to one video.

    Args:
        video: its opaque name.
        ratings: scale -> 1 (worst) to 5 (best); all scales.
        seconds: from the first sight of the page to the answer; None if the server was started in between.
        at: when it was given.
    """

    video: str
    ratings: Mapping[str, int]
    seconds: float | None
    at: datetime


@dataclass(kw_only=True)
class Rater:
    """Somebody who takes part, under a pseudonym.

    Args:
        name: ``rater_001`` and so on, in order of the first answers; empty before.
        number: from 0; decides the order of the videos.
        answers: video -> answer, in the order in which they were given.
    """

    name: str
    number: int
    answers: dict[str, Answer] = field(default_factory=dict)
    token_sha256: str = field(default="", repr=False)


class Journal:
    """Raters and answers of one study; safe to use from several threads and processes."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._path = study.answers_path
        self._invitations = Invitations(study.folder)
        self._lock = FileLock(self._path.with_name(".answers.lock"))
        self._thread_lock = threading.Lock()
        self._read_bytes = 0
        self._raters: dict[str, Rater] = {}
        self._by_token: dict[str, Rater] = {}

    def raters(self) -> list[Rater]:
        """All raters so far, in order of their first answers."""
        with self._thread_lock:
            self._refresh()
            return list(self._raters.values())

    def add_rater(self) -> tuple[Rater, str]:
        """Invites somebody; the journal has a line of them with their first answer.

        Returns:
            The rater, and the secret that proves to be this rater; only its hash is kept.

        Raises:
            RejectedAnswer: there are too many.
        """
        with self._thread_lock:
            self._refresh()
            self._require_room()
            number, token = self._invitations.invite(self._used_numbers())
            return Rater(name="", number=number, token_sha256=_sha256(token)), token

    def rater(self, token: str) -> Rater | None:
        """The rater whose secret it is, or None."""
        with self._thread_lock:
            self._refresh()
            digest = _sha256(token)
            known = self._by_token.get(digest)
            number = None if known else self._invitations.number_of(token)
            return known if number is None else Rater(name="", number=number, token_sha256=digest)

    def _used_numbers(self) -> set[int]:
        return {rater.number for rater in self._raters.values() if rater.answers}

    def _require_room(self) -> None:
        if len(self._raters) >= MOST_RATERS:
            raise RejectedAnswer(
                "too_many_raters", f"{len(self._raters)} raters took part; no more are taken in"
            )

    def next_video(self, rater: Rater) -> StudyVideo | None:
        """The first video in the rater's order that is not answered; None when all are."""
        return next((v for v in self._study.order(rater.number) if v.name not in rater.answers), None)

    def add_answer(
        self, rater: Rater, video: str, ratings: Mapping[str, int], seconds: float | None
    ) -> Answer:
        """Saves an answer: when this returns, it is on disk.

        Raises:
            RejectedAnswer: a scale is missing or beyond 1 to 5; the video is answered already; it is not the one
                that this rater is to rate next; it would be the first answer of one rater too many.
        """
        if set(ratings) != set(SCALE_NAMES) or not all(
            type(value) is int and LOWEST <= value <= HIGHEST for value in ratings.values()
        ):
            raise RejectedAnswer(
                "bad_value", f"answer each of {', '.join(SCALE_NAMES)} with a number from 1 to 5"
            )
        with self._thread_lock, self._lock:
            self._refresh()
            known = self._by_token.get(rater.token_sha256, rater)
            if video in known.answers:
                raise RejectedAnswer("doubled", "this video is answered already; the first answer stands")
            expected = self.next_video(known)
            if expected is None or expected.name != video:
                raise RejectedAnswer("not_asked", "this is not the video that you are asked about now")
            first = [] if known.name else [self._first_line(rater)]
            name = known.name or str(first[0]["rater"])
            line = {"kind": "answer", "rater": name, "video": video, "ratings": dict(ratings)}
            self._append(*first, line | {"seconds": seconds})
            self._refresh()
            known = self._raters[name]
            rater.name, rater.number, rater.answers = known.name, known.number, known.answers
            return known.answers[video]

    def _first_line(self, rater: Rater) -> dict[str, Any]:
        """The journal's line of a rater; the number was another's first answer meanwhile in rare cases."""
        self._require_room()
        used = self._used_numbers()
        number = next(n for n in (rater.number, *range(len(used) + 1)) if n not in used)
        name = f"rater_{len(self._raters) + 1:03d}"
        return {"kind": "rater", "rater": name, "number": number, "token_sha256": rater.token_sha256}

    def _append(self, *lines: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat()
        data = b"".join(json.dumps(line | {"at": at}).encode() + b"\n" for line in lines)
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                data = b"\n" + data  # after a line that a kill cut short
            if os.write(handle, data) != len(data):
                raise OSError(f"{self._path}: the disk is full; the answer was not saved")
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(self._path.parent)

    def _refresh(self) -> None:
        """Reads the whole lines that were appended since the last call, by any process."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                new = file.read()
        except FileNotFoundError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # cut short by a kill, never confirmed
            self._take_in(entry)

    def _take_in(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "rater":
            token_sha256 = entry["token_sha256"]
            rater = Rater(name=entry["rater"], number=entry["number"], token_sha256=token_sha256)
            self._raters.setdefault(rater.name, rater)
            self._by_token.setdefault(token_sha256, self._raters[rater.name])
            return
        answer = Answer(
            video=entry["video"],
            ratings=entry["ratings"],
            seconds=entry["seconds"],
            at=datetime.fromisoformat(entry["at"]),
        )
        self._raters[entry["rater"]].answers.setdefault(answer.video, answer)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
