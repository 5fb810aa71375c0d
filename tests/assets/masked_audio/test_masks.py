"""LMD under masks, with a generator whose context is known; where masks lie, and the preview of a strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from assets.context_window.measured_clips import TrainedMethods, measure_clips
from assets.masked_audio.masks import generate_strip, mask_places, mask_rows
from assets.masked_audio.previews import mask_chart, strip_image
from assets.masked_audio.settings import MaskedAudioSettings
from assets.masked_audio.strip_file import read_strip
from cals_models.shards.shard_set import ShardSet
from tests.support.known_context import KnownReach, pixel_landmarks, write_known_shards

REACH = 4
SETTINGS = MaskedAudioSettings(mask_frames=(1, 3, 9, 50), num_places=2, max_stretch_frames=150)


def trained(**generators: Any) -> TrainedMethods:
    return TrainedMethods(generators=generators, landmarks=pixel_landmarks())


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known_shards(tmp_path_factory.mktemp("known"), reach=REACH, num_frames=40)


def test_the_longer_the_mask_the_worse_its_frames(shards: Path) -> None:
    methods = trained(cals=KnownReach(REACH))
    rows = measure_clips(shards, methods, mask_rows, SETTINGS, dataset="made")
    assert len(rows) == 2 * 4
    first = {row["mask_frames"]: row for row in rows if row["clip_id"] == "made/test/clip0"}
    assert max(first[length]["lmd_unmasked"] for length in (1, 3, 9)) < 0.6
    masked = [first[length]["lmd_masked"] for length in (1, 3, 9)]
    assert 2 < masked[0] < masked[1] < masked[2]
    assert first[50]["lmd_masked"] is None and "40 frames" in first[50]["detail"]
    assert {row["detail"] for row in rows if row["mask_frames"] < 50} == {None}


class Broken(KnownReach):
    def units_from_mel(self, *given: Any, **rest: Any) -> Any:
        raise IndexError("a defect")


def test_an_unexpected_error_costs_a_clip_of_one_method(shards: Path) -> None:
    methods = trained(cals=KnownReach(REACH), wav2lip=Broken(1))
    rows = measure_clips(shards, methods, mask_rows, SETTINGS, dataset="made")
    broken = [row for row in rows if row["method"] == "wav2lip"]
    assert [row["mask_frames"] for row in broken] == 2 * [1, 3, 9, 50]
    assert all(row["lmd_masked"] is row["lmd_unmasked"] is None for row in broken)
    assert all(row["detail"].startswith("unexpected_error: IndexError: a defect (tests/") for row in broken)
    assert all(row["lmd_masked"] for row in rows if row["method"] == "cals" and row["mask_frames"] < 50)
    clip = next(ShardSet(shards).clips("test"))
    assert generate_strip(clip, methods.generators, SETTINGS) is None


def test_masks_lie_within_the_clip() -> None:
    assert mask_places(40, 9, 2, 5) == [range(9, 18), range(22, 31)]
    assert mask_places(30, 20, 2, 5) == [range(5, 25)]
    assert mask_places(29, 20, 2, 5) == []
    for length in (1, 4, 7, 20):
        for mask in mask_places(50, length, 3, 5):
            assert len(mask) == length and mask.start >= 5 and mask.stop <= 45


def test_previews_show_masked_and_unmasked_frames(shards: Path, tmp_path: Path) -> None:
    methods = trained(cals=KnownReach(REACH), wav2lip=KnownReach(1))
    clip = next(ShardSet(shards).clips("test"))
    strip = generate_strip(clip, methods.generators, SETTINGS)
    assert strip is not None
    assert strip.hidden.any() and not strip.hidden.all()
    every, part = strip.generated["cals"]
    assert every.shape == part.shape == strip.true.shape
    change = np.abs(every.astype(int) - part.astype(int)).mean(axis=(1, 2, 3))
    assert change[strip.hidden].min() > 3
    path = tmp_path / "strip.png"
    path.write_bytes(strip_image(strip))
    kept = read_strip(path)
    assert kept.clip_id == clip.clip_id and kept.hidden == tuple(strip.hidden.tolist())
    assert [row.label for row in kept.rows] == [
        "true", "cals, all sound", "cals, masked", "wav2lip, all sound", "wav2lip, masked"
    ]  # fmt: skip
    for found, expected in zip(
        kept.frames, [strip.true, every, part, *strip.generated["wav2lip"]], strict=True
    ):
        assert (found == expected).all()
    rows = measure_clips(shards, methods, mask_rows, SETTINGS, dataset="made")
    assert mask_chart(rows, ["cals", "wav2lip"]).startswith(b"\x89PNG")
    far = MaskedAudioSettings(min_reference_distance_frames=30)
    assert generate_strip(clip, methods.generators, far) is None


def test_an_image_without_a_description_is_rejected(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    with pytest.raises(ValueError, match="run the stage masked_audio again"):
        read_strip(tmp_path / "plain.png")


@pytest.mark.parametrize(
    "field",
    [
        {"split": "all"},
        {"mask_frames": ()},
        {"mask_frames": (5, 2)},
        {"num_places": 0},
        {"max_stretch_frames": 25},
    ],
)
def test_impossible_settings_are_rejected(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        MaskedAudioSettings(**field)
