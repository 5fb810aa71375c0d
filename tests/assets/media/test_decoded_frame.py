"""Colours, regions, rotation."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from assets.media.decoded_frame import DecodedFrame
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from tests.support.media_files import FlashFile, make_flash_file

# ITU-R BT.601 and BT.709: weights of R and B in luma
WEIGHTS = {Colorspace.ITU601: (0.299, 0.114), Colorspace.ITU709: (0.2126, 0.0722)}


def encoded(rgb: np.ndarray, matrix: Colorspace, full: bool, pixel_format: str) -> av.VideoFrame:
    """A frame computed by the standards' formulas, independent of FFmpeg's conversion."""
    k_r, k_b = WEIGHTS[matrix]
    r, g, b = (rgb[..., i].astype(float) / 255 for i in range(3))
    luma = k_r * r + (1 - k_r - k_b) * g + k_b * b
    planes = [luma, (b - luma) / (2 - 2 * k_b), (r - luma) / (2 - 2 * k_r)]
    scale = (255, 255) if full else (219, 224)
    offset = 0 if full else 16
    depth = 4 if pixel_format.endswith("10le") else 1
    stored = [planes[0] * scale[0] + offset, planes[1] * scale[1] + 128, planes[2] * scale[1] + 128]
    frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], pixel_format)
    for index, plane in enumerate(frame.planes):
        values = stored[index]
        step_x, step_y = rgb.shape[1] // plane.width, rgb.shape[0] // plane.height
        values = values.reshape(plane.height, step_y, plane.width, step_x).mean(axis=(1, 3)) * depth
        dtype = np.dtype("<u2") if depth == 4 else np.dtype(np.uint8)
        rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
        rows[: plane.height, : plane.width] = np.rint(values).clip(0, 255 * depth + 3 * (depth == 4))
    frame.colorspace = matrix
    frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return frame


def colours() -> np.ndarray:
    """(64, 96, 3) patches of 16 px in many colours."""
    random = np.random.default_rng(3).integers(20, 236, (4, 6, 3), dtype=np.uint8)
    return random.repeat(16, axis=0).repeat(16, axis=1)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
def test_colours_follow_matrix_and_range(pixel_format: str, full: bool, matrix: Colorspace) -> None:
    rgb = colours()
    found = DecodedFrame(encoded(rgb, matrix, full, pixel_format)).rgb()
    inner = np.zeros(rgb.shape[:2], bool)
    for y in range(8, 64, 16):
        for x in range(8, 96, 16):
            inner[y - 4 : y + 4, x - 4 : x + 4] = True
    assert np.abs(found.astype(int) - rgb)[inner].max() <= 3


def test_unlabelled_frames_are_bt601_when_small_and_bt709_when_large() -> None:
    for size, matrix in (((576, 720), Colorspace.ITU601), ((720, 1280), Colorspace.ITU709)):
        rgb = np.full((*size, 3), (200, 60, 40), np.uint8)
        frame = encoded(rgb, matrix, False, "yuv420p")
        frame.colorspace = 2
        assert np.abs(DecodedFrame(frame).rgb((64, 64, 96, 96)).astype(int) - rgb[:32, :32]).max() <= 2


@pytest.mark.parametrize("box", [(0, 0, 96, 64), (1, 3, 40, 41), (17, 9, 96, 64), (50, 20, 51, 21)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_a_region_is_the_same_as_in_the_whole(box: tuple[int, int, int, int], pixel_format: str) -> None:
    random = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    frame = DecodedFrame(encoded(random, Colorspace.ITU601, False, pixel_format))
    x0, y0, x1, y1 = box
    difference = np.abs(frame.rgb(box).astype(int) - frame.rgb()[y0:y1, x0:x1])
    assert difference.max() <= 2


@pytest.mark.parametrize("box", [(-1, 0, 10, 10), (0, 0, 97, 10), (5, 5, 5, 9), (9, 9, 3, 12)])
def test_a_region_outside_is_an_error(box: tuple[int, int, int, int]) -> None:
    frame = DecodedFrame(encoded(colours(), Colorspace.ITU601, False, "yuv420p"))
    with pytest.raises(ValueError, match="not inside the frame of 96x64"):
        frame.rgb(box)


def test_luma_is_the_decoders_plane() -> None:
    frame = encoded(colours(), Colorspace.ITU601, False, "yuv420p")
    expected = frame.to_ndarray()[:64]
    assert np.array_equal(DecodedFrame(frame).gray(), expected)
    ten_bit = DecodedFrame(encoded(colours(), Colorspace.ITU601, False, "yuv420p10le")).gray()
    assert np.abs(ten_bit.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("pixel_format", ["gray", "rgb24", "nv12", "bgra"])
def test_other_pixel_formats_work(pixel_format: str) -> None:
    frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 120, np.uint8), format="rgb24")
    decoded = DecodedFrame(frame.reformat(format=pixel_format))
    assert decoded.gray().shape == (64, 96)
    assert np.abs(decoded.rgb((10, 10, 30, 40)).astype(int) - 120).max() <= 3


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_phone_videos_are_upright(tmp_path: Path, rotation: int) -> None:
    """Held against OpenCV, which applies the display matrix by itself."""
    import cv2

    def draw(_: float) -> np.ndarray:
        image = np.full((96, 160, 3), 40, np.uint8)
        image[:48, :80] = (220, 30, 30)
        return image

    spec = FlashFile(rotation=rotation, draw=draw, duration_s=1.0, flash_times_s=())
    made = make_flash_file(tmp_path / "phone.mp4", spec)
    found = probe(made.path)
    assert (found.video.rotation, found.video.width, found.video.height) == (rotation, 160, 96)
    frame = next(read_ticks(found, common_span(found))).frame
    rgb = frame.rgb()
    assert np.abs(rgb[8:40, 8:72].astype(int) - (220, 30, 30)).mean() < 4
    assert rgb[56:, :, 0].max() < 60
    assert np.array_equal(frame.rgb((8, 20, 90, 61)), rgb[20:61, 8:90])
    assert frame.gray().shape == (96, 160)
    _, by_opencv = cv2.VideoCapture(str(made.path)).read()
    assert np.abs(by_opencv[..., ::-1].astype(int) - rgb).mean() < 3
