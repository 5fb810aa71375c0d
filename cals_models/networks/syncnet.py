"""Network S of SyncNet: embeddings of lips and audio in one space; the smaller their distance, the better the sync.

Source: Chung and Zisserman, "Out of time: automated lip sync in the wild", 2016; layer for layer the network whose
weights are published as ``syncnet_v2.model``, with the names of its state dict. ``width_factor`` narrows every hidden
layer for small runs; the input stays the same.

Legend: N windows, D embedding width (1024 in the published network).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INPUT_PX = 224
WINDOW_FRAMES = 5
WINDOW_MFCCS = 20
PUBLIC_WEIGHTS_NAME = "syncnet_v2.model"
PUBLIC_WEIGHTS_SHA256 = "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442"


class WeightsError(ValueError):
    """A weights file cannot be used; the message names the file and what would be right."""


@dataclass(frozen=True, kw_only=True)
class SyncNetConfig:
    """Size of network S.

    Args:
        width_factor: share of the published number of channels in every hidden layer, 0 < width <= 1; the number is rounded
            to a multiple of 16, at least 16.
        embedding_dim: D, 1024 in the published network.
    """

    width_factor: float = 1.0
    embedding_dim: int = 1024

    def __post_init__(self) -> None:
        if not 0.0 < self.width_factor <= 1.0:
            raise ValueError(
                f"width_factor is {self.width_factor}; give a share in (0, 1] (1 is the published network)"
            )
        if self.embedding_dim < 1:
            raise ValueError(
                f"embedding_dim is {self.embedding_dim}; give at least 1 (1024 is the published network)"
            )

    def channels(self, published: int) -> int:
        """Channels of a layer that has ``published`` of them in the published network."""
        return (
            published if self.width_factor == 1.0 else max(16, round(published * self.width_factor / 16) * 16)
        )


class SyncNet(nn.Module):
    """Two branches to embeddings of the same width; its parts have the names of the published state dict."""

    def __init__(self, config: SyncNetConfig = SyncNetConfig()) -> None:
        super().__init__()
        self.config = config
        self.netcnnaud = _audio_convolutions(config)
        self.netfcaud = _head(config)
        self.netcnnlip = _lip_convolutions(config)
        self.netfclip = _head(config)

    def forward(self, mfcc: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of N audio windows and N video windows, see `embed_audio` and `embed_lips`."""
        return self.embed_audio(mfcc), self.embed_lips(frames)

    def embed_audio(self, mfcc: Tensor) -> Tensor:
        """Embeddings of audio windows.

        Args:
            mfcc: float (N, 1, 13, 20), 0.2 s of cepstral coefficients.

        Returns:
            (N, D), not normalised.
        """
        embeddings: Tensor = self.netfcaud(self.netcnnaud(mfcc).flatten(1))
        return embeddings

    def embed_lips(self, frames: Tensor) -> Tensor:
        """Embeddings of video windows.

        Args:
            frames: float (N, 3, 5, 224, 224), BGR, 0 to 255.

        Returns:
            (N, D), not normalised.
        """
        embeddings: Tensor = self.netfclip(self.netcnnlip(frames).flatten(1))
        return embeddings

    def embed_lip_stacks(self, stacks: Tensor) -> Tensor:
        """Embeddings of video windows whose 5 frames are stacked as 15 channels; trains several times faster on a CPU.

        Only the first layer spans frames, and its 3-D convolution is a 2-D one over the channels of all frames.

        Args:
            stacks: float (N, 15, 224, 224): BGR of the first frame, BGR of the second, ...; best channels-last.

        Returns:
            (N, D), equal to `embed_lips` of the same windows up to rounding.
        """
        hidden = stacks
        for layer in self.netcnnlip:
            hidden = _apply_flat(layer, hidden)
        embeddings: Tensor = self.netfclip(hidden.flatten(1))
        return embeddings


