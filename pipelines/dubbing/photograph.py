"""Photographs and animated images, as a viewer shows them: upright, in sRGB, on a white page, 8 bits a channel."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from assets.media.limits import ProbeLimits
from pipelines.dubbing.frame_planes import rgb_as_bt709

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "JPEG2000", "GIF", "BMP", "TIFF", "PPM", "QOI")
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
# Pillow would show their thumbnails.
CAMERA_RAW = (".dng", ".nef", ".nrw", ".cr2", ".cr3", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw")
BACKGROUND = (255, 255, 255)
ON_WHITE = "shown on white where transparent"
ORIENTATION = 0x0112
# Browsers show animations that declare no more than the first for the second.
NO_DURATION_MS, USUAL_DURATION_MS = 10.0, 100.0
# A profile that changes colours by no more is sRGB.
SAME_COLOUR = 3


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """One image.

    Args:
        frame: upright, yuv420p, BT.709, even sides.
        changes: what was done for it, in words.
    """

    frame: Any
    changes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Animation:
    """An animated image.

    Args:
        path: the file.
        starts_s: when each frame is shown.
        end_s: when the last one ends.
        size: width and height, even.
        changes: what is done to the frames, in words.
    """

    path: Path
    starts_s: tuple[float, ...]
    end_s: float
    size: tuple[int, int]
    changes: tuple[str, ...]

    def frames(self) -> Iterator[Any]:
        """The frames as those of a photograph."""
        with _opened(self.path) as image:
            for _ in _shown(image):
                yield _as_frame(_displayed(image)[0])


def read_image(path: Path, limits: ProbeLimits) -> Photograph | Animation | None:
    """The photograph or animation in a file; None where the file is neither.

    Raises:
        ValueError: damaged, a camera's raw file, or outside the limits.
    """
    if path.suffix.lower() in CAMERA_RAW:
        raise ValueError(f"{path}: a camera's raw file; give the photograph as JPEG, PNG, TIFF or HEIC")
    try:
        with _opened(path) as image:
            check_sides(path, image.size, limits)
            if getattr(image, "n_frames", 1) > 1 and image.format in ANIMATED:
                return _animation(path, image, limits)
            shown, changes = _displayed(image)
            if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
                changes.append(f"the first of {image.n_frames} pages is taken")
    except UnidentifiedImageError:
        return None
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: the photograph can't be read: {error}") from error
    return Photograph(frame=_as_frame(shown), changes=(*changes, *_cut(shown.size)))


def check_sides(path: Path, size: tuple[int, int], limits: ProbeLimits) -> None:
    """Raises a ``ValueError`` where a side in pixels is outside the limits."""
    if min(size) < limits.min_side_px or max(size) > limits.max_side_px:
        raise ValueError(
            f"{path}: {size[0]}x{size[1]} pixels; sides of {limits.min_side_px} to {limits.max_side_px} are read"
        )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large images, which the limits reject, and of odd metadata
        with Image.open(path, formats=FORMATS) as image:
            yield image


def _animation(path: Path, image: Any, limits: ProbeLimits) -> Animation:
    """Reads the durations; decodes each frame once."""
    starts_s, end_s, is_transparent = [], 0.0, False
    for _ in _shown(image):
        image.load()
        starts_s.append(end_s)
        declared_ms = float(image.info.get("duration") or 0)
        end_s += (declared_ms if declared_ms > NO_DURATION_MS else USUAL_DURATION_MS) / 1000
        is_transparent = is_transparent or _is_transparent(image)
        if end_s > limits.max_duration_s:
            raise ValueError(f"{path}: {end_s:.0f} s or more; at most {limits.max_duration_s:.0f} s are read")
    image.seek(0)
    shown, changes = _displayed(image)
    if is_transparent and ON_WHITE not in changes:
        changes.append(ON_WHITE)
    return Animation(
        path=path,
        starts_s=tuple(starts_s),
        end_s=end_s,
        size=(shown.width // 2 * 2, shown.height // 2 * 2),
        changes=(*changes, *_cut(shown.size)),
    )


def _shown(image: Any) -> Iterator[int]:
    """Moves through the frames; an APNG's image for viewers without animations is not one of them."""
    for index in range(1 if image.info.get("default_image") else 0, image.n_frames):
        image.seek(index)
        yield index


def _displayed(image: Any) -> tuple[Any, list[str]]:
    """An image as RGB for display, and what was done for it."""
    changes = []
    is_turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)  # Pillow turns TIFF while it decodes
    if ";16" in str(getattr(image, "tile", "")) or image.mode.startswith("I"):
        changes.append("reduced from 16 to 8 bits")
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if is_turned:
        changes.append("turned as its EXIF data say")
    if upright.mode[0] in "IF":
        upright = _eight_bits(upright)
    alpha = None
    if _is_transparent(upright):
        upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
        changes.append(ON_WHITE)
    colours = upright if upright.mode in ("L", "RGB", "CMYK", "LAB") else upright.convert("RGB")
    rgb, mapped = _in_srgb(colours, profile)
    if alpha is not None:
        page = Image.new("RGB", rgb.size, BACKGROUND)
        page.paste(rgb, mask=alpha)
        rgb = page
    return rgb, [*changes, *mapped]


def _is_transparent(image: Any) -> bool:
    if not image.has_transparency_data:
        return False
    return bool(image.convert("RGBA").getchannel("A").getextrema()[0] < 255)


def _eight_bits(image: Any) -> Any:
    """Grey values of 16 or 32 bits or in floating point, whose white is 1, 255 or 65,535, as 8 bits."""
    grey = np.nan_to_num(np.asarray(image).astype(np.float64))
    white = (
        65_535.0
        if image.mode.startswith("I;16")
        else next(
            (white for white in (1.0, 255.0, 65_535.0) if grey.max(initial=0) <= white),
            float(grey.max(initial=1)),
        )
    )
    return Image.fromarray(np.rint(grey.clip(0, white) / white * 255).astype(np.uint8))


def _in_srgb(image: Any, profile: bytes | None) -> tuple[Any, list[str]]:
    """The colours in sRGB, as RGB, and what was done for it."""
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _mapped(image, lab), ["mapped from CIELAB to sRGB"]
    plain = image.convert("RGB")
    approximate = ["CMYK without a colour profile: colours are approximate"] if image.mode == "CMYK" else []
    if not profile:
        return plain, approximate
    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        mapped = _mapped(image, given)
        name = ImageCms.getProfileDescription(given).strip()
    except (ImageCms.PyCMSError, OSError, ValueError):
        return plain, ["its colour profile can't be used: taken as sRGB"]
    if np.abs(np.asarray(mapped).astype(int) - np.asarray(plain)).max() <= SAME_COLOUR:
        return plain, []
    return mapped, [f"mapped from {' '.join(name.split()) or 'its colour profile'} to sRGB"]


def _mapped(image: Any, profile: Any) -> Any:
    return ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )


def _cut(size: tuple[int, int]) -> list[str]:
    odd = [name for name, side in zip(("column", "row"), size, strict=True) if side % 2]
    return [f"the last {' and '.join(odd)} left out (H.264 has even sides)"] if odd else []


def _as_frame(rgb: Any) -> Any:
    even = rgb.crop((0, 0, rgb.width // 2 * 2, rgb.height // 2 * 2))
    return rgb_as_bt709(av.VideoFrame.from_image(even))
