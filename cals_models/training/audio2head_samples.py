"""Samples of Audio2Head's two trainings: pairs of frames with their head poses, and windows with audio and one image.

Legend: T video frames of a clip, L frames of a window.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from cals_models.networks.audio2head_pose import head_poses
from cals_models.shards.shard_clip import ShardClip
from cals_models.training.clip_windows import mel_of
from cals_models.training.sampler import ClipStream, Sample, window_starts

_KEPT_POSES = 4_096


class Audio2HeadSamples:
    """Draws samples of clips.

    Args:
        source: decodes the frames.
        window_frames: L.
        first_rows: clip key -> number of its first frame among the frames whose keypoints are known; of other clips a
            window holds the frames.
    """

    def __init__(self, source: ClipStream, window_frames: int, first_rows: Mapping[str, int]) -> None:
        self._source, self._window_frames, self._first_rows = source, window_frames, first_rows
        self._poses: dict[str, npt.NDArray[np.float32]] = {}

    def pair(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        """Two frames of a clip.

        Returns:
            frames uint8 (2, H, W, 3), RGB; poses float32 (2, 6), by PnP. None where fewer than two frames are valid.
        """
        valid = np.flatnonzero(clip.valid)
        if len(valid) < 2:
            return None
        numbers = generator.choice(valid, 2, replace=False)
        return {"frames": self._source.frames(clip, numbers.tolist()), "poses": self.poses(clip)[numbers]}

    def window(self, clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        """A window of L valid frames, and another frame as the image.

        Args:
            clip: T video frames.
            generator: decides both.

        Returns:
            As `window_at`; None where the clip has no window of L valid frames.
        """
        starts = window_starts(clip.valid, self._window_frames)
        if len(starts) == 0:
            return None
        start = int(generator.choice(starts))
        frames = np.flatnonzero(clip.valid)
        outside = frames[(frames < start) | (frames >= start + self._window_frames)]
        return self.window_at(clip, start, int(generator.choice(outside if len(outside) else frames)))

    def window_at(self, clip: ShardClip, start: int, image: int) -> Sample:
        """The window that begins at a frame, and the image.

        Returns:
            image uint8 (H, W, 3), RGB; mel float32 (80, 4L), log10 magnitudes; of the image and the window's frames either
            rows int64 (L + 1,) or frames uint8 (L + 1, H, W, 3).
        """
        numbers = [image, *range(start, start + self._window_frames)]
        sample = {
            "image": self._source.frames(clip, [image])[0],
            "mel": mel_of(clip, start, self._window_frames),
        }
        first_row = self._first_rows.get(clip.key)
        if first_row is None:
            return {**sample, "frames": self._source.frames(clip, numbers)}
        return {**sample, "rows": first_row + np.array(numbers)}

    def poses(self, clip: ShardClip) -> npt.NDArray[np.float32]:
        """Head pose of each frame of a clip, float32 (T, 6).

        Raises:
            ValueError: its landmarks are not those of a face; names the clip.
        """
        if clip.key not in self._poses:
            if len(self._poses) >= _KEPT_POSES:
                self._poses.clear()
            try:
                poses = head_poses(torch.from_numpy(clip.landmarks), clip.crop_px)
                self._poses[clip.key] = poses.numpy()
            except ValueError as error:
                raise ValueError(f"{clip.source}: {error}; materialise face_tracks again") from error
        return self._poses[clip.key]