def load_public_weights(
    path: Path, *, expected_sha256: str | None = PUBLIC_WEIGHTS_SHA256
) -> tuple[SyncNet, str]:
    """The published network S with its weights, ready for evaluation, and the file's sha256.

    Args:
        path: ``syncnet_v2.model``, a state dict.
        expected_sha256: digest the file must have; None takes any file whose names and shapes fit.

    Raises:
        WeightsError: no such file, another digest, or a file that is not a state dict of network S.

    Source: https://www.robots.ox.ac.uk/~vgg/software/lipsync/ (weights of joonson/syncnet_python).
    """
    try:
        with Path(path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror}); give the path of {PUBLIC_WEIGHTS_NAME}"
        ) from error
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise WeightsError(
            f"{path}: sha256 is {sha256}; the published {PUBLIC_WEIGHTS_NAME} has {expected_sha256}"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network = SyncNet()
        network.load_state_dict(state)
    except Exception as error:  # fails in many ways, each for a file of another kind
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{path}: not a state dict of SyncNet's network S: {reason}") from error
    return network.eval(), sha256


def _apply_flat(layer: nn.Module, hidden: Tensor) -> Tensor:
    """A 3-D layer of the lip branch, applied to (N, frames x channels, H, W)."""
    if isinstance(layer, nn.Conv3d):
        weight = flat_kernel(layer.weight).contiguous(memory_format=torch.channels_last)
        return F.conv2d(hidden, weight, layer.bias, layer.stride[1:], layer.padding[1:])
    if isinstance(layer, nn.BatchNorm3d):
        statistics = (layer.running_mean, layer.running_var, layer.weight, layer.bias)
        return F.batch_norm(hidden, *statistics, layer.training, layer.momentum or 0.0, layer.eps)
    if isinstance(layer, nn.MaxPool3d):
        kernel, stride, padding = (
            last_two(size) for size in (layer.kernel_size, layer.stride, layer.padding)
        )
        pooled: Tensor = F.max_pool2d(hidden, kernel, stride, padding)
        return pooled
    return F.relu(hidden)


def flat_kernel(kernel: Tensor) -> Tensor:
    """(outputs, inputs, frames, H, W) to (outputs, frames x inputs, H, W), frame by frame."""
    return kernel.transpose(1, 2).flatten(1, 2)


def last_two(size: int | str | tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a layer's kernel, stride or padding."""
    if isinstance(size, int):
        return size, size
    assert isinstance(size, tuple)
    return size[-2], size[-1]


def _head(config: SyncNetConfig) -> nn.Sequential:
    hidden = config.channels(512)
    return nn.Sequential(
        nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, config.embedding_dim)
    )


def _audio_convolutions(config: SyncNetConfig) -> nn.Sequential:
    """(N, 1, 13, 20) -> (N, 512, 1, 1) at full width."""
    c = config.channels
    return nn.Sequential(
        *_block2d(1, c(64), 3, padding=1),
        nn.MaxPool2d(1),  # no effect; keeps the numbering of the published names
        *_block2d(c(64), c(192), 3, padding=1),
        nn.MaxPool2d(3, stride=(1, 2)),
        *_block2d(c(192), c(384), 3, padding=1),
        *_block2d(c(384), c(256), 3, padding=1),
        *_block2d(c(256), c(256), 3, padding=1),
        nn.MaxPool2d(3, stride=2),
        *_block2d(c(256), c(512), (5, 4), padding=0),
    )


def _lip_convolutions(config: SyncNetConfig) -> nn.Sequential:
    """(N, 3, 5, 224, 224) -> (N, 512, 1, 1, 1) at full width; only the first layer spans frames."""
    c = config.channels
    return nn.Sequential(
        *_block3d(3, c(96), (5, 7, 7), stride=2, padding=0),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
        *_block3d(c(96), c(256), (1, 5, 5), stride=2, padding=1),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        *_block3d(c(256), c(256), (1, 3, 3), stride=1, padding=1),
        *_block3d(c(256), c(256), (1, 3, 3), stride=1, padding=1),
        *_block3d(c(256), c(256), (1, 3, 3), stride=1, padding=1),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
        *_block3d(c(256), c(512), (1, 6, 6), stride=1, padding=0),
    )


def _block2d(inputs: int, outputs: int, kernel: int | tuple[int, int], *, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]


def _block3d(
    inputs: int, outputs: int, kernel: tuple[int, int, int], *, stride: int, padding: int
) -> list[nn.Module]:
    convolution = nn.Conv3d(
        inputs, outputs, kernel, stride=(1, stride, stride), padding=(0, padding, padding)
    )
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU()]
