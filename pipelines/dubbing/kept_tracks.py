"""What else the source holds: other audio tracks, subtitles, chapters, attachments and titles go into the dub as they are,
or are named as left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from assets.media.main_stream import NO_VIDEO
from assets.media.opening import choose_stream, demux, open_media
from pipelines.dubbing.source_video import STAGE, SourceVideo, errors_with_path

COPIED = ("audio", "subtitle")
# The container's own, and those that the dub's statement of its origin takes.
TECHNICAL = {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"}
STATED = ("title", "description", "comment")
WITHOUT_CODEC_NAME = "unknown codec"


@dataclass(frozen=True, kw_only=True)
class KeptTracks:
    """What goes into the dub besides its frames and its audio.

    Args:
        streams: numbers of the source's streams that are copied.
        attachments: name, type and content of each attached file.
        chapters: of the source.
        metadata: of the source, as the dub has it.
        kept, dropped: in words.
    """

    streams: tuple[int, ...] = ()
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    chapters: tuple[dict[str, Any], ...] = ()
    metadata: dict[str, str]
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def plan_tracks(
    source: SourceVideo, container: str, supported: set[str], stated: dict[str, str]
) -> KeptTracks:
    """What is kept of a source.

    Args:
        source: a photograph or an animation has nothing to keep.
        container: mp4, mkv or mov.
        supported: names of the codecs that the container holds.
        stated: metadata that says where the dub comes from.
    """
    if source.photograph is not None or source.animation is not None:
        return KeptTracks(metadata=stated)
    streams, attachments, kept, dropped = [], [], [], []
    with errors_with_path(source.path), open_media(source.path, STAGE) as given:
        own_audio = [s for s in given.streams.audio if not s.disposition & NO_VIDEO]
        replaced = choose_stream(given, "audio", STAGE) if own_audio else None
        shown = choose_stream(given, "video", STAGE)
        stream: Any
        for stream in given.streams:
            if stream.index in (shown.index, getattr(replaced, "index", None)):
                continue
            name = _name_of(stream)
            if stream.type == "attachment" and container == "mkv":
                attachments.append((stream.name or "file", stream.mimetype or "", bytes(stream.data)))
                kept.append(name)
            elif stream.type in COPIED and _codec_names(stream) & supported:
                streams.append(stream.index)
                kept.append(name)
            else:
                dropped.append(name + _why_dropped(stream, container))
        chapters = tuple(dict(chapter) for chapter in given.chapters())
        metadata, lost = _metadata(dict(given.metadata), stated)
    if chapters:
        kept.append(f"{len(chapters)} chapters")
    return KeptTracks(
        streams=tuple(streams),
        attachments=tuple(attachments),
        chapters=chapters,
        metadata=metadata,
        kept=tuple(kept),
        dropped=(*dropped, *lost),
    )


def add_kept(
    container: Any, source: SourceVideo, tracks: KeptTracks, end_s: float
) -> Iterator[tuple[float, list[Any]]]:
    """Adds chapters, attachments and streams to an output that has its own streams, and gives the copied packets.

    Args:
        container: open for writing.
        source: whose times become those of the dub, which starts with the first frame.
        tracks: of ``plan_tracks``.
        end_s: of the dub.

    Yields:
        At first nothing; then packets, each with its time.
    """
    for attachment in tracks.attachments:
        container.add_attachment(*attachment)
    container.set_chapters(
        [c for chapter in tracks.chapters if (c := _moved(chapter, source.start_s, end_s))]
    )
    if not tracks.streams:
        return
    with errors_with_path(source.path), open_media(source.path, STAGE) as given:
        targets = {}
        for number in tracks.streams:
            target = container.add_stream_from_template(given.streams[number])
            target.metadata.update(
                {k: v for k, v in given.streams[number].metadata.items() if k in ("language", "title")}
            )
            target.disposition = given.streams[number].disposition & ~1  # the dub's audio is the default
            targets[number] = target
        yield 0.0, []
        for packet in demux(given, *(given.streams[number] for number in tracks.streams)):
            shift = round(source.start_s / packet.time_base) if packet.time_base else 0
            if packet.pts is None or packet.dts is None or packet.is_discard:
                continue
            time_s = float((packet.pts - shift) * packet.time_base)
            if 0 <= time_s < end_s and packet.dts >= shift:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = targets[packet.stream.index]
                yield time_s, [packet]


def _moved(chapter: dict[str, Any], start_s: float, end_s: float) -> dict[str, Any] | None:
    unit = Fraction(chapter["time_base"])
    shift, last = round(start_s / unit), round(end_s / unit)
    start, end = max(chapter["start"] - shift, 0), min(chapter["end"] - shift, last)
    return {**chapter, "start": start, "end": end} if start < end else None


def _codec_names(stream: Any) -> set[str]:
    context = stream.codec_context
    return {context.name, context.codec.canonical_name} if context is not None else set()


def _name_of(stream: Any) -> str:
    codec = stream.codec_context.codec.canonical_name if stream.codec_context is not None else None
    if stream.type == "attachment":
        return f"attachment {stream.name}"
    if stream.type == "video":
        kind = "cover picture" if stream.disposition & NO_VIDEO else "video track"
    else:
        kind = {"audio": "audio track", "subtitle": "subtitles"}.get(stream.type, f"{stream.type} track")
    about = [codec or WITHOUT_CODEC_NAME, stream.metadata.get("language"), stream.metadata.get("title")]
    return f"{kind} {stream.index} ({', '.join(text for text in about if text and text != 'und')})"


def _why_dropped(stream: Any, container: str) -> str:
    in_mkv = stream.type in (*COPIED, "attachment") and container != "mkv"
    return f": {container} can't hold it, mkv may" if in_mkv else ""


def _metadata(given: dict[str, str], stated: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The metadata of the dub, and which of the source's is left out: the statement that it is synthetic comes first."""
    titles = {key.lower(): value for key, value in given.items()}
    merged = {k.lower(): v for k, v in given.items() if k.lower() not in (*TECHNICAL, *STATED)} | stated
    if titles.get("title"):
        merged["title"] = f"{titles['title']} ({stated['title']})"
    lost = [f"the source's {key}" for key in STATED[1:] if titles.get(key)]
    return merged, lost
