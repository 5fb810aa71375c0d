"""Images as they come: photographs of all kinds, animations, colours, transparency and orientation."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from assets.media.limits import ProbeLimits
from pipelines.dubbing.source_video import ONE_FRAME, SourceVideo, open_source, read_frames
from tests.pipelines.dubbing.dub_inputs import write_video

RED, GREEN, BLUE, GREY = (200, 40, 40), (30, 170, 60), (40, 60, 200), (128, 128, 128)
pillow_heif.register_heif_opener()


def quarters(size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Red, green, blue and grey quarters, row by row."""
    image = Image.new("RGB", size)
    for at, colour in enumerate((RED, GREEN, BLUE, GREY)):
        image.paste(colour, (at % 2 * size[0] // 2, at // 2 * size[1] // 2, size[0], size[1]))
    return image


def shown(source: SourceVideo) -> list[np.ndarray]:
    return [frame.decoded.rgb().astype(int) for frame in read_frames(source)]


def assert_quarters(rgb: np.ndarray, colours: tuple[tuple[int, ...], ...], within: int = 10) -> None:
    height, width = rgb.shape[:2]
    for at, colour in enumerate(colours):
        seen = rgb[height // 4 + at // 2 * height // 2, width // 4 + at % 2 * width // 2]
        assert np.abs(seen - colour).max() <= within, f"quarter {at}: {seen}, not {colour}"


def read(path: Path) -> SourceVideo:
    return open_source(path, ProbeLimits())


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a.png",
        "a.heic",
        "a.avif",
        "a.jp2",
        "a.j2k",
        "a.gif",
        "a.webp",
        "a.bmp",
        "a.tif",
        "a.ppm",
        "a.qoi",
    ],
)
def test_a_photograph(name: str, tmp_path: Path) -> None:
    quarters().save(tmp_path / name)
    source = read(tmp_path / name)
    (rgb,) = shown(source)
    assert source.photograph is not None and source.changes is None and source.animation is None
    assert rgb.shape == (64, 96, 3)
    assert_quarters(rgb, (RED, GREEN, BLUE, GREY))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.avif"])
def test_an_animation_is_a_video(name: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (96, 64), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=[100, 200, 400])
    source = read(tmp_path / name)
    assert source.photograph is None and source.num_frames == 3
    assert [frame.time_s for frame in read_frames(source)] == pytest.approx([0, 0.1, 0.3])
    assert source.last_step_s == pytest.approx(0.4) and float(source.frame_rate) == pytest.approx(
        3 / 0.7, abs=0.01
    )
    for rgb, colour in zip(shown(source), (RED, GREEN, BLUE), strict=True):
        assert_quarters(rgb, (colour,) * 4)


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_animations_without_durations_and_transparent_ones(name: str, tmp_path: Path) -> None:
    frames = [Image.new("RGBA", (96, 64), (0, 0, 0, 0)) for _ in range(2)]
    for at, colour in enumerate((RED, GREEN)):
        frames[at].paste(colour, (0, 32 * at, 96, 32 * at + 32))
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=0, disposal=2)
    source = read(tmp_path / name)
    assert [frame.time_s for frame in read_frames(source)] == pytest.approx([0, 0.1])
    white = (255, 255, 255)
    assert_quarters(shown(source)[0], (RED, RED, white, white))
    assert_quarters(shown(source)[1], (white, white, GREEN, GREEN))
    assert source.changes == "shown on white where transparent"


