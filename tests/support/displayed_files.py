"""Videos whose frames are stored in another way than they are displayed, with silence for audio.

Each is given as it should look: upright, square pixels, progressive, BT.709.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from assets.media.orientation import AS_STORED, Orientation

Rgb = np.ndarray
ORIENTATIONS = [
    Orientation(is_sideways=sideways, reverses_x=x, reverses_y=y)
    for sideways in (False, True)
    for x in (False, True)
    for y in (False, True)
]
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
WHITE_NITS = 203.0
SILENCE_HZ = 16_000


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How a file stores its frames.

    Args:
        orientation: needs MP4.
        pixel_aspect: width of a pixel in its heights.
        transfer: PQ or HLG, both with BT.2020 colours and 10 bits; None for 8 bits without a label.
        is_interlaced: given frames are fields in turn; two make a stored frame, the first of them on the odd rows, as the
            encoders say of frames without a label.
        codec: of the video; options go with it.
    """

    orientation: Orientation = AS_STORED
    pixel_aspect: Fraction = Fraction(1)
    transfer: str | None = None
    is_interlaced: bool = False
    codec: str = "libx264"


def write_stored(path: Path, frames: Sequence[Rgb], stored: Stored) -> Path:
    """Writes displayed frames (H, W, 3) at 25 a second (fields at 50)."""
    if stored.is_interlaced:
        frames = [woven(first, second) for first, second in zip(frames[::2], frames[1::2], strict=True)]
    images = [
        _image(_squeezed(_turned_back(f, stored.orientation), stored.pixel_aspect), stored) for f in frames
    ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(stored.codec, rate=25)
        stream.codec_context.options = _options(stored)
        stream.width, stream.height, stream.pix_fmt = images[0].width, images[0].height, images[0].format.name
        context = stream.codec_context
        context.thread_count = 1
        if stored.pixel_aspect != 1:
            context.sample_aspect_ratio = stored.pixel_aspect
        if stored.transfer:
            context.color_trc, context.color_primaries, context.colorspace = images[0].color_trc, 9, 9
        audio = container.add_stream("aac", rate=SILENCE_HZ, layout="mono")
        _mux_silence(container, audio, len(images))
        for image in images:
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    if stored.orientation != AS_STORED:
        _write_matrix(path, stored.orientation)
    return path


def comb_ratio(gray: np.ndarray) -> float:
    """Mean difference of neighbouring rows over that of rows two apart: far above 1 where fields are interleaved."""
    rows = gray.astype(float)
    return float(np.abs(np.diff(rows, axis=0)).mean() / np.abs(rows[2:] - rows[:-2]).mean())


def woven(first: Rgb, second: Rgb) -> Rgb:
    """Two fields as one interlaced frame, bottom field first."""
    frame = second.copy()
    frame[1::2] = first[1::2]
    return frame


def _turned_back(frame: Rgb, orientation: Orientation) -> Rgb:
    stored = frame[:: -1 if orientation.reverses_y else 1, :: -1 if orientation.reverses_x else 1]
    return np.ascontiguousarray(stored.swapaxes(0, 1) if orientation.is_sideways else stored)


def _squeezed(frame: Rgb, aspect: Fraction) -> Rgb:
    height, width = frame.shape[:2]
    size = (round(width / aspect / 2) * 2, height) if aspect > 1 else (width, round(height * aspect / 2) * 2)
    return frame if aspect == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _options(stored: Stored) -> dict[str, str]:
    interlaced = {"flags": "+ildct+ilme"} if stored.is_interlaced else {}
    if stored.codec == "libx264":
        return {"preset": "ultrafast", "crf": "10", "bf": "2"} | interlaced
    return {"qmin": "1", "qmax": "3"} | interlaced


def _image(rgb: Rgb, stored: Stored) -> Any:
    if stored.transfer is None:
        return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
    nits = (rgb.astype(float) / 255) ** 2.4 @ TO_BT2020.T * WHITE_NITS
    code = pq_code(nits) if stored.transfer == "PQ" else hlg_code(nits)
    image = av.VideoFrame(rgb.shape[1], rgb.shape[0], "yuv420p10le")
    luma = code @ (0.2627, 0.6780, 0.0593)
    half = code.reshape(code.shape[0] // 2, 2, code.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    half_luma = half @ (0.2627, 0.6780, 0.0593)
    chroma = [(half[..., 2] - half_luma) / 1.8814, (half[..., 0] - half_luma) / 1.4746]
    for plane, values in zip(image.planes, [luma * 219 + 16, *(c * 224 + 128 for c in chroma)], strict=True):
        rows = np.frombuffer(plane, "<u2").reshape(-1, plane.line_size // 2)
        rows[: plane.height, : plane.width] = np.rint(values * 4)
    image.color_trc, image.color_primaries = {"PQ": 16, "HLG": 18}[stored.transfer], 9
    image.colorspace, image.color_range = 9, 1
    return image


def pq_code(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: display light to code value, 0 to 1."""
    power = (nits / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg_code(nits: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100: display light of a 1000-nit display (system gamma 1.2) to code value, 0 to 1."""
    light = nits / 1000
    luminance = np.maximum(light @ (0.2627, 0.6780, 0.0593), 1e-9)[..., None]
    scene = light * luminance ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)


def _mux_silence(container: Any, stream: Any, num_frames: int) -> None:
    for start in range(0, num_frames * SILENCE_HZ // 25, 1024):
        block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = SILENCE_HZ, start, Fraction(1, SILENCE_HZ)
        container.mux(stream.encode(block))
    container.mux(stream.encode(None))


def _write_matrix(path: Path, orientation: Orientation) -> None:
    """Writes the display matrix into the header of an MP4's first track, which is the video's."""
    x, y = (-1 if orientation.reverses_x else 1), (-1 if orientation.reverses_y else 1)
    a, b, c, d = (0, y, x, 0) if orientation.is_sideways else (x, 0, 0, y)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    one = 1 << 16
    assert struct.unpack_from(">9i", data, at) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
