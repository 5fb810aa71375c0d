"""Which of several streams of a kind is the main one: the video of the talk, and the audio that was recorded with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from av.stream import Disposition

NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
BESIDE_THE_MAIN = (
    Disposition.comment
    | Disposition.lyrics
    | Disposition.karaoke
    | Disposition(1 << 7)  # dialogue made louder than it was
    | Disposition.visual_impaired
    | Disposition.clean_effects
    | Disposition.non_diegetic
    | Disposition.descriptions
    | Disposition.dependent
)
# Words in the title of a track that is none of the talk; many files have no disposition beside `default`.
BESIDE_TITLE = re.compile(
    r"comment|kommentar|comentario|descri|\bAD\b|\bDVS\b|director|karaoke|isolated|music only|m&e\b",
    re.IGNORECASE,
)
DUBBED_TITLE = re.compile(r"\bdub(bed)?\b|voice.?over|translat|interpret", re.IGNORECASE)
UNKNOWN_LANGUAGES = (None, "", "und", "mis", "mul", "zxx")


@dataclass(frozen=True, kw_only=True)
class MainStream:
    """The stream to use, and why it was taken of several; None where there is one."""

    stream: Any
    why: str | None


def main_stream(streams: Sequence[Any], others: Sequence[Any]) -> MainStream:
    """The main one of streams of one kind.

    Commentary, description and the like come last, by their dispositions or titles; then dubbed ones. Of the rest the one
    marked as original is taken, or that in the video's language, or the default one, or the first.

    Args:
        streams: of one kind, at least one.
        others: streams of the other kind, whose language counts: lips speak the language of the video.
    """
    languages = _languages(others)
    ranked = ranked_streams(streams, others)
    first = ranked[0]
    if len(ranked) == 1:
        return MainStream(stream=first, why=None)
    better = (
        reason
        for reason, own, other in zip(
            REASONS, _rank(first, languages), _rank(ranked[1], languages), strict=True
        )
        if own != other
    )
    kind = f"{first.type} stream {streams.index(first) + 1} of {len(streams)}"
    return MainStream(stream=first, why=f"{kind}: {next(better)}")


def ranked_streams(streams: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The streams of ``main_stream``, the main one first, each before those that are less likely of the talk."""
    languages = _languages(others)
    return sorted(streams, key=lambda stream: _rank(stream, languages))


def _languages(streams: Sequence[Any]) -> set[str]:
    languages = {stream.metadata.get("language") for stream in streams if not stream.disposition & NO_VIDEO}
    return languages - set(UNKNOWN_LANGUAGES)


REASONS = (
    "the others can't be decoded",
    "the others are commentary, description or the like",
    "the others are dubbed",
    "marked as the original",
    "in the language of the video",
    "the default",
    "the first",
)


def _rank(stream: Any, languages: set[str]) -> tuple[bool | int, ...]:
    """Lower is better, in the order of ``REASONS``."""
    marks = stream.disposition
    titles = " ".join(stream.metadata.get(name, "") for name in ("title", "handler_name", "name"))
    context = stream.codec_context
    return (
        context is None or (stream.type == "audio" and not context.sample_rate),
        bool(marks & BESIDE_THE_MAIN) or BESIDE_TITLE.search(titles) is not None,
        bool(marks & Disposition.dub) or DUBBED_TITLE.search(titles) is not None,
        not marks & Disposition.original,
        bool(languages) and stream.metadata.get("language") not in languages,
        not marks & Disposition.default,
        stream.index,
    )
