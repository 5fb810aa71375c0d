"""LSE-D and LSE-C, the lip-sync error metrics of Wav2Lip's evaluation on top of the public SyncNet code.

The protocol, with its quirks:

1. Video: whole frames resized to 224 x 224 (bilinear, as OpenCV rounds), BGR, 0 to 255, not normalised; windows of 5
   frames, one starting at each frame.
2. Audio: 13 cepstral coefficients of the int16 samples at 100 a second (python_speech_features' defaults); the window
   of frame t is coefficients 4t to 4t + 20.
3. ``min(frames, floor(samples / 640)) - 5`` windows; one more would fit, but the public code omits it.
4. Embeddings by network S, not normalised; Euclidean distance (with its eps of 1e-6) between each video window and the
   audio windows at 31 shifts, -15 to 15; beyond the ends the audio embedding is zero.
5. Mean over the windows of each shift: LSE-D is the least of the 31 means, LSE-C their median minus the least, the
   offset 15 - argmin. A positive offset means that the audio is early: delaying the audio by k frames lowers the offset
   by k.

The score of a data set is the unweighted mean over its clips. Short clips are compared with zero padding to a large part
(62 % of the comparisons at the extreme shift for 29 frames), so their values don't compare with those of longer clips.

The result is that of the public code; the computation is faster: the whole sequence at once, batch normalisation folded
into the weights, the first 3-D convolution as a 2-D one on 15 channels, pooling before ReLU (they commute),
channels-last.

Legend: T video frames (25 fps), N windows, D embedding width.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cals_models.metrics.mfcc import HOP_SAMPLES, cepstral_coefficients
from cals_models.metrics.resizing import resize_8bit
from cals_models.networks.syncnet import (
    INPUT_PX,
    WINDOW_FRAMES,
    WINDOW_MFCCS,
    SyncNet,
    flat_kernel,
    last_two,
)
from cals_models.timebase import SAMPLES_PER_FRAME

MFCCS_PER_FRAME = SAMPLES_PER_FRAME // HOP_SAMPLES
MAX_SHIFT_FRAMES = 15

_WINDOWS_AT_ONCE_CPU = 5  # larger batches leave the processor's cache: slower by a quarter
_WINDOWS_AT_ONCE_GPU = 128


class LseError(ValueError):
    """A clip to which the protocol cannot be applied; the message says what would be right."""


@dataclass(frozen=True, kw_only=True)
class LseResult:
    """LSE of one clip.

    Args:
        distance: LSE-D; lower is better.
        confidence: LSE-C; higher is better.
        offset_frames: 25-fps frames; positive where the audio is early.
        num_windows: video windows compared.
        mean_distances: the 31 mean distances, by shift from -15 to 15.
    """

    distance: float
    confidence: float
    offset_frames: int
    num_windows: int
    mean_distances: tuple[float, ...]


def num_windows(num_frames: int, num_samples: int) -> int:
    """How many windows the protocol compares: ``min(frames, floor(samples / 640)) - 5``.

    Args:
        num_frames: video frames at 25 fps.
        num_samples: audio samples at 16 kHz.

    Raises:
        LseError: fewer than 6 frames of video or of audio, so that there is no window.
    """
    windows = min(num_frames, num_samples // SAMPLES_PER_FRAME) - WINDOW_FRAMES
    if windows < 1:
        raise LseError(
            f"{num_frames} frames and {num_samples} samples ({num_samples // SAMPLES_PER_FRAME} frames of audio); "
            f"LSE needs at least {WINDOW_FRAMES + 1} frames of both"
        )
    return windows


def mfcc(audio: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Cepstral coefficients of the protocol.

    Args:
        audio: int16 (samples,), 16 kHz mono.

    Returns:
        float32 (13, frames), 100 a second.

    Raises:
        LseError: not int16 in one channel. (The level matters: floats in [-1, 1] have other coefficients.)
    """
    if audio.dtype != np.int16 or audio.ndim != 1:
        raise LseError(f"audio must be int16 (samples,), 16 kHz mono; got {audio.dtype} {audio.shape}")
    return np.ascontiguousarray(cepstral_coefficients(audio).T, dtype=np.float32)


def mfcc_windows(coefficients: Tensor, count: int) -> Tensor:
    """Audio windows of the first frames.

    Args:
        coefficients: float (13, 4T), from `mfcc`.
        count: N, windows.

    Returns:
        (N, 1, 13, 20), a view.

    Raises:
        LseError: the coefficients are too few for N windows.
    """
    windows = coefficients.unfold(1, WINDOW_MFCCS, MFCCS_PER_FRAME)  # (13, N, 20)
    if windows.shape[1] < count:
        raise LseError(
            f"{coefficients.shape[1]} coefficients give {windows.shape[1]} windows; {count} are needed"
        )
    return windows[:, :count].permute(1, 0, 2).unsqueeze(1)


