"""Videos side by side: every column in its place, the mouth hidden in the pose prior, wrong input rejected."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from assets.media.encode import write_lossless
from assets.report.settings import ReportSettings
from assets.report.videos import chosen_clips, clip_video, compose_side_by_side, pose_prior
from cals_models.shards.shard_format import clip_key


def crops(level: int, num_frames: int = 6) -> np.ndarray:
    return np.full((num_frames, 128, 128, 3), level, np.uint8)


def audio(num_frames: int = 6) -> np.ndarray:
    return (2000 * np.sin(np.arange(640 * num_frames) / 9)).astype(np.int16)


def decoded(mp4: bytes) -> np.ndarray:
    with av.open(BytesIO(mp4)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_columns_are_side_by_side_at_the_scale() -> None:
    mp4, poster = compose_side_by_side([crops(30), crops(200)], audio(), scale=2, crf=10)
    frames = decoded(mp4)
    assert frames.shape == (6, 256, 512, 3)
    assert frames[:, :, 20:236].mean() == pytest.approx(30, abs=3)
    assert frames[:, :, 276:492].mean() == pytest.approx(200, abs=3)
    assert poster.startswith(b"\xff\xd8")


def test_pose_prior_hides_the_lower_half_alone() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (2, 128, 128, 3), np.uint8)
    hidden = pose_prior(frames)
    assert (hidden[:, :64] == frames[:, :64]).all()
    assert np.ptp(hidden[:, 64:]) == 0


def test_columns_and_audio_of_other_lengths_are_rejected() -> None:
    with pytest.raises(ValueError, match="columns must have one shape"):
        compose_side_by_side([crops(1), crops(1, 5)], audio(), scale=1, crf=20)
    with pytest.raises(ValueError, match="audio has 3200 samples; 6 frames need 3840"):
        compose_side_by_side([crops(1)], audio(5), scale=1, crf=20)


def test_clip_is_read_from_the_renders_and_cut_at_the_limit(tmp_path: Path) -> None:
    folders = {method: tmp_path / method for method in ("ground_truth", "cals")}
    for level, folder in zip((50, 90), folders.values(), strict=True):
        write_lossless(folder / f"{clip_key('d/test/a')}.mkv", crops(level), audio())
    video = clip_video(folders, "d/test/a", ReportSettings(max_video_frames=4, video_scale=1))
    assert video.columns == ("ground_truth", "pose_prior", "cals") and video.num_frames == 4
    assert decoded(video.mp4).shape == (4, 128, 3 * 128, 3)
    with pytest.raises(ValueError, match="render the clip again"):
        clip_video(folders, "d/test/missing", ReportSettings())


def test_extremes_are_chosen_by_score_and_examples_spread() -> None:
    scores = {f"c{i:02d}": float((i * 7) % 20) for i in range(20)}
    chosen = chosen_clips(scores, ReportSettings(num_example_clips=3, num_extreme_clips=2))
    ranked = sorted(scores, key=scores.__getitem__)
    assert [c for c, why in chosen.items() if why == "best"] == ranked[:2]
    assert [c for c, why in chosen.items() if why == "worst"] == ranked[-2:]
    assert sum(why == "example" for why in chosen.values()) == 3 and len(chosen) == 7


def test_few_clips_are_never_shown_twice() -> None:
    settings = ReportSettings(num_example_clips=5, num_extreme_clips=3)
    assert chosen_clips({"a": 1.0}, settings) == {"a": "example"}
    assert set(chosen_clips({"a": 1.0, "b": 2.0, "c": 0.5}, settings)) == {"a", "b", "c"}
    assert chosen_clips({}, settings) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"video_scale": 0},
        {"video_crf": 60},
        {"num_example_clips": -1},
        {"max_video_frames": 1},
        {"max_curve_points": 2},
    ],
)
def test_settings_reject_impossible_values(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReportSettings(**wrong)
