"""LRW: `lipread_mp4/<WORD>/{train,val,test}/<WORD>_NNNNN.mp4` with a `.txt` beside each video.

Chung and Zisserman 2016. 500 words, 29 frames at 25 fps; the word is spoken in the middle of the clip. Speakers are
not named.
"""

from __future__ import annotations

import re

from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import (
    DatasetFiles,
    LayoutProblem,
    SourceClip,
    is_video,
    not_in_layout,
)
from assets.raw_videos.walk import same_name

EXPECTED = "lipread_mp4/<WORD>/{train,val,test}/<WORD>_NNNNN.mp4"
PATTERN = re.compile(
    r"(?:lipread_mp4/)?(?P<word>[^/]+)/(?P<split>train|val|test)/(?P=word)_\d+\.mp4", re.IGNORECASE
)


def reads(path: str) -> bool:
    return is_video(path) or path.lower().endswith(".txt")


def fits(path: str) -> bool:
    return PATTERN.fullmatch(same_name(path)) is not None


def enumerate_clips(files: DatasetFiles, options: LayoutOptions) -> list[SourceClip | LayoutProblem]:
    """One source a video; the word is its transcript."""
    found: list[SourceClip | LayoutProblem] = []
    for path in files.videos():
        match = PATTERN.fullmatch(same_name(path))
        if match is None:
            found.append(not_in_layout(path, EXPECTED))
            continue
        found.append(
            SourceClip(relative_path=path, split=match["split"].lower(), transcript=match["word"].upper())
        )
    return found
