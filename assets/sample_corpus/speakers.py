"""The synthetic speakers: variations of one portrait in shape, colour, light, background and voice."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from assets.sample_corpus.photograph import CANVAS_PX, Image, Points, Portrait
from assets.sample_corpus.voice import Voice

Plane = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """How one speaker differs from the photograph, and the speaker's voice.

    Attributes:
        face_width, jaw_width, jaw_length, eye_size, nose_width, brow_lift: relative to the photograph; 1 (lift: 0)
            leaves it as it is.
        mirrored: left and right exchanged.
        skin_gain, hair_gain: factors for R, G, B.
        hair_contrast: factor for the hair's contrast.
        suit_hue: turn of the suit's hue, in OpenCV's half degrees.
        light: brightness gained from the left edge of the frame to the right edge, relative.
        background: RGB of the background's two colours.
    """

    name: str
    voice: Voice
    face_width: float = 1.0
    jaw_width: float = 1.0
    jaw_length: float = 1.0
    eye_size: float = 1.0
    nose_width: float = 1.0
    brow_lift: float = 0.0
    mirrored: bool = False
    skin_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    hair_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    hair_contrast: float = 1.0
    suit_hue: int = 0
    light: float = 0.0
    background: tuple[tuple[int, int, int], tuple[int, int, int]] = ((176, 168, 170), (150, 146, 160))


SPEAKERS: tuple[Speaker, ...] = (
    Speaker(name="ada", voice=Voice(pitch_hz=205.0, formant_scale=1.14, breathiness=0.05)),
    Speaker(
        name="ben",
        voice=Voice(pitch_hz=112.0, formant_scale=0.98, breathiness=0.02, rate=0.95),
        face_width=1.06,
        jaw_width=1.14,
        jaw_length=1.1,
        eye_size=0.9,
        nose_width=1.18,
        brow_lift=-0.05,
        mirrored=True,
        skin_gain=(0.86, 0.8, 0.76),
        hair_gain=(0.38, 0.36, 0.4),
        suit_hue=92,
        light=-0.14,
        background=((92, 116, 128), (52, 70, 92)),
    ),
    Speaker(
        name="chi",
        voice=Voice(pitch_hz=228.0, formant_scale=1.19, breathiness=0.07, rate=1.06),
        face_width=0.93,
        jaw_width=0.87,
        jaw_length=0.95,
        eye_size=1.12,
        nose_width=0.92,
        brow_lift=0.06,
        skin_gain=(0.76, 0.66, 0.6),
        hair_gain=(0.3, 0.24, 0.23),
        hair_contrast=0.8,
        suit_hue=45,
        light=0.12,
        background=((196, 178, 140), (150, 128, 96)),
    ),
    Speaker(
        name="dov",
        voice=Voice(pitch_hz=136.0, formant_scale=1.04, breathiness=0.03, rate=1.02),
        face_width=1.0,
        jaw_width=1.05,
        jaw_length=0.92,
        eye_size=1.04,
        nose_width=1.08,
        mirrored=True,
        skin_gain=(1.04, 0.94, 0.88),
        hair_gain=(1.0, 0.56, 0.3),
        hair_contrast=1.15,
        suit_hue=130,
        light=0.08,
        background=((110, 134, 104), (70, 92, 74)),
    ),
)

_MIRRORED_ORDER = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),  # jaw, brows, nose
        *range(45, 41, -1),
        47,
        46,
        *range(39, 35, -1),
        41,
        40,  # eyes
        *range(54, 47, -1),
        *range(59, 54, -1),
        *range(64, 59, -1),
        *range(67, 64, -1),
    ]
)


def _mirror(portrait: Portrait) -> Portrait:
    landmarks = portrait.landmarks[_MIRRORED_ORDER].copy()
    landmarks[:, 0] = CANVAS_PX - 1 - landmarks[:, 0]
    return Portrait(
        np.ascontiguousarray(portrait.rgb[:, ::-1]), np.ascontiguousarray(portrait.matte[:, ::-1]), landmarks
    )


def _wanted_landmarks(landmarks: Points, speaker: Speaker) -> Points:
    """Where the landmarks go for this speaker's shape of face."""
    wanted = landmarks.copy()
    centre = landmarks[30]
    width = np.linspace(speaker.face_width, speaker.jaw_width, 9)
    width = np.concatenate([width, width[-2::-1]])
    wanted[:17, 0] = centre[0] + (landmarks[:17, 0] - centre[0]) * width
    below = np.clip(landmarks[:17, 1] - landmarks[48:68, 1].mean(), 0, None)
    wanted[:17, 1] += below * (speaker.jaw_length - 1.0) * 1.6
    wanted[48:68, 1] += (speaker.jaw_length - 1.0) * 0.35 * (landmarks[8, 1] - centre[1])
    wanted[48:68, 0] = centre[0] + (landmarks[48:68, 0] - centre[0]) * (0.5 + 0.5 * speaker.jaw_width)
    for eye in (slice(36, 42), slice(42, 48)):
        middle = landmarks[eye].mean(axis=0)
        spread = np.array([(landmarks[eye, 0].mean() - centre[0]) * (speaker.face_width - 1.0), 0.0])
        wanted[eye] = middle + (landmarks[eye] - middle) * speaker.eye_size + spread
    wanted[31:36, 0] = centre[0] + (landmarks[31:36, 0] - centre[0]) * speaker.nose_width
    eye_height = landmarks[36:48, 1].mean() - landmarks[17:27, 1].mean()
    wanted[17:27, 1] -= speaker.brow_lift * eye_height * 2.5
    return wanted


