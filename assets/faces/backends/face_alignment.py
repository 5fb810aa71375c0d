"""Faces with the networks of the package ``face-alignment``: SFD detector and FAN-4 landmarks, on RGB, batched.

The networks are the package's, its weights lie in the torch hub cache; reading them, batching and decoding are
done here: the package takes one image at a time, decodes candidates in a Python loop and cuts landmarks to whole
pixels. The landmark model was trained on data whose terms exclude commercial use.

Source: Zhang et al. 2017 (S3FD); Bulat & Tzimiropoulos 2017 (FAN); https://github.com/1adrianb/face-alignment
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from assets.faces.backends.interface import BackendUnavailableError, Detection, Image
from assets.faces.landmarks import MIRRORED, NUM_POINTS, overlaps

DETECTOR_WEIGHTS = "s3fd-619a316812.pth"
LANDMARK_WEIGHTS = "2DFAN4-11f355bf06.pth.tar"
FAN_MODULES = 4
REMEDY = (
    'fetch the weights once, on a machine with internet, with: python -c "from face_alignment import '
    "FaceAlignment, LandmarksType; FaceAlignment(LandmarksType.TWO_D, device='cpu', compile=False)\" "
    "(TORCH_HOME says where), or set backend: dlib, which needs no download"
)

LOWEST_CONFIDENCE = 0.5
SAME_FACE_OVERLAP = 0.3
SFD_MEAN_BGR = np.array([104.0, 117.0, 123.0], np.float32)
SFD_VARIANCES = (0.1, 0.2)
SFD_MULTIPLE_PX = 64

FAN_INPUT_PX = 256
FAN_HEATMAP_PX = 64
FAN_SIDE_PER_BOX = 200 / 195
FAN_SHIFT_UP = 0.12
FACE_PEAK = 0.4
Item = TypeVar("Item")


class FaceAlignmentBackend:
    """SFD and FAN, given built, on one device."""

    name = "face_alignment"
    reads_luma = False
    min_detectable_px = 24.0
    followed_px = 96.0
    sure_confidence = 0.95
    doubtful_confidence = 0.7

    def __init__(
        self, detector: torch.nn.Module, aligner: torch.nn.Module, *, device: str, batch_frames: int
    ) -> None:
        """Takes networks with the interfaces of the package's ``s3fd`` and ``FAN``."""
        self.device = torch.device(device)
        self.batch_frames = batch_frames
        self._detector = detector.eval().to(self.device).to(memory_format=torch.channels_last)
        self._aligner = aligner.eval().to(self.device).to(memory_format=torch.channels_last)

    @classmethod
    def from_cache(cls, *, device: str, batch_frames: int) -> FaceAlignmentBackend:
        """Loads both networks from the torch hub cache; nothing is downloaded.

        Args:
            device: ``auto``, ``cpu`` or ``cuda``.
            batch_frames: frames a forward pass.

        Raises:
            BackendUnavailableError: the package or a weights file is missing or damaged, or there is no GPU.
        """
        weights = [read_weights(path) for path in weight_files()]
        detector, aligner = build_networks()
        detector.load_state_dict(weights[0])
        aligner.load_state_dict(weights[1])
        return cls(detector, aligner, device=_device(device), batch_frames=batch_frames)

    @torch.inference_mode()
    def detect(self, images: list[Image]) -> list[list[Detection]]:
        found: list[list[Detection]] = []
        for group in _batches(images, self.batch_frames):
            height, width = (
                -(-max(image.shape[axis] for image in group) // SFD_MULTIPLE_PX) * SFD_MULTIPLE_PX
                for axis in (0, 1)
            )
            inputs = np.zeros((len(group), height, width, 3), np.float32)
            for number, image in enumerate(group):
                inputs[number, : image.shape[0], : image.shape[1]] = image[..., ::-1] - SFD_MEAN_BGR
            outputs = self._detector(self._to_device(inputs))
            found += decode_detections([level.float().cpu() for level in outputs])
        return found

    def landmarks(self, images: list[Image], boxes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return self._points_and_peaks(images, boxes)[0]

    def is_face(self, image: Image) -> bool:
        """Whether FAN is sure of the points: its heat maps peak near 1 on a face and stay low elsewhere."""
        height, width = image.shape[:2]
        box = np.array([width / 4, height / 4, width * 3 / 4, height * 3 / 4], np.float32)
        return float(self._points_and_peaks([image], [box])[1].mean()) >= FACE_PEAK

    @torch.inference_mode()
    def _points_and_peaks(
        self, images: list[Image], boxes: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        points, peaks = [], []
        for group in _batches(list(zip(images, boxes, strict=True)), self.batch_frames):
            frames = [fan_frame(box) for _, box in group]
            inputs = np.stack(
                [_fan_input(image, frame) for (image, _), frame in zip(group, frames, strict=True)]
            )
            batch = self._to_device(inputs)
            heatmaps = self._aligner(batch)[-1].float()
            mirrored = self._aligner(batch.flip(-1))[-1].float().flip(-1)[:, MIRRORED]
            cells, heights = decode_heatmaps(((heatmaps + mirrored) / 2).cpu().numpy())
            for frame, face in zip(frames, cells, strict=True):
                points.append(face * (frame[2] / FAN_HEATMAP_PX) + frame[:2] - 0.5)
            peaks.append(heights)
        return np.stack(points).astype(np.float32), np.concatenate(peaks)

    def _to_device(self, images: NDArray[np.float32]) -> torch.Tensor:
        """(N, H, W, 3) -> (N, 3, H, W), channels last."""
        return torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def build_networks() -> tuple[Any, Any]:
    """SFD and FAN-4 as the package defines them, without weights.

    Raises:
        BackendUnavailableError: the package is missing.
    """
    try:
        from face_alignment.detection.sfd.net_s3fd import s3fd
        from face_alignment.models import FAN
    except ImportError as error:
        raise BackendUnavailableError(
            f"face-alignment can't be imported ({error}): pip install face-alignment"
        ) from error
    return s3fd(), FAN(FAN_MODULES)


def weight_files() -> list[Path]:
    """Where the weights of both networks lie, whether they are there or not."""
    return [Path(torch.hub.get_dir()) / "checkpoints" / name for name in (DETECTOR_WEIGHTS, LANDMARK_WEIGHTS)]


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Weights from the torch hub cache, checked against the digest that is part of the name.

    Raises:
        BackendUnavailableError: the file is missing, or its digest is another.
    """
    if not path.is_file():
        raise BackendUnavailableError(f"{path} is missing; {REMEDY}")
    match = re.search(r"-([0-9a-f]{8,})\.", path.name)
    assert match is not None, f"{path.name} holds no digest"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(match[1]):
        raise BackendUnavailableError(
            f"{path} is damaged: sha256 starts with {digest[:10]}, not {match[1]}; delete it, then {REMEDY}"
        )
    weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise BackendUnavailableError(f"device is {name}, but torch sees no GPU; set device: cpu or auto")
    return name


def decode_detections(outputs: list[torch.Tensor]) -> list[list[Detection]]:
    """Faces from SFD's outputs, best first, one for each place.

    Args:
        outputs: for each of the six strides 4, 8, .. 128 class logits (B, 2, h, w), then offsets (B, 4, h, w).
    """
    boxes, scores = [], []
    for level in range(len(outputs) // 2):
        stride = 2 ** (level + 2)
        logits, offsets = outputs[2 * level], outputs[2 * level + 1]
        _, _, height, width = logits.shape
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres = torch.stack([columns, rows]).float() * stride + stride / 2
        middle = centres + offsets[:, :2] * SFD_VARIANCES[0] * 4 * stride
        half = 2 * stride * torch.exp(offsets[:, 2:] * SFD_VARIANCES[1])
        boxes.append(torch.cat([middle - half, middle + half], dim=1).flatten(2))
        scores.append(logits.softmax(dim=1)[:, 1].flatten(1))
    all_boxes = torch.cat(boxes, dim=2).transpose(1, 2).numpy()
    all_scores = torch.cat(scores, dim=1).numpy()
    return [_best_of_each_place(b, s) for b, s in zip(all_boxes, all_scores, strict=True)]


def _best_of_each_place(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Detection]:
    kept: list[Detection] = []
    sure = scores > LOWEST_CONFIDENCE
    order = np.argsort(-scores[sure], kind="stable")
    boxes, scores = boxes[sure][order], scores[sure][order]
    while len(boxes):
        kept.append(Detection(box=boxes[0], confidence=float(scores[0])))
        apart = overlaps(boxes[0], boxes) <= SAME_FACE_OVERLAP
        apart[0] = False
        boxes, scores = boxes[apart], scores[apart]
    return kept


def fan_frame(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square that FAN sees for a box: left, top, side, in pixel edges."""
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    side = max((width + height) * FAN_SIDE_PER_BOX, 1.0)
    centre = (box[:2] + box[2:]) / 2
    left, top = float(centre[0]) - side / 2, float(centre[1]) - FAN_SHIFT_UP * height - side / 2
    return np.array([left, top, side], np.float32)


def _fan_input(image: Image, frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """(256, 256, 3) float32, 0..1; black outside of the image."""
    scale = FAN_INPUT_PX / float(frame[2])
    reduction = max(1, int(1 / scale))
    if reduction > 1:
        size = (max(1, image.shape[1] // reduction), max(1, image.shape[0] // reduction))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    zoom = scale * reduction
    left, top = frame[:2] / reduction
    shift = [(0.5 - edge) * zoom - 0.5 for edge in (float(left), float(top))]
    transform = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    drawn = cv2.warpAffine(image, transform, (FAN_INPUT_PX, FAN_INPUT_PX), flags=cv2.INTER_LINEAR)
    inputs: NDArray[np.float32] = (drawn / np.float32(255)).astype(np.float32)
    return inputs


def decode_heatmaps(heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points from heat maps: the highest cell, moved a quarter cell towards its higher neighbour.

    Args:
        heatmaps: (B, 68, H, W).

    Returns:
        (B, 68, 2) x and y in cells, counted from the edge of the map, and (B, 68) heights of the peaks.
    """
    num, num_points, height, width = heatmaps.shape
    assert num_points == NUM_POINTS
    best = heatmaps.reshape(num, num_points, -1).argmax(axis=-1)
    rows, columns = np.divmod(best, width)
    padded = np.pad(heatmaps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    n, p = np.ogrid[:num, :num_points]
    across = padded[n, p, rows + 1, columns + 2] - padded[n, p, rows + 1, columns]
    down = padded[n, p, rows + 2, columns + 1] - padded[n, p, rows, columns + 1]
    inside = (columns > 0) & (columns < width - 1) & (rows > 0) & (rows < height - 1)
    x = columns + 0.5 + np.where(inside, 0.25 * np.sign(across), 0)
    y = rows + 0.5 + np.where(inside, 0.25 * np.sign(down), 0)
    return np.stack([x, y], axis=-1).astype(np.float32), heatmaps[n, p, rows, columns]