def lse_frames(frames: Tensor) -> Tensor:
    """Frames as network S takes them.

    Args:
        frames: uint8 (T, H, W, 3), RGB.

    Returns:
        uint8 (T, 3, 224, 224), BGR.

    Raises:
        LseError: not 8-bit RGB.
    """
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise LseError(f"frames must be uint8 (T, H, W, 3), RGB; got {frames.dtype} {tuple(frames.shape)}")
    return resize_8bit(frames.flip(3).permute(0, 3, 1, 2).contiguous(), INPUT_PX, INPUT_PX)


def sync_distances(lips: Tensor, audio: Tensor) -> Tensor:
    """Mean distance at each shift.

    Args:
        lips: float (N, D), embeddings of the video windows.
        audio: float (N, D), embeddings of the audio windows.

    Returns:
        (31,): mean over the video windows t of the distance to audio window t + shift, for shifts -15 to 15.
    """
    padded = F.pad(audio, (0, 0, MAX_SHIFT_FRAMES, MAX_SHIFT_FRAMES))
    shifted = padded.unfold(0, len(lips), 1).permute(0, 2, 1)  # (31, N, D)
    return F.pairwise_distance(lips.unsqueeze(0), shifted).mean(dim=1)


def summarise(mean_distances: Tensor, windows: int) -> LseResult:
    """LSE-D, LSE-C and offset from the 31 mean distances, float (31,), of a clip's windows."""
    least, place = torch.min(mean_distances, dim=0)
    return LseResult(
        distance=float(least),
        confidence=float(torch.median(mean_distances) - least),
        offset_frames=MAX_SHIFT_FRAMES - int(place),
        num_windows=windows,
        mean_distances=tuple(mean_distances.tolist()),
    )


