"""Videos for raters: H.264 made once from the lossless renders, alike for all methods, and without a name in them.

Legend: T video frames, H, W height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from assets.media.encode import Frames, read_lossless, write_web_video
from assets.mos.study import LONGEST_FRAMES, Study, StudyError, StudyVideo, find_studies
from assets.project.home import Home
from cals_models.timebase import SAMPLES_PER_FRAME

SCALE = 3
QUALITY_CRF = 12


def missing_videos(study: Study) -> list[StudyVideo]:
    return [video for video in study.all_videos if not study.video_path(video.name).exists()]


def make_videos(home: Home, study: Study, progress: Callable[[int], None] = lambda count: None) -> None:
    """Makes the videos that are missing; at most 10 s of each, 3 times enlarged, visually lossless.

    Raises:
        StudyError: a render can't be read.
    """
    for video in missing_videos(study):
        source = home.renders(study.dataset, video.method) / video.render
        _make_video(source, study.video_path(video.name))
        progress(1)


def videos_of_clip(home: Home, dataset: str, clip_id: str) -> list[Path]:
    """Files of all studies that show a clip: what has to go when its consent is withdrawn."""
    return [
        study.video_path(video.name)
        for study in find_studies(home, dataset)
        for video in study.all_videos
        if video.clip_id == clip_id and study.video_path(video.name).exists()
    ]


def _make_video(source: Path, target: Path) -> None:
    try:
        frames, sound = read_lossless(source)
    except (ValueError, OSError) as error:
        raise StudyError(f"{source}: {error}") from error
    frames = frames[:LONGEST_FRAMES]
    sound = sound[: len(frames) * SAMPLES_PER_FRAME]
    write_web_video(target, _enlarged(frames), sound, quality_crf=QUALITY_CRF)


def _enlarged(frames: Frames) -> Frames:
    """Bicubic, as a player would: uint8 (T, H, W, 3) to (T, 3 H, 3 W, 3)."""
    size = (frames.shape[2] * SCALE, frames.shape[1] * SCALE)
    return np.stack(
        [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in frames]
    )
