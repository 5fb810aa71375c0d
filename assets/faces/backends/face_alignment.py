"""Faces with the networks of the package ``face-alignment``: SFD detector and FAN-4 landmarks, on RGB, batched.

This is the part that each process does for its own clip: cutting the networks' inputs and converting their answers to
pixels of the image. The networks run in this process or in one that several share. The package itself takes one image
at a time and rounds landmarks to whole pixels.

Source: https://github.com/1adrianb/face-alignment
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import Detection, Image
from assets.faces.settings import TrackSettings

SFD_MEAN_BGR = (104, 117, 123)
SFD_MULTIPLE_PX = 64

FAN_INPUT_PX = 256
FAN_HEATMAP_PX = 64
# The package's own square: side in box widths plus heights, and shift up in box heights.
FAN_SIDE_PER_BOX = 200 / 195
FAN_SHIFT_UP = 0.12
# Mean height of FAN's peaks from which it is sure of a face.
FACE_PEAK = 0.4

ImageBatch = NDArray[np.uint8]
"""(N, H, W, 3): images of one size, for one forward pass."""
Item = TypeVar("Item")


class Networks(Protocol):
    """SFD and FAN, wherever they run. What is found in an image depends on that image alone, up to rounding."""

    def detect(self, images: ImageBatch) -> list[list[Detection]]:
        """Faces of each image, best first: BGR, sides multiples of 64, padded with ``SFD_MEAN_BGR``."""
        ...

    def landmarks(self, images: ImageBatch) -> NDArray[np.float32]:
        """(N, 68, 3) x and y in cells of FAN's 64x64 map and height of the peak there, from RGB 256x256."""
        ...


class FaceAlignmentBackend:
    """Cuts inputs for SFD and FAN, and passes them on in batches."""

    name = "face_alignment"
    reads_luma = False
    min_detectable_px = 24.0
    followed_px = 96.0
    sure_confidence = 0.95
    doubtful_confidence = 0.7

    def __init__(self, networks: Networks, *, batch_frames: int) -> None:
        self.batch_frames = batch_frames
        self._networks = networks

    def detect(self, images: list[Image]) -> list[list[Detection]]:
        """Images share a pass only where they pad to the same size: none changes what is found in another."""
        found: list[list[Detection]] = [[] for _ in images]
        sizes = [_sfd_size(image) for image in images]
        for size in dict.fromkeys(sizes):
            of_this_size = [number for number, other in enumerate(sizes) if other == size]
            for numbers in _batches(of_this_size, self.batch_frames):
                batch = np.stack([_sfd_image(images[number], size) for number in numbers])
                for number, faces in zip(numbers, self._networks.detect(batch), strict=True):
                    found[number] = faces
        return found

    def landmarks(self, images: list[Image], boxes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return self._points_and_peaks(images, boxes)[0]

    def is_face(self, image: Image) -> bool:
        """Whether FAN is sure of the points: its heat maps peak near 1 on a face and stay low elsewhere."""
        height, width = image.shape[:2]
        box = np.array([width / 4, height / 4, width * 3 / 4, height * 3 / 4], np.float32)
        return float(self._points_and_peaks([image], [box])[1].mean()) >= FACE_PEAK

    def _points_and_peaks(
        self, images: list[Image], boxes: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        squares = [fan_square(box) for box in boxes]
        answers = []
        for pairs in _batches(list(zip(images, squares, strict=True)), self.batch_frames):
            batch = np.stack([_fan_image(image, square) for image, square in pairs])
            answers.append(self._networks.landmarks(batch))
        found, placed = np.concatenate(answers), np.stack(squares)[:, None]
        points = found[..., :2] * (placed[..., 2:] / FAN_HEATMAP_PX) + placed[..., :2] - 0.5
        return points.astype(np.float32), found[..., 2]


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _sfd_size(image: Image) -> tuple[int, int]:
    """Height and width of an image as SFD reads it."""
    height, width = (-(-side // SFD_MULTIPLE_PX) * SFD_MULTIPLE_PX for side in image.shape[:2])
    return height, width


def _sfd_image(image: Image, size: tuple[int, int]) -> Image:
    """The image as BGR in the upper left corner; the rest has the mean colour, which is 0 for SFD."""
    padded = np.full((*size, 3), SFD_MEAN_BGR, np.uint8)
    padded[: image.shape[0], : image.shape[1]] = image[..., ::-1]
    return padded


def fan_square(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3,) float32 left, top and side, in pixel edges, of the square that FAN reads for a box (4,)."""
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    side = max((width + height) * FAN_SIDE_PER_BOX, 1.0)
    centre = (box[:2] + box[2:]) / 2
    left, top = float(centre[0]) - side / 2, float(centre[1]) - FAN_SHIFT_UP * height - side / 2
    return np.array([left, top, side], np.float32)


def _fan_image(image: Image, square: NDArray[np.float32]) -> Image:
    """FAN's input: (256, 256, 3) of the square, black outside the image."""
    scale = FAN_INPUT_PX / float(square[2])
    reduction = max(1, int(1 / scale))
    if reduction > 1:
        size = (max(1, image.shape[1] // reduction), max(1, image.shape[0] // reduction))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    zoom = scale * reduction
    left, top = square[:2] / reduction
    shift = [(0.5 - edge) * zoom - 0.5 for edge in (float(left), float(top))]
    transform = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    drawn: Image = cv2.warpAffine(image, transform, (FAN_INPUT_PX, FAN_INPUT_PX), flags=cv2.INTER_LINEAR)
    return drawn


def open_backend(settings: TrackSettings, networks_socket: str | None) -> FaceAlignmentBackend:
    """The back end with networks of its own, or with those of another process."""
    networks = _open_networks(settings.device, networks_socket)
    return FaceAlignmentBackend(networks, batch_frames=settings.batch_frames)


def _open_networks(device: str, socket: str | None = None) -> Networks:
    if socket is not None:
        from assets.faces.backends.shared import SharedNetworks

        return SharedNetworks(socket)
    from assets.faces.backends.face_networks import FaceNetworks

    return FaceNetworks.from_cache(device=device)


@contextmanager
def shared_networks(settings: TrackSettings, num_workers: int) -> Iterator[str | None]:
    """Yields the socket of a process that owns the networks for all workers; None without workers."""
    if num_workers == 0:
        yield None
        return
    from assets.faces.backends.shared import served

    open_networks = partial(_open_networks, settings.device)
    with served(open_networks, batch_frames=settings.batch_frames) as socket:
        yield socket