def _reshape(portrait: Portrait, speaker: Speaker) -> Portrait:
    """Moves the landmarks to their wanted places with a thin-plate spline that leaves the canvas' border alone."""
    wanted = _wanted_landmarks(portrait.landmarks, speaker)
    edge = np.linspace(0, CANVAS_PX - 1, 6)
    border = np.array([(x, y) for x in edge for y in edge if x in edge[[0, -1]] or y in edge[[0, -1]]])
    suit = np.array([(x, CANVAS_PX * 0.88) for x in np.linspace(0.15, 0.85, 6) * CANVAS_PX])
    fixed = np.concatenate([border, suit])
    to_source = RBFInterpolator(
        np.concatenate([wanted, fixed]),
        np.concatenate([portrait.landmarks, fixed]),
        kernel="thin_plate_spline",
        smoothing=0.1,
    )
    step = np.linspace(0, CANVAS_PX - 1, 65)
    coarse = to_source(np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)).reshape(65, 65, 2)
    x, y = np.meshgrid(*[np.linspace(0, 64, CANVAS_PX, dtype=np.float32)] * 2)
    source = cv2.remap(coarse.astype(np.float32), x, y, cv2.INTER_LINEAR)
    maps = source[..., 0], source[..., 1]
    rgb = cv2.remap(portrait.rgb, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    matte = cv2.remap(portrait.matte, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Portrait(rgb, matte, wanted)


def _regions(portrait: Portrait) -> tuple[Plane, Plane, Plane]:
    """Soft coverage of skin, hair and suit, each (512, 512, 1) float32; together at most 1."""
    height, across = np.mgrid[0:CANVAS_PX, 0:CANVAS_PX]
    chin_y = portrait.landmarks[8, 1]
    ycrcb = cv2.cvtColor(cv2.GaussianBlur(portrait.rgb, (0, 0), 1.5), cv2.COLOR_RGB2YCrCb).astype(np.float32)
    face = np.zeros((CANVAS_PX, CANVAS_PX), np.uint8)
    outline = np.concatenate([portrait.landmarks[:17], portrait.landmarks[26:16:-1] - (0, 16)])
    cv2.fillPoly(face, [outline.round().astype(np.int32)], 1)
    warm = (ycrcb[..., 1] - ycrcb[..., 2] > 22) & (ycrcb[..., 0] > 105) & (height > portrait.landmarks[27, 1])
    neck = warm & (height < chin_y + 60) & (np.abs(across - portrait.landmarks[8, 0]) < 110)
    skin = cv2.GaussianBlur((neck | (face > 0)).astype(np.float32), (0, 0), 3.0)
    above = 1.0 - np.clip((height - (chin_y - 25)) / 20, 0, 1)
    hair = np.clip(portrait.matte - skin, 0, 1) * above
    suit = np.clip(portrait.matte - skin - hair, 0, 1)
    return tuple(plane[..., None].astype(np.float32) for plane in (skin, hair, suit))  # type: ignore[return-value]


def _recolour(portrait: Portrait, speaker: Speaker) -> Image:
    skin, hair, suit = _regions(portrait)
    rgb = portrait.rgb.astype(np.float32)
    # highlights stay bright, shadows take the tint
    brightness = (rgb.mean(axis=-1, keepdims=True) / 255.0) ** 0.25
    skin_rgb = rgb * (np.array(speaker.skin_gain, np.float32) ** (1.6 - 0.6 * brightness))
    mean = (rgb * hair).sum(axis=(0, 1)) / hair.sum()
    hair_rgb = (mean + (rgb - mean) * speaker.hair_contrast) * np.array(speaker.hair_gain, np.float32)
    hsv = cv2.cvtColor(portrait.rgb, cv2.COLOR_RGB2HSV)
    below_neck = np.clip((np.arange(CANVAS_PX, dtype=np.float32) - portrait.landmarks[8, 1] - 25) / 20, 0, 1)
    hsv[..., 0] = (hsv[..., 0].astype(np.int32) + speaker.suit_hue) % 180
    suit_rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)
    out = (
        rgb
        + skin * (skin_rgb - rgb)
        + hair * (hair_rgb - rgb)
        + suit * below_neck[:, None, None] * (suit_rgb - rgb)
    )
    across = np.linspace(-0.5, 0.5, CANVAS_PX, dtype=np.float32)[None, :, None]
    return np.asarray(np.clip(out * (1.0 + speaker.light * across), 0, 255), np.uint8)


def make_portrait(base: Portrait, speaker: Speaker) -> Portrait:
    """The speaker's face on the canvas, with its landmarks."""
    portrait = _reshape(_mirror(base) if speaker.mirrored else base, speaker)
    return Portrait(_recolour(portrait, speaker), portrait.matte, portrait.landmarks)


def make_background(speaker: Speaker, size_px: tuple[int, int], rng: np.random.Generator) -> Image:
    """A soft, blurred background of the speaker's two colours, (height, width, 3) uint8."""
    height, width = size_px
    coarse = rng.random((5, 7)).astype(np.float32)
    blend = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    blend = np.clip(0.15 + 0.7 * blend, 0, 1)
    first, second = (np.array(colour, np.float32) for colour in speaker.background)
    return np.asarray(first * blend + second * (1 - blend)).astype(np.uint8)
