"""Draws train, val and test by a seeded hash: adding or removing a clip moves no other to another split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import is_video
from assets.raw_videos.walk import same_name

MIN_SPEAKERS = 3


def draw_splits(units: Iterable[str], options: LayoutOptions) -> dict[str, str]:
    """Gives each unit (a speaker or a video) a split.

    A unit's split depends only on its name and the seed, unless a split would be empty: then, with three units or more,
    the unit whose hash is nearest is moved there.

    Args:
        units: names.
        options: seed and shares.

    Returns:
        Name -> train, val or test.
    """
    ranks = sorted((_uniform(unit, options.seed), unit) for unit in set(units))
    splits = {unit: _split_at(rank, options) for rank, unit in ranks}
    names = [unit for _, unit in ranks]
    if len(names) < 3:
        return splits
    if options.test_share and "test" not in splits.values():
        splits[names[0]] = "test"
    if options.val_share and "val" not in splits.values():
        splits[next(name for name in names if splits[name] == "train")] = "val"
    if "train" not in splits.values():
        splits[names[-1]] = "train"
    return splits


def splits_of_videos(
    speakers: Mapping[str, str | None], options: LayoutOptions
) -> tuple[dict[str, str], bool]:
    """Splits by speaker where there are enough, else video by video; files that differ in their suffix alone stay together.

    Args:
        speakers: video -> speaker or None.
        options: seed, shares and `split_by`.

    Returns:
        Video -> split, and whether each speaker is in one split.
    """
    named = {speaker for speaker in speakers.values() if speaker is not None}
    by_speaker = options.split_by == "speaker" or (options.split_by == "auto" and len(named) >= MIN_SPEAKERS)
    first: dict[str, str] = {}
    for video in sorted(map(same_name, speakers)):
        first.setdefault(_recording(video), video)
    units = {
        video: speaker if by_speaker and speaker else first[_recording(same_name(video))]
        for video, speaker in speakers.items()
    }
    splits = draw_splits(units.values(), options)
    return {video: splits[unit] for video, unit in units.items()}, by_speaker


def _recording(video: str) -> str:
    return video.rsplit(".", 1)[0] if is_video(video) else video


def _uniform(unit: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}\0{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _split_at(rank: float, options: LayoutOptions) -> str:
    if rank < options.test_share:
        return "test"
    return "val" if rank < options.test_share + options.val_share else "train"
