"""The one photograph behind every synthetic speaker: scikit-image's portrait of an astronaut.

Eileen Collins, photographed by NASA (public domain); the image ships inside the scikit-image package, so nothing is
downloaded. Landmarks come from dlib's 68-point predictor, whose weights ship with face-recognition-models.
"""

import functools
from dataclasses import dataclass

import cv2
import dlib
import numpy as np
import skimage.data
from numpy.typing import NDArray

from cals_models.references import PackageFile

WINDOW_X, WINDOW_Y, WINDOW_PX = 93, 0, 260  # part of the photograph that is used
CANVAS_PX = 512  # size at which it is processed

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Portrait:
    """A face on a canvas.

    Attributes:
        rgb: (512, 512, 3) uint8.
        matte: (512, 512) float32, 1 on the person, 0 on the background.
        landmarks: (68, 2) x, y in canvas pixels, iBUG order.
    """

    rgb: Image
    matte: NDArray[np.float32]
    landmarks: Points


@functools.cache
def _predictor() -> tuple[dlib.fhog_object_detector, dlib.shape_predictor]:
    model = PackageFile("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat")
    weights = model.find()
    if weights is None:
        raise FileNotFoundError("the package face-recognition-models is not installed; run: pip install .")
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(str(weights))


def find_landmarks(rgb: Image) -> Points:
    """The 68 landmarks of the only face.

    Args:
        rgb: (H, W, 3) uint8.
    Returns:
        (68, 2) float64, x and y in pixels.
    Raises:
        ValueError: there is not exactly one face.
    """
    detector, predictor = _predictor()
    faces = detector(rgb, 0)
    if len(faces) != 1:
        raise ValueError(f"dlib finds {len(faces)} faces in the image; there should be 1")
    shape = predictor(rgb, faces[0])
    return np.array([(shape.part(i).x, shape.part(i).y) for i in range(68)], dtype=np.float64)


def _cut_out(rgb: Image, landmarks: Points) -> NDArray[np.float32]:
    """Person against background by GrabCut, started from an oval over hair and face and from the suit below."""
    mask = np.full(rgb.shape[:2], cv2.GC_PR_BGD, np.uint8)
    centre = landmarks[27]
    width = float(np.ptp(landmarks[:17, 0]))
    cv2.ellipse(
        mask,
        (int(centre[0]), int(centre[1])),
        (int(width * 0.95), int(width * 1.1)),
        0,
        0,
        360,
        cv2.GC_PR_FGD,
        -1,
    )
    chin_y = int(landmarks[8, 1])
    mask[chin_y - 10 :, 30:-30] = cv2.GC_PR_FGD
    cv2.fillConvexPoly(mask, landmarks[:27].round().astype(np.int32), cv2.GC_FGD)
    mask[: int(centre[1] - width * 1.1)] = cv2.GC_BGD
    saturation = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 1]
    mask[(saturation > 140) & (np.arange(len(rgb))[:, None] > chin_y)] = cv2.GC_FGD  # the orange suit
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(rgb[..., ::-1].copy(), mask, None, *models, 6, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(person)
    largest = 1 + int(np.argmax(stats[1:count, cv2.CC_STAT_AREA]))
    person = (labels == largest).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.0))


def load_portrait() -> Portrait:
    """The astronaut's face, enlarged to the canvas, cut out and with landmarks."""
    photograph = skimage.data.astronaut()
    scale = CANVAS_PX / WINDOW_PX
    window = photograph[WINDOW_Y : WINDOW_Y + WINDOW_PX, WINDOW_X : WINDOW_X + WINDOW_PX]
    rgb = cv2.resize(window, (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_CUBIC)
    landmarks = find_landmarks(rgb)
    matte = _cut_out(np.ascontiguousarray(window), landmarks / scale)
    matte = cv2.resize(matte, (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_CUBIC)
    return Portrait(rgb, np.clip((matte - 0.42) / 0.5, 0, 1).astype(np.float32), landmarks)
