"""The metrics of the paper's tables, and PSNR and SSIM of the mouth region, as tables print them.

Torch is imported when a metric is computed: publishing the warehouse reads these declarations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.metrics.metric_kinds import FrameMetric, LandmarkMetric
from assets.store.metrics import Metric

if TYPE_CHECKING:
    from torch import Tensor

EVALUATOR = "cals_models.metrics"
EQUAL_FRAMES = "equal the true ones: no finite PSNR"


def _psnr(preds: Tensor, target: Tensor) -> Tensor:
    from cals_models.metrics.crop_metrics import psnr

    return psnr(preds, target)


def _ssim(preds: Tensor, target: Tensor) -> Tensor:
    from cals_models.metrics.crop_metrics import ssim

    return ssim(preds, target)


def _lmd(preds: Tensor, target: Tensor) -> Tensor:
    from cals_models.metrics.crop_metrics import lmd

    return lmd(preds, target)


def _lmd_atvgnet(preds: Tensor, target: Tensor) -> Tensor:
    from cals_models.metrics.crop_metrics import lmd_atvgnet

    return lmd_atvgnet(preds, target)


def psnr_of_mouth(preds: Tensor, target: Tensor) -> Tensor:
    """PSNR of the mouth region of crops uint8 (T, S, S, 3): float32 (T,), dB."""
    from cals_models.metrics.crop_metrics import mouth_region, psnr

    return psnr(mouth_region(preds), mouth_region(target))


def ssim_of_mouth(preds: Tensor, target: Tensor) -> Tensor:
    """SSIM of the mouth region of crops uint8 (T, S, S, 3): float32 (T,)."""
    from cals_models.metrics.crop_metrics import mouth_region, ssim

    return ssim(mouth_region(preds), mouth_region(target))


PSNR = FrameMetric(
    label="PSNR",
    unit="dB",
    better="higher",
    decimals=2,
    description="peak signal-to-noise ratio of the 128x128 crop against the true crop, mean over frames; the upper "
    "half is given, which raises it",
    per_frame=_psnr,
    evaluator=EVALUATOR,
    not_finite=EQUAL_FRAMES,
    any_size=True,
)
SSIM = FrameMetric(
    label="SSIM",
    unit="1",
    better="higher",
    decimals=3,
    description="structural similarity of the 128x128 crop with the true crop, mean over frames; the upper half is "
    "given, which raises it",
    per_frame=_ssim,
    evaluator=EVALUATOR,
    any_size=True,
)
LMD = LandmarkMetric(
    label="LMD",
    unit="px",
    better="lower",
    decimals=3,
    description="mean distance of the 20 mouth landmarks, each frame centred on its own mean, in crop pixels",
    per_frame=_lmd,
    other_protocols={"atvgnet": _lmd_atvgnet},
    any_size=True,
)
LSE_D = Metric(
    label="LSE-D",
    unit="1",
    better="lower",
    decimals=3,
    description="lip-sync error distance: smallest mean distance between lip and audio embeddings over 31 shifts",
)
LSE_C = Metric(
    label="LSE-C",
    unit="1",
    better="higher",
    decimals=3,
    description="lip-sync error confidence: median minus smallest of those mean distances",
)
PSNR_MOUTH = FrameMetric(
    label="PSNR mouth",
    unit="dB",
    better="higher",
    decimals=2,
    description="PSNR of crop rows 64 to 127, the half that a method generates",
    per_frame=psnr_of_mouth,
    evaluator=EVALUATOR,
    not_finite=EQUAL_FRAMES,
)
SSIM_MOUTH = FrameMetric(
    label="SSIM mouth",
    unit="1",
    better="higher",
    decimals=3,
    description="SSIM of crop rows 64 to 127, the half that a method generates",
    per_frame=ssim_of_mouth,
    evaluator=EVALUATOR,
)
