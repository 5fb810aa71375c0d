"""SFD and FAN-4 on one device: whole forward passes in, faces and points out.

The networks are those of the package ``face-alignment``; their weights are read from the torch hub cache. Their outputs
are decoded here, since the package decodes candidates in a Python loop, one image at a time. The landmark model was
trained on data whose terms exclude commercial use.

Source: Zhang et al. 2017 (S3FD); Bulat & Tzimiropoulos 2017 (FAN); https://github.com/1adrianb/face-alignment
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assets.faces.backends.face_alignment import SFD_MEAN_BGR, ImageBatch
from assets.faces.backends.interface import BackendUnavailableError, Detection
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
SFD_VARIANCES = (0.1, 0.2)


class FaceNetworks:
    """SFD and FAN, built by the caller, on one device. Each call is one forward pass over images of one size."""

    def __init__(self, detector: torch.nn.Module, aligner: torch.nn.Module, *, device: str) -> None:
        """Takes networks with the interfaces of the package's ``s3fd`` and ``FAN``."""
        self.device = torch.device(device)
        self._mean = torch.tensor(SFD_MEAN_BGR, dtype=torch.float32, device=self.device).reshape(3, 1, 1)
        self._detector = detector.eval().to(self.device).to(memory_format=torch.channels_last)
        self._aligner = aligner.eval().to(self.device).to(memory_format=torch.channels_last)

    @classmethod
    def from_cache(cls, *, device: str) -> FaceNetworks:
        """Loads both networks from the torch hub cache; nothing is downloaded.

        Args:
            device: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            BackendUnavailableError: the package or a weights file is missing or damaged, or there is no GPU.
        """
        weights = [read_weights(path) for path in weight_files()]
        detector, aligner = build_networks()
        detector.load_state_dict(weights[0])
        aligner.load_state_dict(weights[1])
        return cls(detector, aligner, device=_device(device))

    @torch.inference_mode()
    def detect(self, images: ImageBatch) -> list[list[Detection]]:
        outputs = self._detector(self._to_device(images) - self._mean)
        return decode_detections([level.float() for level in outputs])

    @torch.inference_mode()
    def landmarks(self, images: ImageBatch) -> NDArray[np.float32]:
        batch = self._to_device(images) / 255
        heatmaps = self._aligner(batch)[-1].float()
        mirrored = self._aligner(batch.flip(-1))[-1].float().flip(-1)[:, MIRRORED]
        points, peaks = decode_heatmaps((heatmaps + mirrored) / 2)
        found: NDArray[np.float32] = torch.cat([points, peaks[..., None]], dim=-1).cpu().numpy()
        return found

    def _to_device(self, images: ImageBatch) -> torch.Tensor:
        """(N, H, W, 3) uint8 -> (N, 3, H, W) float32, channels last."""
        return torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float()


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
    """Paths of both networks' weights, whether the files exist or not."""
    return [Path(torch.hub.get_dir()) / "checkpoints" / name for name in (DETECTOR_WEIGHTS, LANDMARK_WEIGHTS)]


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Weights from the torch hub cache, checked against the digest that is part of the name.

    Raises:
        BackendUnavailableError: the file is missing, or its digest differs.
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
    """Faces from SFD's outputs, best first, without those that overlap a better one.

    Args:
        outputs: for each of the six strides 4, 8, .. 128 class logits (B, 2, h, w), then offsets (B, 4, h, w).

    Returns:
        For each of the B images its faces, boxes in its pixels.
    """
    boxes, scores = [], []
    for level in range(len(outputs) // 2):
        stride = 2 ** (level + 2)
        logits, offsets = outputs[2 * level], outputs[2 * level + 1]
        _, _, height, width = logits.shape
        down, across = (torch.arange(side, device=logits.device) for side in (height, width))
        rows, columns = torch.meshgrid(down, across, indexing="ij")
        centres = torch.stack([columns, rows]).float() * stride + stride / 2
        middle = centres + offsets[:, :2] * SFD_VARIANCES[0] * 4 * stride
        half = 2 * stride * torch.exp(offsets[:, 2:] * SFD_VARIANCES[1])
        boxes.append(torch.cat([middle - half, middle + half], dim=1).flatten(2))
        scores.append(logits.softmax(dim=1)[:, 1].flatten(1))
    all_boxes = torch.cat(boxes, dim=2).transpose(1, 2).cpu().numpy()
    all_scores = torch.cat(scores, dim=1).cpu().numpy()
    return [_without_overlaps(b, s) for b, s in zip(all_boxes, all_scores, strict=True)]


def _without_overlaps(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Detection]:
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


def decode_heatmaps(heatmaps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Points from heat maps: the highest cell, moved a quarter cell towards its higher neighbour.

    Args:
        heatmaps: (B, 68, H, W).

    Returns:
        (B, 68, 2) x and y in cells, counted from the edge of the map, and (B, 68) heights of the peaks.
    """
    _, num_points, height, width = heatmaps.shape
    assert num_points == NUM_POINTS
    cells = heatmaps.flatten(2)
    peaks, best = cells.max(dim=-1)
    rows, columns = best // width, best % width
    inside = (columns > 0) & (columns < width - 1) & (rows > 0) & (rows < height - 1)
    inner = best.where(inside, width + 1)  # any cell that has four neighbours

    def slope(step: int) -> torch.Tensor:
        after, before = (cells.gather(-1, (inner + k)[..., None])[..., 0] for k in (step, -step))
        return 0.25 * (after - before).sign() * inside

    return torch.stack([columns + 0.5 + slope(1), rows + 0.5 + slope(width)], dim=-1), peaks