def test_the_default_image_of_an_apng_is_no_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (96, 64), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(
        tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=200, default_image=True
    )
    source = read(tmp_path / "a.png")
    assert source.num_frames == 2
    assert_quarters(shown(source)[0], (GREEN,) * 4)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(name: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    quarters().save(tmp_path / name, exif=exif)
    source = read(tmp_path / name)
    order = ["0123", "1032", "3210", "2301", "0213", "2031", "3120", "1302"][orientation - 1]
    (rgb,) = shown(source)
    assert rgb.shape == ((64, 96, 3) if orientation < 5 else (96, 64, 3))
    assert_quarters(rgb, tuple((RED, GREEN, BLUE, GREY)[int(at)] for at in order))
    assert source.changes == (None if orientation == 1 else "turned as its EXIF data say")


def grey_16_bits() -> Image.Image:
    return Image.fromarray(np.full((64, 96), 0x8080, np.uint16))


def floating() -> Image.Image:
    return Image.fromarray(np.full((64, 96), 128 / 255, np.float32))


def palette() -> Image.Image:
    return quarters().convert("P", palette=Image.Palette.ADAPTIVE)


def half_transparent() -> Image.Image:
    image = Image.new("RGBA", (96, 64), (0, 0, 0, 128))
    return image


def transparent_palette() -> Image.Image:
    image = Image.new("P", (96, 64), 1)
    image.putpalette([200, 0, 0, 0, 0, 0])
    image.info["transparency"] = 1
    return image


def cmyk() -> Image.Image:
    return Image.new("RGB", (96, 64), GREY).convert("CMYK")


@pytest.mark.parametrize(
    ("name", "draw", "colour", "words"),
    [
        ("a.png", grey_16_bits, 128, "reduced from 16 to 8 bits"),
        ("a.tif", grey_16_bits, 128, "reduced from 16 to 8 bits"),
        ("a.jp2", grey_16_bits, 128, "reduced from 16 to 8 bits"),
        ("a.tif", floating, 128, None),
        ("a.png", half_transparent, 127, "shown on white where transparent"),
        ("a.webp", half_transparent, 127, "shown on white where transparent"),
        ("a.avif", half_transparent, 127, "shown on white where transparent"),
        ("a.heic", half_transparent, 127, "shown on white where transparent"),
        ("a.png", transparent_palette, 255, "shown on white where transparent"),
        ("a.tif", cmyk, 128, "CMYK without a colour profile: colours are approximate"),
        ("a.jpg", cmyk, 128, "CMYK without a colour profile: colours are approximate"),
    ],
)  # fmt: skip
def test_depths_and_transparency(
    name: str, draw: Callable[[], Image.Image], colour: int, words: str | None, tmp_path: Path
) -> None:
    draw().save(tmp_path / name)
    source = read(tmp_path / name)
    (rgb,) = shown(source)
    assert np.abs(rgb - colour).max() <= 3 and source.changes == words


def test_a_palette_and_an_opaque_alpha_change_nothing(tmp_path: Path) -> None:
    palette().save(tmp_path / "a.png")
    quarters().convert("RGBA").save(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        source = read(tmp_path / name)
        assert_quarters(shown(source)[0], (RED, GREEN, BLUE, GREY))
        assert source.changes is None


def test_colour_profiles(tmp_path: Path) -> None:
    """A profile whose red is blue and whose blue is red: the colours of the file are shown swapped."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"xXYZ").replace(b"bXYZ", b"rXYZ").replace(b"xXYZ", b"bXYZ")
    for name in ("a.png", "a.jpg", "a.heic", "a.webp", "a.tif", "a.avif"):
        quarters().save(tmp_path / name, icc_profile=swapped, quality=95)
        source = read(tmp_path / name)
        assert_quarters(shown(source)[0], (RED[::-1], GREEN[::-1], BLUE[::-1], GREY))
        assert source.changes is not None and source.changes.startswith("mapped from ")
    quarters().save(tmp_path / "same.png", icc_profile=srgb)
    assert read(tmp_path / "same.png").changes is None
    quarters().save(tmp_path / "broken.png", icc_profile=b"no profile" * 20)
    assert read(tmp_path / "broken.png").changes == "its colour profile can't be used: taken as sRGB"


def test_odd_sides_and_pages_are_told(tmp_path: Path) -> None:
    quarters((97, 65)).save(tmp_path / "a.tif", save_all=True, append_images=[quarters()])
    source = read(tmp_path / "a.tif")
    assert source.grid_size == (96, 64)
    assert (
        source.changes
        == "the first of 2 pages is taken; the last column and row left out (H.264 has even sides)"
    )


def test_a_video_of_one_frame_is_a_photograph(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.avi"):
        source = read(write_video(tmp_path / name, [np.asarray(quarters())]))
        assert source.photograph is not None and source.changes == ONE_FRAME
        assert_quarters(shown(source)[0], (RED, GREEN, BLUE, GREY))
    two = read(write_video(tmp_path / "two.mp4", [np.asarray(quarters())] * 2, Fraction(25)))
    assert two.photograph is None and two.changes is None and len(shown(two)) == 2


def huge_png(path: Path) -> None:
    """A header that announces 30,000 x 30,000 pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")):
            file.write(
                struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            )


def test_bad_images_are_one_line(tmp_path: Path) -> None:
    huge_png(tmp_path / "bomb.png")
    Image.new("RGB", (5000, 80)).save(tmp_path / "wide.png")
    Image.new("RGB", (5000, 80)).save(tmp_path / "wide.avif")
    quarters((20, 20)).save(tmp_path / "small.webp")
    quarters().save(tmp_path / "whole.heic")
    (tmp_path / "cut.heic").write_bytes((tmp_path / "whole.heic").read_bytes()[:-200])
    quarters().save(tmp_path / "whole.jp2")
    (tmp_path / "cut.jp2").write_bytes((tmp_path / "whole.jp2").read_bytes()[:100])
    (tmp_path / "a.dng").write_bytes(b"II*\0" + b"\0" * 100)
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='90' height='90'/>")
    for name, words in {
        "bomb.png": "can't be read: .*decompression bomb",
        "wide.png": "5000x80 pixels; sides of 64 to 4320 are read",
        "wide.avif": "5000x80 pixels; sides of 64 to 4320 are read",
        "small.webp": "20x20 pixels",
        "cut.heic": "can't be read|can't open it",
        "cut.jp2": "can't be read|can't open it",
        "a.dng": "a camera's raw file; give the photograph as JPEG",
        "a.svg": "its format is none of those that are read; give a video, or a photograph as JPEG",
    }.items():
        with pytest.raises(ValueError, match=words) as caught:
            shown(read(tmp_path / name))
        assert "\n" not in str(caught.value) and str(tmp_path / name) in str(caught.value)


def test_durations_are_limited(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (96, 64), (at, 0, 0)) for at in range(20)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=1000)
    with pytest.raises(ValueError, match="at most 5 s are read"):
        open_source(tmp_path / "a.gif", ProbeLimits(max_duration_s=5.0))
