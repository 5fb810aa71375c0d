"""Frames as they are displayed: the eight orientations, pixels that are not square, fields, HDR."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from skimage import data

from assets.media.display import Display, display_of, shown_frames
from assets.media.orientation import AS_STORED, Orientation
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from assets.metrics.plain_video import read_plain_video
from assets.workers.rejected import Rejected
from tests.support.displayed_files import ORIENTATIONS, Rgb, Stored, comb_ratio, woven, write_stored

PHOTO: Rgb = cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)[16:208]
COLOURS: Rgb = cv2.resize(data.chelsea(), (256, 192), interpolation=cv2.INTER_AREA)


def decoded(path: Path) -> list[Rgb]:
    found = probe(path)
    return [tick.frame.rgb() for tick in read_ticks(found, common_span(found))]


def difference(a: Rgb, b: Rgb) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_all_eight_orientations_are_upright(tmp_path: Path, orientation: Orientation) -> None:
    path = write_stored(tmp_path / "a.mp4", [PHOTO] * 10, Stored(orientation=orientation))
    found = probe(path)
    assert found.video.display.orientation == orientation
    assert (found.video.width, found.video.height) == (256, 192)
    frame = next(read_ticks(found, common_span(found))).frame
    assert difference(frame.rgb(), PHOTO) < 4
    assert np.array_equal(frame.rgb((30, 41, 150, 160)), frame.rgb()[41:160, 30:150])
    assert frame.gray().shape == (192, 256)
    assert difference(read_plain_video(path, stage="metrics").frames[3], PHOTO) < 4
    told = found.video.display.changes() or ""
    assert ("mirrored" in told, "turned" in told) == (orientation.is_mirrored, orientation.rotation != 0)


def test_names_of_the_orientations() -> None:
    """Mirrored first, then turned clockwise: held against numpy's turns."""
    stored = np.arange(12).reshape(3, 4)
    for orientation in ORIENTATIONS:
        mirrored = stored[:, ::-1] if orientation.is_mirrored else stored
        turned = np.rot90(mirrored, -orientation.rotation // 90)
        assert np.array_equal(orientation.upright(stored), turned), orientation
    assert len({(one.rotation, one.is_mirrored) for one in ORIENTATIONS}) == 8


@pytest.mark.parametrize("aspect", ["16/15", "64/45", "8/9", "2", "1/2", "4/3"])
@pytest.mark.parametrize("sideways", [False, True])
def test_pixels_become_square(tmp_path: Path, aspect: str, sideways: bool) -> None:
    pixel = Fraction(aspect)
    shown = cv2.resize(PHOTO, (256, 180), interpolation=cv2.INTER_AREA)
    stored = Stored(pixel_aspect=pixel, orientation=ORIENTATIONS[6] if sideways else AS_STORED)
    path = write_stored(tmp_path / "a.mp4", [shown] * 10, stored)
    found = probe(path)
    width, height = found.video.width, found.video.height
    assert width / height == pytest.approx(256 / 180, rel=0.012)
    assert min(width / 256, height / 180) > 0.98, "a side lost pixels"
    frames = decoded(path)
    assert len(frames) == 10 and frames[0].shape == (height, width, 3)
    assert difference(cv2.resize(frames[5], (256, 180)), shown) < 6
    assert read_plain_video(path, stage="metrics").frames.shape[1:3] == (height, width)
    assert f"pixels of {pixel.numerator}:{pixel.denominator}" in str(found.video.display.changes())


def test_nearly_square_pixels_stay(tmp_path: Path) -> None:
    path = write_stored(tmp_path / "a.mp4", [PHOTO] * 10, Stored(pixel_aspect=Fraction(1279, 1280)))
    found = probe(path).video
    assert found.display.pixel_aspect == Fraction(1279, 1280) and found.display.changes() is None
    assert (found.width, found.height) == (256, 192)


def test_pixels_of_an_impossible_shape_are_rejected(tmp_path: Path) -> None:
    path = write_stored(tmp_path / "a.mp4", [PHOTO] * 10, Stored(pixel_aspect=Fraction(2)))
    content = path.read_bytes()
    at = content.index(b"pasp") + 4
    path.write_bytes(content[:at] + (64).to_bytes(4) + (1).to_bytes(4) + content[at + 8 :])
    with pytest.raises(Rejected, match="pixels of 64:1; at most 4:1 or 1:4") as caught:
        probe(path)
    assert caught.value.reason == "pixel_aspect"


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_interlaced_frames_are_de_interlaced(tmp_path: Path, codec: str) -> None:
    def field(k: int) -> Rgb:
        return np.ascontiguousarray(np.roll(COLOURS, 5 * k, axis=1))

    suffix = "mp4" if codec == "libx264" else "ts"
    path = write_stored(
        tmp_path / f"a.{suffix}", [field(k) for k in range(24)], Stored(is_interlaced=True, codec=codec)
    )
    found = probe(path)
    assert found.video.display.changes() == "de-interlaced"
    frames = decoded(path)
    assert len(frames) == 12
    truth = comb_ratio(COLOURS[..., 1])
    assert comb_ratio(woven(field(0), field(1))[..., 1]) > 1.3 > truth + 0.3
    for k, frame in enumerate(frames):
        assert comb_ratio(frame[..., 1]) < truth + 0.15
        assert difference(frame[:, 100:], field(2 * k)[:, 100:]) < 8, "a frame is not that of its first field"
    assert np.array_equal(read_plain_video(path, stage="metrics").frames, np.stack(frames))


@pytest.mark.parametrize("top_first", [True, False])
def test_fields_without_a_label_are_seen(grid_clips: list[Path], tmp_path: Path, top_first: bool) -> None:
    """Woven by an editing program, stored as if progressive."""
    fields = decoded(grid_clips[0])[:40]
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    frames = [woven(b, a) if top_first else woven(a, b) for a, b in pairs]
    path = write_stored(tmp_path / "a.mp4", frames, Stored())
    order = "top first" if top_first else "bottom first"
    assert probe(path).video.display.changes() == f"de-interlaced ({order})"
    shown = decoded(path)
    assert len(shown) == 20
    for k in (5, 12):
        nearness = [difference(shown[k], frame) for frame in fields[2 * k : 2 * k + 2]]
        assert nearness[0] < nearness[1], "a frame is not that of its first field"


def test_progressive_frames_are_left_as_they_are(grid_clips: list[Path], tmp_path: Path) -> None:
    for path in (grid_clips[0], write_stored(tmp_path / "a.mp4", [PHOTO] * 10, Stored())):
        assert probe(path).video.display.changes() is None


@pytest.mark.parametrize("transfer", ["PQ", "HLG"])
def test_hdr_is_mapped_to_the_colours_that_a_viewer_sees(tmp_path: Path, transfer: str) -> None:
    path = write_stored(tmp_path / "a.mp4", [COLOURS] * 10, Stored(transfer=transfer))
    found = probe(path)
    assert found.video.display.changes() == f"tone-mapped from {transfer} to BT.709"
    frames = decoded(path)
    assert len(frames) == 10
    assert difference(frames[4], COLOURS) < 5
    assert difference(read_plain_video(path, stage="metrics").frames[4], COLOURS) < 5


@pytest.mark.parametrize(
    ("label", "number", "text"),
    [("colorspace", 14, "ICtCp"), ("colorspace", 8, "YCgCo"), ("color_trc", 9, "logarithmic")],
)
def test_colours_without_a_conversion_are_rejected(label: str, number: int, text: str) -> None:
    frame = av.VideoFrame(64, 64, "yuv420p")
    setattr(frame, label, number)
    stream = SimpleNamespace(sample_aspect_ratio=None)
    with pytest.raises(Rejected, match=f"colours are {text}, which FFmpeg can't convert") as caught:
        display_of("a.mp4", stream, frame, "clips")
    assert caught.value.reason == "colours"


def test_everything_at_once(tmp_path: Path) -> None:
    """Fields, pixels and a mirrored turn, in one file."""
    stored = Stored(is_interlaced=True, pixel_aspect=Fraction(4, 3), orientation=ORIENTATIONS[4])
    path = write_stored(tmp_path / "a.mp4", [COLOURS] * 24, stored)
    found = probe(path)
    assert found.video.display.changes() == (
        "de-interlaced; pixels of 4:3 resampled to square ones, 144x256 to 192x256; "
        "mirrored; turned by 270 degrees"
    )
    frames = decoded(path)
    assert len(frames) == 12 and difference(frames[6], COLOURS) < 8


def test_frames_keep_their_order_number_and_tags() -> None:
    frames = []
    for index in range(7):
        frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 10 * index, np.uint8), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = (None if index == 3 else 5 * index + 2), Fraction(1, 90)
        frames.append((frame, f"tag {index}"))
    display = Display(stored_width=96, stored_height=64, fields="labelled", pixel_aspect=Fraction(2))
    shown = list(shown_frames(frames, display))
    assert [tag for _, tag in shown] == [f"tag {index}" for index in range(7)]
    assert [frame.pts for frame, _ in shown] == [2, 7, 12, None, 22, 27, 32]
    assert {(frame.width, frame.height, frame.time_base) for frame, _ in shown} == {
        (192, 64, Fraction(1, 90))
    }
    assert list(shown_frames([], display)) == []
