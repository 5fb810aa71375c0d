"""Frame and landmark metrics of the paper's Table 3: PSNR, SSIM and LMD, each by a named protocol.

Published implementations disagree, so values compare only under the same protocol. Protocol ``primary``: 128 x 128
aligned face crops, 8-bit RGB, data range 255, a value per frame and then the mean over frames. Protocol ``atvgnet``:
LMD as the evaluation code of ATVGnet sums it (Chen et al., CVPR 2019); its PSNR wraps unsigned bytes and is not here.

Legend: T video frames, H, W height and width in pixels, P landmarks (68, iBUG 300-W order), D = 2 (x, y).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.shards.shard_format import CROP_SIZES_PX, NUM_LANDMARKS

DATA_RANGE = 255.0
MOUTH_LANDMARKS = slice(48, 68)

_SSIM_SIGMA = 1.5
_SSIM_BORDER = 5  # radius of the 11 x 11 Gaussian window: windows that leave the frame are not counted
_FRAMES_AT_ONCE = 5


class MetricError(ValueError):
    """Arguments that a metric cannot compare; the message says what would be right."""


def mouth_region(frames: Tensor) -> Tensor:
    """The part of a face crop that the pose prior hides: its lower half, at 128 px rows 64 to 127.

    Args:
        frames: (T, S, S, 3), S = 128 or 256, any dtype.

    Returns:
        (T, S / 2, S, 3), a view.

    Raises:
        MetricError: another shape.
    """
    if frames.ndim != 4 or frames.shape[1:] not in [(side, side, 3) for side in CROP_SIZES_PX]:
        raise MetricError(
            "the mouth region is defined on (T, 128, 128, 3) or (T, 256, 256, 3) crops; "
            f"got {tuple(frames.shape)}"
        )
    return frames[:, frames.shape[1] // 2 :]


def psnr(preds: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each frame, 10 log10(255^2 / MSE), in dB; higher is better.

    The squared error is averaged over rows, columns and the three colours of a frame. A frame that equals its
    target has no finite PSNR: its value is ``inf``, which the caller reports and does not average.

    Args:
        preds: uint8 (T, H, W, 3), RGB.
        target: uint8 (T, H, W, 3), RGB.

    Returns:
        float32 (T,), dB.

    Raises:
        MetricError: shapes differ, there is no frame, or the frames are not 8-bit RGB.

    Source: the definition; checked against scikit-image in the tests.

    Example:
        >>> black = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
        >>> psnr(black + 255, black)
        tensor([0.])
    """
    _check_frames(preds, target)
    values = [
        10 * torch.log10(DATA_RANGE**2 / (some.float() - true.float()).square().mean(dim=(1, 2, 3)))
        for some, true in zip(_few(preds), _few(target), strict=True)
    ]
    return torch.cat(values)


def ssim(preds: Tensor, target: Tensor) -> Tensor:
    """Structural similarity of each frame, at most 1; higher is better.

    Wang et al. 2004: Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, data range 255, each colour by
    itself and then the mean; only windows inside the frame count.

    Args:
        preds: uint8 (T, H, W, 3), RGB, H and W at least 11.
        target: uint8 (T, H, W, 3), RGB.

    Returns:
        float32 (T,).

    Raises:
        MetricError: shapes differ, there is no frame, the frames are not 8-bit RGB or are smaller than the window.

    Source: equation 13 of that paper; checked against scikit-image (``gaussian_weights``, ``sigma=1.5``, ``use_sample_covariance=False``) in the tests.

    Example:
        >>> frame = torch.arange(16 * 16 * 3).reshape(1, 16, 16, 3).to(torch.uint8)
        >>> ssim(frame, frame)
        tensor([1.])
    """
    _check_frames(preds, target)
    window = 2 * _SSIM_BORDER + 1
    if min(preds.shape[1:3]) < window:
        raise MetricError(
            f"SSIM needs frames of at least {window} x {window} px; got {tuple(preds.shape[1:3])}"
        )
    return torch.cat([_ssim_of_few(some, true) for some, true in zip(_few(preds), _few(target), strict=True)])


def _ssim_of_few(preds: Tensor, target: Tensor) -> Tensor:
    num_frames, height, width, colours = preds.shape

    def planes(frames: Tensor) -> Tensor:
        # one image of T * 3 channels: the grouped convolution that this becomes is several times faster
        return frames.permute(0, 3, 1, 2).reshape(1, num_frames * colours, height, width).float()

    x, y = planes(preds), planes(target)
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = _smooth(torch.cat([x, y, x * x, y * y, x * y]))
    c1, c2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2
    variances = (mean_xx - mean_x * mean_x).clamp_min(0) + (mean_yy - mean_y * mean_y).clamp_min(0)
    covariance = mean_xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    values: Tensor = (luminance * structure).reshape(num_frames, -1).mean(dim=1)
    return values


