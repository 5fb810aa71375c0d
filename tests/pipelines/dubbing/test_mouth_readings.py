"""What the mouths of a dub follow: the audio, the source's own mouth, and how far they are open at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from assets.faces.landmarks import mouth_opening
from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.mouth_readings import Followed, MouthReadings
from tests.pipelines.dubbing.dub_inputs import smile


def opened(pixels: float) -> np.ndarray:
    """Landmarks (68, 2) of a mouth that is open by so many pixels of the crop."""
    points = smile()[1].copy()
    points[[65, 66, 67]] = points[[63, 62, 61]] + np.array([0, pixels], np.float32)
    return points


def crop_of(pixels: float) -> np.ndarray:
    """A crop whose grey level tells the opening to `GreyReader`."""
    return np.full((128, 128, 3), round(10 * pixels), np.uint8)


class GreyReader:
    """Reads an opening off a crop's grey level."""

    name, reads_luma, batch_frames = "grey", True, 1

    def __init__(self) -> None:
        self.num_read = 0

    def landmarks(self, images: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> np.ndarray:
        self.num_read += len(images)
        return np.stack([2 * opened(image.mean() / 10) for image in images])


class StillMouths:
    """Draws for each tick the opening that the audio asks for."""

    def __init__(self, asked: np.ndarray) -> None:
        self.asked = asked
        self.ticks: dict[int, list[int]] = {}

    def generate_still(
        self, place: int, true: np.ndarray, reference: np.ndarray, ticks: Sequence[int]
    ) -> list[np.ndarray]:
        self.ticks[place] = list(ticks)
        return [crop_of(self.asked[tick]) for tick in ticks]


def stretch_of(openings: Sequence[float], first_frame: int = 0) -> Stretch:
    return Stretch(
        first_frame=first_frame,
        transforms=np.zeros((len(openings), 2, 3)),
        landmarks=np.stack([opened(opening) for opening in openings]),
        seen=np.ones(len(openings), bool),
        closed_opening=0.02,
    )


def read(
    drawn: np.ndarray, source: np.ndarray, asked: np.ndarray, rest: np.ndarray | None = None, **backend: Any
) -> tuple[Followed, GreyReader, StillMouths]:
    """The readings of a dub of one stretch."""
    reader, mouths = GreyReader(), StillMouths(asked)
    for name, value in backend.items():
        setattr(reader, name, value)
    readings = MouthReadings(reader, [stretch_of(source)], len(drawn))  # type: ignore[arg-type]
    readings.keep_still(0, 0, crop_of(0), crop_of(0))
    for tick, opening in enumerate(drawn):
        readings.add(tick, 0, min(tick, len(source) - 1), crop_of(opening), 0 if rest is None else rest[tick])
    return readings.followed(mouths), reader, mouths  # type: ignore[arg-type]


def moving(seed: int, num: int = 200) -> np.ndarray:
    """Openings in tenths of a pixel."""
    return np.random.default_rng(seed).integers(10, 90, num) / 10


def test_a_mouth_that_follows_the_audio_and_one_that_follows_the_source() -> None:
    asked, source = moving(1), moving(2)
    told, reader, mouths = read(asked, source, asked)
    assert told.audio == pytest.approx(1, abs=1e-4) and told.at_rest is None
    assert told.source == pytest.approx(np.corrcoef(asked[::4], source[::4])[0, 1], abs=1e-3)
    assert mouths.ticks[0] == list(range(0, 200, 12)) and reader.num_read == 50 + 17
    told, *_ = read(source, source, asked)
    assert told.source == pytest.approx(1, abs=1e-3)
    assert told.audio == pytest.approx(np.corrcoef(asked[::12], source[::12])[0, 1], abs=1e-3)
    assert told.text() == (
        f"the mouth follows by {told.audio:.2f} what the model draws for the audio alone (correlation of openings), by 1.00 "
        "the source's own mouth"
    )


def test_a_model_that_draws_the_same_mouth_for_all_audio_follows_none() -> None:
    source = moving(2)
    told, *_ = read(source, source, np.full(200, 3.0))
    assert told.audio is None and told.source == pytest.approx(1, abs=1e-3)
    assert told.text() == "the mouth follows by 1.00 the source's own mouth"


def test_rest_is_measured_in_closed_mouths_and_is_no_speech() -> None:
    asked, source, rest = moving(1), moving(2), np.zeros(200)
    rest[100:110], rest[110:] = 0.5, 1
    drawn = np.where(rest == 1, 1.5, asked)
    drawn[100:110] = 25  # the way to the closed mouth counts as neither
    told, _, mouths = read(drawn, source, asked, rest)
    closed = np.percentile(mouth_opening(stretch_of(source).landmarks), 5)
    assert told.at_rest == pytest.approx(mouth_opening(opened(1.5)) / closed, rel=1e-3)
    assert told.audio == pytest.approx(1, abs=1e-4) and max(mouths.ticks[0]) < 100
    assert str(told.text()).endswith(
        f"at rest it is open {told.at_rest:.2f} times as far as the source's closed mouth"
    )


def test_nothing_is_invented_for_photographs_and_short_dubs() -> None:
    asked = moving(1)
    told, reader, mouths = read(asked, np.array([4.0]), asked)
    assert told == Followed() and told.text() is None and mouths.ticks == {} and reader.num_read == 50
    told, _, mouths = read(asked[:30], moving(2)[:30], asked)
    assert told.audio is None and mouths.ticks == {} and told.source is not None
    assert read(asked[:20], moving(2)[:20], asked)[0] == Followed()


def test_a_network_reads_fewer_ticks() -> None:
    asked = moving(1)
    told, reader, _ = read(asked, moving(2), asked, batch_frames=8)
    assert reader.num_read == 13 + 13 and told.audio == pytest.approx(1, abs=1e-4)


def test_faces_count_together_each_about_its_own_mean() -> None:
    """Two faces whose own mouths are open to a different degree: that is no correlation."""
    asked, sources = moving(1), [moving(2), moving(3)]
    mouths, reader = StillMouths(asked), GreyReader()
    readings = MouthReadings(reader, [stretch_of(sources[0] + 10), stretch_of(sources[1])], 200)  # type: ignore[arg-type]
    for place in (0, 1):
        readings.keep_still(place, 0, crop_of(0), crop_of(0))
        for tick in range(200):
            for _ in range(2):  # a video of 50 frames a second shows a tick twice
                readings.add(tick, place, tick, crop_of(asked[tick] + 10 * (1 - place)), 0)
    told = readings.followed(mouths)  # type: ignore[arg-type]
    assert reader.num_read == 2 * 50 + 2 * 13
    pairs = [np.stack([asked[::4], source[::4]]) for source in sources]
    pooled = np.concatenate([pair - pair.mean(axis=1, keepdims=True) for pair in pairs], axis=1)
    assert told.source == pytest.approx(np.corrcoef(*pooled)[0, 1], abs=0.01)
    assert told.audio == pytest.approx(1, abs=1e-3)
