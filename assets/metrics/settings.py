"""Settings of `clip_metrics`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assets.project.setting_types import Device, FaceBackend, Sha256
from cals_models.declarations.bounds import CountOrZero, ShareBelowOne
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class MetricSettings(Settings):
    """How rendered clips are scored.

    Args:
        landmark_backend: finds the landmarks of LMD on both crops: ``dlib`` (CPU, no download) or ``face_alignment``.
        max_undetected_share: share of frames without a face, in the render or in the truth, above which a clip has
            no LMD.
        lse_weights: path of the public ``syncnet_v2.model``; empty takes the evaluator trained in the pipeline.
        lse_weights_sha256: digest that file must have; empty takes any file whose layers fit.
        lse_dtype: ``float32`` for values to report; ``bfloat16`` is faster and differs by about 0.3 % in LSE-D.
        lse_jpeg: also score through the JPEG files of the public code (protocols ``lse_crop_jpeg`` and
            ``lse_real_jpeg``), to compare with older values.
        lpips_weights: path of torchvision's AlexNet (``alexnet-owt-7be5be79.pth``), for LPIPS; empty measures none.
        lpips_weights_sha256: digest that file must have, 64 hex digits as ``sha256sum`` prints them.
        fid_weights: path of torch-fidelity's Inception v3 (``weights-inception-2015-12-05-6726825d.pth``), for FID;
            empty measures none.
        fid_weights_sha256: digest that file must have.
        csim_frames: frames of a clip, evenly spread, on which CSIM compares the face's identity; 0 measures none.
        device: of the networks: ``auto`` takes a GPU where there is one.
    """

    landmark_backend: FaceBackend = "dlib"
    max_undetected_share: ShareBelowOne = 0.5
    lse_weights: str = ""
    lse_weights_sha256: Sha256 = "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442"
    lse_dtype: Literal["float32", "bfloat16"] = "float32"
    lse_jpeg: bool = False
    lpips_weights: str = ""
    lpips_weights_sha256: Sha256 = ""
    fid_weights: str = ""
    fid_weights_sha256: Sha256 = ""
    csim_frames: CountOrZero = 4
    device: Device = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lpips_weights", "fid_weights"):
            path, sha256 = getattr(self, name), getattr(self, f"{name}_sha256")
            if path and not sha256:
                raise ValueError(
                    f"{name}_sha256 is {sha256!r}; give the 64 hex digits that `sha256sum {path}` prints"
                )
            if sha256 and not path:
                raise ValueError(f"{name}_sha256 is given, but {name} is empty; name the file or empty both")