class LipSyncEvaluator:
    """Network S prepared for whole sequences.

    Args:
        network: trained; its weights are copied.
        name: of the weights; stands in the row of every value measured with them.
        device: where to compute.
        dtype: float32 for values to report; bfloat16 is faster and differs by about 0.3 % in LSE-D.
    """

    def __init__(
        self, network: SyncNet, *, name: str, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.name = name
        self.device = torch.device(device)
        self.dtype = dtype
        self._windows_at_once = _WINDOWS_AT_ONCE_CPU if self.device.type == "cpu" else _WINDOWS_AT_ONCE_GPU
        with torch.no_grad():
            self._lips = _fold(network.netcnnlip, self.device, dtype)
            self._audio = _fold(network.netcnnaud, self.device, dtype)
            self._lips_head = _fold_head(network.netfclip, self.device, dtype)
            self._audio_head = _fold_head(network.netfcaud, self.device, dtype)

    def evaluate(self, frames: Tensor, audio: npt.NDArray[np.int16]) -> LseResult:
        """LSE-D, LSE-C and offset of one clip.

        Args:
            frames: uint8 (T, H, W, 3), RGB, 25 fps.
            audio: int16 (samples,), 16 kHz mono, beginning with the first frame.

        Raises:
            LseError: see `num_windows`, `mfcc` and `lse_frames`.
        """
        windows = num_windows(len(frames), len(audio))
        return self.compare(self.embed_lips(frames)[:windows], self.embed_audio(audio)[:windows])

    def compare(self, lips: Tensor, audio: Tensor) -> LseResult:
        """LSE of given embeddings; the longer of the two is not cut here.

        Args:
            lips: float32 (N, D), from `embed_lips`.
            audio: float32 (N, D), from `embed_audio`.

        Raises:
            LseError: their numbers of windows differ.
        """
        if lips.shape != audio.shape:
            raise LseError(
                f"as many video as audio windows are needed; got {tuple(lips.shape)}, {tuple(audio.shape)}"
            )
        return summarise(sync_distances(lips, audio), len(lips))

    @torch.inference_mode()
    def embed_lips(self, frames: Tensor) -> Tensor:
        """Embeddings of the video windows that start at frames 0 to T - 6.

        Args:
            frames: uint8 (T, H, W, 3), RGB, 25 fps.

        Returns:
            float32 (T - 5, D), on the CPU.

        Raises:
            LseError: see `num_windows` and `lse_frames`.
        """
        count = num_windows(len(frames), len(frames) * SAMPLES_PER_FRAME)
        shown = lse_frames(frames.to(self.device)).to(self.dtype).contiguous()
        area = INPUT_PX * INPUT_PX
        # Windows overlap in memory: window t is frames t to t + 4, their channels one after the other.
        windows = shown.as_strided(
            (count, 3 * WINDOW_FRAMES, INPUT_PX, INPUT_PX), (3 * area, area, INPUT_PX, 1)
        )
        return self._embed(windows, self._lips, self._lips_head)

    @torch.inference_mode()
    def embed_audio(self, audio: npt.NDArray[np.int16]) -> Tensor:
        """Embeddings of the audio windows of frames 0 to samples / 640 - 6.

        Args:
            audio: int16 (samples,), 16 kHz mono.

        Returns:
            float32 (N, D), on the CPU.

        Raises:
            LseError: see `num_windows` and `mfcc`.
        """
        count = num_windows(len(audio) // SAMPLES_PER_FRAME, len(audio))
        windows = mfcc_windows(torch.from_numpy(mfcc(audio)), count)
        return self._embed(windows.to(self.device, self.dtype), self._audio, self._audio_head)

    def _embed(self, windows: Tensor, convolutions: "list[_Folded]", head: nn.Sequential) -> Tensor:
        embeddings = []
        for some in torch.split(windows, self._windows_at_once):
            hidden = some.contiguous(memory_format=torch.channels_last)
            for layer in convolutions:
                hidden = layer(hidden)
            embeddings.append(head(hidden.flatten(1)).float())
        return torch.cat(embeddings).cpu()


class _Folded(nn.Module):
    """Convolution with its batch normalisation folded in, then pooling, then ReLU."""

    def __init__(self, convolution: nn.Conv2d, pool: nn.MaxPool2d | None) -> None:
        super().__init__()
        self.convolution = convolution
        self.pool = pool if pool is not None else nn.Identity()

    def forward(self, hidden: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.convolution(hidden))
        return pooled.relu_()


def _fold(layers: nn.Sequential, device: torch.device, dtype: torch.dtype) -> list[_Folded]:
    folded: list[_Folded] = []
    parts = list(layers)
    for index, part in enumerate(parts):
        if not isinstance(part, nn.Conv2d | nn.Conv3d):
            continue
        norm = parts[index + 1]
        following = parts[index + 3] if index + 3 < len(parts) else None
        pool = _flat_pool(following) if isinstance(following, nn.MaxPool2d | nn.MaxPool3d) else None
        layer = _Folded(_fold_convolution(part, norm), pool)
        folded.append(layer.to(device, dtype).to(memory_format=torch.channels_last))
    return folded


def _fold_convolution(convolution: nn.Conv2d | nn.Conv3d, norm: nn.Module) -> nn.Conv2d:
    """One 2-D convolution that equals convolution and norm; a 3-D kernel's frames become channels, frame by frame."""
    assert isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d) and norm.running_mean is not None
    assert convolution.bias is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = convolution.weight * scale.reshape(-1, *[1] * (convolution.weight.ndim - 1))
    if weight.ndim == 5:
        weight = flat_kernel(weight)
    outputs, inputs, height, width = weight.shape
    flat = nn.Conv2d(
        inputs,
        outputs,
        (height, width),
        stride=last_two(convolution.stride),
        padding=last_two(convolution.padding),
    )
    flat.weight.copy_(weight)
    assert flat.bias is not None
    flat.bias.copy_((convolution.bias - norm.running_mean) * scale + norm.bias)
    return flat


def _fold_head(head: nn.Sequential, device: torch.device, dtype: torch.dtype) -> nn.Sequential:
    first, norm, _, last = head
    assert isinstance(first, nn.Linear) and isinstance(norm, nn.BatchNorm1d) and isinstance(last, nn.Linear)
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    hidden = nn.Linear(first.in_features, first.out_features)
    hidden.weight.copy_(first.weight * scale[:, None])
    hidden.bias.copy_((first.bias - norm.running_mean) * scale + norm.bias)
    output = nn.Linear(last.in_features, last.out_features)
    output.load_state_dict(last.state_dict())
    return nn.Sequential(hidden, nn.ReLU(), output).to(device, dtype)


def _flat_pool(pool: nn.MaxPool2d | nn.MaxPool3d) -> nn.MaxPool2d:
    return nn.MaxPool2d(last_two(pool.kernel_size), last_two(pool.stride), last_two(pool.padding))