def _smooth(planes: Tensor) -> Tensor:
    """Gaussian window (11 x 11, sigma 1.5) over planes (K, P, H, W), inside them only: (K, P, H - 10, W - 10)."""
    offsets = torch.arange(-_SSIM_BORDER, _SSIM_BORDER + 1, dtype=torch.float32, device=planes.device)
    weights = torch.exp(-(offsets**2) / (2 * _SSIM_SIGMA**2))
    channels = planes.shape[1]
    kernel = (weights / weights.sum()).expand(channels, 1, len(offsets))
    along_rows = F.conv2d(planes, kernel[:, :, None, :], groups=channels)
    return F.conv2d(along_rows, kernel[:, :, :, None], groups=channels)


def _few(frames: Tensor) -> tuple[Tensor, ...]:
    """Groups of frames that fit into the processor's cache."""
    return torch.split(frames, _FRAMES_AT_ONCE)  # type: ignore[no-any-return]


def lmd(preds: Tensor, target: Tensor) -> Tensor:
    """Landmark distance of the mouth in each frame, protocol ``primary``, in crop pixels; lower is better.

    Points 48 to 67 of each frame are centred on their own mean, so that the position of the head does not count; the
    value is the mean over the 20 points of the Euclidean distance between corresponding points.

    Args:
        preds: float (T, 68, 2), pixels of the face crop, (x, y).
        target: float (T, 68, 2), from the same detector.

    Returns:
        float64 (T,), pixels.

    Raises:
        MetricError: shapes differ or are not (T, 68, 2), there is no frame, or a coordinate is not finite.

    Source: Chen et al., ECCV 2018 (LMD); centring and mean as in docs/evaluation.md.

    Example:
        >>> still = torch.zeros(1, 68, 2)
        >>> moved = still.clone()
        >>> moved[0, 48] = torch.tensor([19.0, 0.0])
        >>> lmd(moved, still)
        tensor([1.8050], dtype=torch.float64)
    """
    return _mouth_distances(preds, target).mean(dim=1)


def lmd_atvgnet(preds: Tensor, target: Tensor) -> Tensor:
    """Landmark distance of the mouth in each frame, protocol ``atvgnet``: the sum over the 20 points, in pixels.

    The same centred points as `lmd`, summed and not averaged, as ATVGnet's ``evaluation_matrix.py`` does; so it is 20
    times the primary value where the landmarks are the same. Lower is better. Arguments, result and errors as `lmd`.
    """
    return _mouth_distances(preds, target).sum(dim=1)


def _mouth_distances(preds: Tensor, target: Tensor) -> Tensor:
    """Distances (T, 20) between the centred mouth points."""
    if preds.shape != target.shape:
        raise MetricError(
            f"landmarks of the same frames are needed; got {tuple(preds.shape)}, {tuple(target.shape)}"
        )
    if preds.ndim != 3 or preds.shape[1:] != (NUM_LANDMARKS, 2) or len(preds) == 0:
        raise MetricError(f"landmarks must be (T, {NUM_LANDMARKS}, 2) with T >= 1; got {tuple(preds.shape)}")
    if not (torch.isfinite(preds).all() and torch.isfinite(target).all()):
        raise MetricError("landmarks hold NaN or infinity; leave out the frames in which no face was found")
    centred = [
        mouth - mouth.mean(dim=1, keepdim=True)
        for mouth in (preds[:, MOUTH_LANDMARKS].double(), target[:, MOUTH_LANDMARKS].double())
    ]
    distances: Tensor = torch.linalg.vector_norm(centred[0] - centred[1], dim=2)
    return distances


def _check_frames(preds: Tensor, target: Tensor) -> None:
    if preds.shape != target.shape:
        raise MetricError(
            f"frames of equal number and size are needed; got {tuple(preds.shape)}, {tuple(target.shape)}"
        )
    if preds.ndim != 4 or preds.shape[3] != 3 or len(preds) == 0:
        raise MetricError(f"frames must be (T, H, W, 3) with T >= 1; got {tuple(preds.shape)}")
    if preds.dtype != torch.uint8 or target.dtype != torch.uint8:
        raise MetricError(f"frames must be uint8, 0 to 255; got {preds.dtype} and {target.dtype}")
