"""Videos for raters: H.264, encoded once from the lossless renders, the same way for all methods, with no name in them.

Legend: T video frames, H, W height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from assets.media.encode import Frames, read_lossless, write_web_video
from assets.mos.study import LONGEST_FRAMES, Study, StudyError, StudyVideo
from assets.project.home import Home
from cals_models.timebase import SAMPLES_PER_FRAME

SCALE = 3
QUALITY_CRF = 12


def missing_videos(study: Study) -> list[StudyVideo]:
    """Videos of the study that are not encoded yet."""
    return [video for video in study.all_videos if not study.video_path(video.name).exists()]


def encode_videos(home: Home, study: Study, progress: Callable[[int], None] = lambda count: None) -> None:
    """Encodes the videos that are missing; at most 10 s of each, enlarged 3 times, visually lossless.

    Raises:
        StudyError: a render can't be read.
    """
    for video in missing_videos(study):
        source = home.renders(study.dataset, video.method) / video.render
        _encode_video(source, study.video_path(video.name))
        progress(1)


def _encode_video(source: Path, target: Path) -> None:
    try:
        frames, audio = read_lossless(source)
    except (ValueError, OSError) as error:
        raise StudyError(f"{source}: {error}") from error
    frames = frames[:LONGEST_FRAMES]
    audio = audio[: len(frames) * SAMPLES_PER_FRAME]
    write_web_video(target, _enlarged(frames), audio, quality_crf=QUALITY_CRF)


def _enlarged(frames: Frames) -> Frames:
    """Bicubic, as a player would: uint8 (T, H, W, 3) to (T, 3 H, 3 W, 3)."""
    size = (frames.shape[2] * SCALE, frames.shape[1] * SCALE)
    return np.stack(
        [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in frames]
    )
