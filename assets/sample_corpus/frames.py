"""Video frames of a speaker, composed of mouth, eyes, head motion and light."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.sample_corpus.coarticulation import LipTrack
from assets.sample_corpus.motion import HeadMotion
from assets.sample_corpus.mouth import Mouth, close_mouth, draw_mouth
from assets.sample_corpus.photograph import Image, Points, Portrait
from assets.sample_corpus.settings import FRAME_PX
from assets.sample_corpus.speakers import Speaker, make_background, make_portrait

Plane = NDArray[np.float32]

_NOSE = 30
_GRAIN_SPARE_PX = 64
_HEAD_DEPTH_PX = 75.0  # on the canvas: radius of the nose's movement when the head turns


@dataclass(frozen=True, kw_only=True)
class Framing:
    """Where the head is in the frame.

    Attributes:
        width_px, height_px: size of the frame.
        face_scale: output pixels for a canvas pixel; the face is about 175 canvas pixels wide.
        nose_x, nose_y: where the tip of the nose rests, output pixels.
    """

    width_px: int = FRAME_PX
    height_px: int = FRAME_PX
    face_scale: float = 0.68
    nose_x: float = 128.0
    nose_y: float = 136.0


@dataclass(frozen=True)
class Actor:
    """A speaker with its portrait and closed mouth, ready for rendering."""

    speaker: Speaker
    portrait: Portrait
    mouth: Mouth


def make_actor(base: Portrait, speaker: Speaker) -> Actor:
    """Builds the speaker's face from the photograph; about 0.1 s."""
    portrait = make_portrait(base, speaker)
    return Actor(speaker, portrait, close_mouth(portrait))


def _eye_region(eye: Points) -> tuple[slice, slice]:
    """Rows and columns around an eye that a blink changes."""
    centre, half_px = (eye[0] + eye[3]) / 2, _eye_half_px(eye)
    rows = slice(int(centre[1] - 1.3 * half_px), int(centre[1] + half_px))
    return rows, slice(int(centre[0] - half_px), int(centre[0] + half_px) + 1)


def _eye_half_px(eye: Points) -> float:
    return float(np.hypot(*(eye[3] - eye[0])) / 2 * 1.1)


def _close_eye(rgb: Image, eye: Points, closure: float) -> Image:
    """The region around one eye with its upper lid drawn down.

    Args:
        eye: (6, 2) landmarks: corner, two above, corner, two below.
    """
    centre, half_px = (eye[0] + eye[3]) / 2, _eye_half_px(eye)
    slope = (eye[3, 1] - eye[0, 1]) / (eye[3, 0] - eye[0, 0])
    region = _eye_region(eye)
    rows, columns = np.mgrid[region].astype(np.float32)
    u = (columns - centre[0]) / half_px
    inside = np.clip(1 - u * u, 0, None)
    line = centre[1] + slope * (columns - centre[0])
    upper = line + inside * ((eye[1:3, 1] - centre[1]).mean() * 1.25)
    lower = line + inside * ((eye[4:6, 1] - centre[1]).mean() * 1.1)
    start = upper - 0.55 * half_px
    lid = upper + closure * (lower - upper)
    source = start + (rows - start) * (upper - start) / np.maximum(lid - start, 1e-3)
    source = np.where((rows > start) & (rows < lid), source, rows)
    drawn = cv2.remap(rgb, columns, source.astype(np.float32), cv2.INTER_LINEAR)
    lash = 0.55 * np.exp(-(((rows - lid) / 1.4) ** 2)) * np.sqrt(inside) * min(2 * closure, 1.0)
    return np.asarray(drawn * (1 - lash[..., None])).astype(np.uint8)


def _blank_canvas(actor: Actor) -> NDArray[np.uint8]:
    """The face at rest, RGB and matte: (512, 512, 4) uint8."""
    return np.dstack([actor.portrait.rgb, (actor.portrait.matte * 255).astype(np.uint8)])


