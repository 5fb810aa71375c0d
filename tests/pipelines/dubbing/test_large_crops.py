"""Dubs by models of crops of 256 px."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from assets.faces.backends.dlib import DlibBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.mels.settings import MelSettings
from assets.project.home import Home
from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.dub import DubInputs, DubModel, make_dub
from pipelines.dubbing.enlarged_faces import enlarged_faces
from pipelines.dubbing.match_colours import ColourMatch
from pipelines.dubbing.paste_mouth import changed_share, lower_face_mask
from pipelines.dubbing.run import result_lines
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import ReferenceGenerator, write_audio, write_video
from tests.pipelines.dubbing.test_dub import no_bar
from tests.support.array_frames import astronaut, moved


def decoded_luma(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]


def test_a_model_of_256_px_dubs_and_says_that_a_small_face_was_enlarged(tmp_path: Path) -> None:
    """The same surroundings, and a mouth in the same place, as by a model of 128 px."""
    frames = [moved(astronaut(), 0.4 * k, 0.2 * k) for k in range(12)]
    talking = write_video(tmp_path / "talking.mp4", frames, Fraction(30))
    audio, changed = write_audio(tmp_path / "a.wav", 0.4), {}
    for crop_px in (128, 256):
        generator = ReferenceGenerator(crop_px)
        model = DubModel(
            generator=generator,  # type: ignore[arg-type]
            folder=tmp_path,
            tracks=TrackSettings(),
            crops=CropSettings(crop_px=crop_px),
            mels=MelSettings(),
        )
        inputs = DubInputs(video=talking, audio=audio, out=tmp_path / f"{crop_px}.mkv")
        settings = DubSettings(rest=False, quality_crf=1)
        result = make_dub(inputs, model, DlibBackend(), settings, Home(tmp_path / "home"), no_bar)
        assert generator.poses[0].shape[1:] == (crop_px, crop_px, 3)
        luma = decoded_luma(result.out)
        before = decoded_luma(talking)
        changed[crop_px] = np.abs(np.stack(luma).astype(int) - np.stack(before[: len(luma)])) > 30
        assert (result.enlarged is None) == (crop_px == 128)
    assert re.fullmatch(
        r"the face's crop is 1[0-9][0-9] px wide in the video, and was enlarged to the 256 px that the model draws: .*",
        str(result.enlarged),
    )
    assert result.enlarged in result_lines(result)
    both, either = (changed[128] & changed[256]).sum(), (changed[128] | changed[256]).sum()
    assert both > 0.8 * either > 0


def stretch_of(side_px: float, crop_px: int) -> Stretch:
    """A face whose crop has a side of so many pixels in the video."""
    turn = crop_px / side_px * np.array([[0.6, -0.8, 0], [0.8, 0.6, 0]])
    return Stretch(
        first_frame=0,
        transforms=np.repeat(turn[None], 3, axis=0),
        landmarks=np.zeros((3, 68, 2), np.float32),
        seen=np.ones(3, np.bool_),
        closed_opening=0.0,
    )


@pytest.mark.parametrize(
    ("sides", "crop_px", "says"),
    [
        ((90,), 128, None),
        ((450,), 256, None),
        ((240,), 256, None),
        ((150,), 256, "the face's crop is 150 px wide in the video, and was enlarged to the 256 px"),
        ((150, 200), 256, "the face's crop is 150 to 200 px wide in the video, and was enlarged"),
        (
            (150, 450),
            256,
            "the face's crop is 150 px wide in the video in 1 of 2 stretches, and was enlarged",
        ),
    ],
)
def test_what_is_said_of_small_faces(sides: tuple[float, ...], crop_px: int, says: str | None) -> None:
    found = enlarged_faces([stretch_of(side, crop_px) for side in sides], crop_px)
    assert found is None if says is None else str(found).startswith(says)


def test_what_a_paste_shows_scales_with_the_crop() -> None:
    """A change of the mouth, and skin of another colour around it, at both sizes."""
    shares, colours = [], []
    for zoom in (1, 2):
        true = np.full((128, 128, 3), 120, np.uint8).repeat(zoom, axis=0).repeat(zoom, axis=1)
        generated = true.copy()
        generated[90 * zoom : 104 * zoom, 50 * zoom : 78 * zoom] = 15
        shares.append(changed_share(generated, true)[zoom // 2 :: zoom, zoom // 2 :: zoom])
        darker = (generated * 0.9).astype(np.uint8)
        matched = ColourMatch(lower_face_mask(128 * zoom))(darker, true).astype(np.float32)
        colours.append(matched[::zoom, ::zoom])
    assert np.abs(shares[0] - shares[1]).mean() < 0.02
    inside = lower_face_mask(128) > 0.5
    assert np.abs(colours[0] - colours[1])[inside].mean() < 2
