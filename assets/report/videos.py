"""Test clips side by side with audio: ground truth, what the model sees, and each method, in one video a clip."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.media.encode import read_lossless, write_web_video
from assets.report.settings import ReportSettings
from cals_models.shards.shard_format import BASE_CROP_PX, clip_key
from cals_models.timebase import SAMPLES_PER_FRAME

Frames = NDArray[np.uint8]
Audio = NDArray[np.int16]
GAP_PX = 2
PRIOR = "pose_prior"


@dataclass(frozen=True, kw_only=True)
class ClipVideo:
    """A composed video and its poster, ready for a page.

    Args:
        columns: what each column shows, from left to right: a method's name or ``pose_prior``.
        mp4: H.264 and AAC.
        poster: JPEG of the middle frame.
        num_frames: at 25 fps.
    """

    columns: tuple[str, ...]
    mp4: bytes
    poster: bytes
    num_frames: int

    @property
    def mp4_url(self) -> str:
        return "data:video/mp4;base64," + base64.b64encode(self.mp4).decode("ascii")

    @property
    def poster_url(self) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(self.poster).decode("ascii")


def pose_prior(frames: Frames) -> Frames:
    """Crops with the half hidden that a method generates.

    Args:
        frames: uint8 (T, S, S, 3).

    Returns:
        uint8 (T, S, S, 3), lower rows mid-grey.
    """
    from cals_models.shards.crop_sizes import lower_rows

    hidden = frames.copy()
    lower_rows(hidden)[:] = 110
    return hidden


def compose_side_by_side(
    columns: Sequence[Frames], audio: Audio, *, scale: int, crf: int
) -> tuple[bytes, bytes]:
    """One video whose columns play together.

    Args:
        columns: uint8 (T, H, W, 3) RGB each, 25 fps, all of one shape.
        audio: int16 (640 T,), 16 kHz mono.
        scale: whole-number enlargement of each column.
        crf: x264's constant quality.

    Returns:
        The MP4 and a JPEG of its middle frame.

    Raises:
        ValueError: columns of different shapes, or audio of another length.
    """
    shapes = {column.shape for column in columns}
    if len(shapes) != 1:
        raise ValueError(f"columns must have one shape; got {sorted(shapes)}")
    num_frames = len(columns[0])
    if len(audio) != num_frames * SAMPLES_PER_FRAME:
        wanted = num_frames * SAMPLES_PER_FRAME
        raise ValueError(f"audio has {len(audio)} samples; {num_frames} frames need {wanted}")
    enlarged = [_with_gap(_enlarged(column, scale)) for column in columns]
    together = np.concatenate(enlarged, axis=2)
    poster = BytesIO()
    Image.fromarray(together[num_frames // 2]).save(poster, "JPEG", quality=85)
    with tempfile.TemporaryDirectory(prefix="cals-report-") as folder:
        path = Path(folder) / "clip.mp4"
        write_web_video(path, together, audio, quality_crf=crf)
        return path.read_bytes(), poster.getvalue()


def _enlarged(frames: Frames, scale: int) -> Frames:
    if scale == 1:
        return frames
    size = (frames.shape[2] * scale, frames.shape[1] * scale)
    resized = [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)) for frame in frames]
    return np.stack(resized)


def _with_gap(frames: Frames) -> Frames:
    """Blackens the outermost pixels left and right: a gap between columns that leaves their positions as they are."""
    parted = frames.copy()
    parted[:, :, :GAP_PX] = 0
    parted[:, :, -GAP_PX:] = 0
    return parted


def clip_video(folders: Mapping[str, Path], clip_id: str, settings: ReportSettings) -> ClipVideo:
    """The video of one test clip with its own audio.

    Args:
        folders: method -> folder of its renders with the clips' own audio; ``ground_truth`` among them,
            whose frames also give the pose prior, and whose audio is played.

    Raises:
        ValueError: a render is missing, unreadable or of another length.
    """
    name = f"{clip_key(clip_id)}.mkv"
    truth, audio = read_lossless(folders["ground_truth"] / name)
    num_frames = min(len(truth), settings.max_video_frames)
    columns: dict[str, Frames] = {"ground_truth": truth, PRIOR: pose_prior(truth)}
    for method, folder in folders.items():
        if method != "ground_truth":
            columns[method], _ = read_lossless(folder / name)
    cut = [frames[:num_frames] for frames in columns.values()]
    scale = max(1, settings.video_scale * BASE_CROP_PX // truth.shape[1])
    mp4, poster = compose_side_by_side(
        cut, audio[: num_frames * SAMPLES_PER_FRAME], scale=scale, crf=settings.video_crf
    )
    return ClipVideo(columns=tuple(columns), mp4=mp4, poster=poster, num_frames=num_frames)


def chosen_clips(scores: Mapping[str, float], settings: ReportSettings) -> dict[str, str]:
    """The clips that are shown, and why.

    Args:
        scores: clip id -> ``lmd`` of the headline method (lower is better); every test clip that has one.

    Returns:
        Clip id -> ``best``, ``worst`` or ``example``; the extremes first, no clip twice.
    """
    ranked = sorted(scores, key=lambda clip: (scores[clip], clip))
    num_ends = min(settings.num_extreme_clips, len(ranked) // 2)
    chosen = dict.fromkeys(ranked[:num_ends], "best")
    chosen |= dict.fromkeys(ranked[len(ranked) - num_ends :], "worst")
    rest = sorted(clip for clip in ranked if clip not in chosen)
    num_examples = min(settings.num_example_clips, len(rest))
    step = len(rest) / num_examples if num_examples else 0
    chosen |= dict.fromkeys((rest[int(i * step)] for i in range(num_examples)), "example")
    return chosen
