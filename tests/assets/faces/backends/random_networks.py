"""Networks for tests whose answers say which image was in which pass; importable by other processes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.dlib import DlibBackend
from assets.faces.backends.face_alignment import (
    FAN_HEATMAP_PX,
    FAN_INPUT_PX,
    FAN_SHIFT_UP,
    FAN_SIDE_PER_BOX,
    ImageBatch,
    Networks,
)
from assets.faces.backends.interface import Detection

SLOW, FAILS, ENDS = 201, 202, 203
SLOW_S = 0.5


def images_of(value: int, number: int = 1, side: int = 64) -> ImageBatch:
    return np.full((number, side, side, 3), value, np.uint8)


class PassNetworks:
    """Answers each image's value as a box, and the number of images of its pass as the confidence."""

    def detect(self, images: ImageBatch) -> list[list[Detection]]:
        values = images.reshape(len(images), -1).max(axis=1)
        if ENDS in values:
            os.kill(os.getpid(), signal.SIGKILL)
        if FAILS in values:
            raise ArithmeticError("no such face")
        if SLOW in values:
            time.sleep(SLOW_S)
        return [[Detection(box=np.full(4, v, np.float32), confidence=float(len(values)))] for v in values]

    def landmarks(self, images: ImageBatch) -> NDArray[np.float32]:
        values = images.reshape(len(images), -1).max(axis=1)
        return np.broadcast_to(values[:, None, None], (len(values), 68, 3)).astype(np.float32)


class DlibNetworks:
    """dlib behind the interface of SFD and FAN: finds real faces without their weights."""

    def __init__(self) -> None:
        self._dlib = DlibBackend()

    def detect(self, images: ImageBatch) -> list[list[Detection]]:
        found = self._dlib.detect([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in images])
        return [[replace(face, confidence=0.99) for face in faces] for faces in found]

    def landmarks(self, images: ImageBatch) -> NDArray[np.float32]:
        side = FAN_INPUT_PX / FAN_SIDE_PER_BOX / 2
        middle = np.array([FAN_INPUT_PX / 2, FAN_INPUT_PX / 2 + FAN_SHIFT_UP * side])
        box = np.concatenate([middle - side / 2, middle + side / 2]).astype(np.float32)
        lumas = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
        points = (self._dlib.landmarks(lumas, [box] * len(lumas)) + 0.5) * (FAN_HEATMAP_PX / FAN_INPUT_PX)
        return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)


def untrained_networks() -> Networks:
    """SFD and FAN-4 in their real shapes, with the same random weights in every process."""
    import torch

    from assets.faces.backends.face_networks import FaceNetworks, build_networks

    torch.manual_seed(0)
    torch.set_num_threads(1)
    return FaceNetworks(*build_networks(), device="cpu")