def _draw_face(
    canvas: NDArray[np.uint8], actor: Actor, lips: tuple[float, float, float], blink: float
) -> None:
    """Draws lips and eyes onto the canvas, in place; a frame later both are drawn over."""
    mouth = actor.mouth
    drawn = draw_mouth(mouth, *lips)
    canvas[mouth.top : mouth.top + drawn.shape[0], mouth.left : mouth.left + drawn.shape[1], :3] = drawn
    for eye in (slice(36, 42), slice(42, 48)):
        points = actor.portrait.landmarks[eye]
        rows, columns = _eye_region(points)
        canvas[rows, columns, :3] = actor.portrait.rgb[rows, columns]
        if blink > 0:
            canvas[rows, columns, :3] = _close_eye(actor.portrait.rgb, points, blink)


def _canvas_coordinates(
    actor: Actor, framing: Framing, motion: HeadMotion, frame: int
) -> tuple[Plane, Plane]:
    """For each output pixel the place on the canvas that it shows."""
    unit = 1.0 / 0.68  # canvas pixels for a pixel of a 256-pixel frame
    nose = actor.portrait.landmarks[_NOSE]
    scale = framing.face_scale * motion.scale[frame]
    cos, sin = np.cos(motion.roll[frame]) / scale, np.sin(motion.roll[frame]) / scale
    pixels = framing.face_scale / 0.68
    x = np.arange(framing.width_px, dtype=np.float32)[None] - (
        framing.nose_x + pixels * motion.shift_x[frame]
    )
    y = np.arange(framing.height_px, dtype=np.float32)[:, None] - (
        framing.nose_y + pixels * motion.shift_y[frame]
    )
    from_nose_x = cos * x + sin * y
    from_nose_y = -sin * x + cos * y
    depth = np.exp(-(from_nose_x**2 + from_nose_y**2) / (2 * _HEAD_DEPTH_PX**2)) * unit
    canvas_x = nose[0] + from_nose_x - motion.turn[frame] * depth
    canvas_y = nose[1] + from_nose_y - motion.nod[frame] * depth
    return canvas_x.astype(np.float32), canvas_y.astype(np.float32)


def _grain(size: tuple[int, int], noise_rms: float, rng: np.random.Generator) -> Plane:
    """Sensor noise, larger than a frame: each frame takes another part of it."""
    shape = (size[0] + _GRAIN_SPARE_PX, size[1] + _GRAIN_SPARE_PX, 3)
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(noise_rms)


def film(
    actor: Actor,
    lips: LipTrack,
    motion: HeadMotion,
    *,
    framing: Framing,
    noise_rms: float,
    rng: np.random.Generator,
) -> Iterator[Image]:
    """Renders the frames of a speaker.

    Args:
        lips: tracks of (T,), one value a frame.
        motion: tracks of (T,).
        noise_rms: sensor noise, grey levels of 255.

    Yields:
        (height, width, 3) uint8 RGB, T times.

    Raises:
        ValueError: lips and motion differ in length.
    """
    num_frames = len(lips.aperture)
    if len(motion.blink) != num_frames:
        raise ValueError(
            f"{num_frames} frames of lips but {len(motion.blink)} of head motion; give equally many"
        )
    size = framing.height_px, framing.width_px
    background = make_background(actor.speaker, size, rng).astype(np.float32)
    across = np.linspace(-0.5, 0.5, framing.width_px, dtype=np.float32)[None, :, None]
    canvas = _blank_canvas(actor)
    grain = _grain(size, noise_rms, rng)
    for frame in range(num_frames):
        shape = (float(lips.aperture[frame]), float(lips.width[frame]), float(lips.protrusion[frame]))
        _draw_face(canvas, actor, shape, float(motion.blink[frame]))
        maps = _canvas_coordinates(actor, framing, motion, frame)
        person = cv2.remap(canvas, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
            np.float32
        )
        image = background + (person[..., :3] - background) * (person[..., 3:] * np.float32(1 / 255))
        image *= (1 + np.float32(motion.light_slope[frame]) * across) * np.float32(motion.brightness[frame])
        top, left = rng.integers(_GRAIN_SPARE_PX, size=2)
        image += grain[top : top + size[0], left : left + size[1]]
        yield np.clip(image + 0.5, 0, 255).astype(np.uint8)
