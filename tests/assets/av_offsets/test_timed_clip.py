"""Shifting audio against frames: the direction, the amount, and that nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assets.av_offsets.timed_clip import TimedClip, audio_start_frames, lost_frames, shift_clip, timed_clip
from tests.support.shard_sets import clip_rows


def numbered_clip(num_frames: int = 10, *, audio_late_frames: int = 0) -> TimedClip:
    """A clip whose frames and audio hold their frame number t; the audio of frame t holds t - audio_late_frames."""
    shown = np.arange(num_frames)
    audible = shown - audio_late_frames
    return TimedClip(
        mjpeg=bytes(range(num_frames)),
        jpeg_offsets=np.arange(num_frames + 1),
        landmarks=np.broadcast_to(shown[:, None, None], (num_frames, 68, 2)).astype(np.float32),
        boxes=np.broadcast_to(shown[:, None], (num_frames, 4)).astype(np.float32),
        valid=shown % 3 != 0,
        mel=np.broadcast_to(audible.repeat(4), (80, 4 * num_frames)).astype(np.float16),
        pcm=audible.repeat(640).astype(np.int16),
    )


@pytest.mark.parametrize("late", [-6, -1, 0, 1, 6])
def test_delaying_early_audio_aligns_it(late: int) -> None:
    clip = shift_clip(numbered_clip(audio_late_frames=late), -late)
    assert clip.num_frames == 10 - abs(late)
    seen = np.frombuffer(clip.mjpeg, np.uint8).astype(int)
    np.testing.assert_array_equal(clip.pcm[::640], seen)
    np.testing.assert_array_equal(clip.mel[0, ::4], seen)
    np.testing.assert_array_equal(clip.landmarks[:, 5, 1], seen)
    np.testing.assert_array_equal(clip.boxes[:, 0], seen)
    np.testing.assert_array_equal(clip.valid, seen % 3 != 0)
    assert clip.jpeg_offsets[0] == 0 and clip.jpeg_offsets[-1] == len(clip.mjpeg)


def test_a_shift_as_long_as_the_clip_is_an_error() -> None:
    with pytest.raises(ValueError, match="leaves nothing"):
        shift_clip(numbered_clip(), -10)


def test_audio_starts_later_only_where_it_was_late() -> None:
    assert [audio_start_frames(offset) for offset in (-3, 0, 3)] == [3, 0, 0]
    assert [audio_start_frames(offset) for offset in (-0.25, 0.25, 2.5)] == [0.25, 0.75, 0.5]


@pytest.mark.parametrize("late_mels", [-9, -4, -3, -1, 1, 2, 5])
def test_quarters_of_a_frame_are_moved_too(late_mels: int) -> None:
    """The audio of mel frame k holds k - late_mels; after the shift, frame t comes with mel frame 4 t exactly."""
    clip = numbered_clip()
    audible = np.arange(40) - late_mels
    clip = replace(
        clip,
        mel=np.broadcast_to(audible, (80, 40)).astype(np.float16),
        pcm=audible.repeat(160).astype(np.int16),
    )
    moved = shift_clip(clip, -late_mels / 4)
    assert moved.num_frames == 10 - lost_frames(late_mels / 4) == 10 - -(-abs(late_mels) // 4)
    seen = np.frombuffer(moved.mjpeg, np.uint8).astype(int)
    np.testing.assert_array_equal(moved.mel[0, ::4], 4 * seen)
    np.testing.assert_array_equal(moved.pcm[::640], 4 * seen)


def test_a_shift_between_two_mel_frames_is_an_error() -> None:
    with pytest.raises(ValueError, match="multiples of 1/4"):
        shift_clip(numbered_clip(), 0.1)


def test_parts_of_different_length_are_an_error() -> None:
    clip = numbered_clip()
    with pytest.raises(ValueError, match="differ in length"):
        replace(clip, pcm=clip.pcm[:-640])


def test_audio_is_cut_to_the_frames_that_have_crops() -> None:
    rows, whole = clip_rows("made/train/a", 0, 12), clip_rows("made/train/a", 0, 20)
    crops = rows["face_crops"] | {"first_frame": 5, "num_clip_frames": 20}
    clip = timed_clip(crops, whole["mels"])
    full = timed_clip(whole["face_crops"], whole["mels"])
    assert clip.num_frames == 12
    np.testing.assert_array_equal(clip.pcm, full.pcm[640 * 5 : 640 * 17])
    np.testing.assert_array_equal(clip.mel, full.mel[:, 20:68])
    with pytest.raises(ValueError, match="audio for 20 video frames"):
        timed_clip(crops | {"num_clip_frames": 21}, whole["mels"])
    with pytest.raises(ValueError, match="frames 9 to 21 of 20"):
        timed_clip(crops | {"first_frame": 9}, whole["mels"])
