"""The pretrained networks of LPIPS and FID, by torchmetrics, with weights that the user gives.

Nothing is downloaded, and without weights in the settings nothing is imported: the libraries are the extra
``perceptual``. Weights files are read as tensors only; their digests are in the settings and in the evaluator's name.

Legend: T video frames, H, W frame height and width in pixels, D = 2048 features.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from assets.metrics.metric_kinds import Frames
from assets.metrics.settings import MetricSettings
from cals_models.networks.syncnet import WeightsError

NUM_FEATURES = 2048
FRAMES_AT_ONCE = 16


class Lpips:
    """Learned perceptual image patch similarity on AlexNet's features; lower is better, 0 for equal frames.

    Args:
        network: torchmetrics' LPIPS module; its linear heads are version 0.1, which that library ships.
        name: of the evaluator.
        device: where to compute.

    Source: Zhang et al., CVPR 2018.
    """

    def __init__(self, network: nn.Module, *, name: str, device: str = "cpu") -> None:
        self.network = network.to(device)
        self.name, self.device = name, torch.device(device)

    @torch.inference_mode()
    def of(self, frames: Frames, true: Frames) -> Tensor:
        """LPIPS of each frame: float32 (T,).

        Args:
            frames: uint8 (T, H, W, 3), RGB.
            true: the same.
        """
        values = [
            self.network(preds.float() / 255, target.float() / 255, normalize=True).flatten().cpu()
            for preds, target in zip(_batches(frames, self.device), _batches(true, self.device), strict=True)
        ]
        return torch.cat(values)


class Inception:
    """Inception v3 as FID uses it: frames resized to 299 x 299 as TensorFlow 1 did, features of its last pooling.

    Args:
        network: torchmetrics' extractor.
        name: of the evaluator.
        device: where to compute.

    Source: Heusel et al., NeurIPS 2017; network and weights by torch-fidelity.
    """

    def __init__(self, network: nn.Module, *, name: str, device: str = "cpu") -> None:
        self.network = network.to(device)
        self.name, self.device = name, torch.device(device)

    @torch.inference_mode()
    def features(self, frames: Frames) -> Tensor:
        """Features of frames uint8 (T, H, W, 3), RGB, T of 1 or more: float32 (T, D)."""
        return torch.cat([self.network(some).cpu() for some in _batches(frames, self.device)])


def _batches(frames: Frames, device: torch.device) -> list[Tensor]:
    """A few frames at a time, uint8 (N, 3, H, W)."""
    planes = torch.from_numpy(frames).permute(0, 3, 1, 2)
    return [some.to(device) for some in torch.split(planes, FRAMES_AT_ONCE)]


def open_lpips(settings: MetricSettings, device: str) -> Lpips | None:
    """LPIPS with the AlexNet that the settings name; None where they name none.

    Raises:
        ValueError: the libraries are not installed.
        WeightsError: no such file, another digest, or a file that is not torchvision's AlexNet.
    """
    if not settings.lpips_weights:
        return None
    _require_libraries("lpips_weights")
    from torchmetrics.functional.image.lpips import _NoTrainLpips

    path = Path(settings.lpips_weights).expanduser()
    state = _read_weights(path, settings.lpips_weights_sha256, "lpips_weights")
    network = _NoTrainLpips(net="alex", pnet_rand=True)
    names = {name: f"features.{name.partition('.')[2]}" for name in network.net.state_dict()}
    try:
        network.net.load_state_dict({name: state[source] for name, source in names.items()})
    except (KeyError, RuntimeError) as error:
        raise _other_network(path, "torchvision's AlexNet", error) from error
    name = _evaluator("lpips_alex", path, settings.lpips_weights_sha256)
    return Lpips(network, name=name, device=device)


def open_inception(settings: MetricSettings, device: str) -> Inception | None:
    """FID's network with the weights that the settings name; None where they name none.

    Raises:
        ValueError: the libraries are not installed.
        WeightsError: no such file, another digest, or a file that is not torch-fidelity's Inception v3.
    """
    if not settings.fid_weights:
        return None
    _require_libraries("fid_weights")
    from torchmetrics.image.fid import NoTrainInceptionV3

    path = Path(settings.fid_weights).expanduser()
    read = io.BytesIO()  # the library would unpickle any object in the file, so it gets the tensors alone
    torch.save(_read_weights(path, settings.fid_weights_sha256, "fid_weights"), read)
    read.seek(0)
    try:
        network = NoTrainInceptionV3("inception-v3-compat", [str(NUM_FEATURES)], read, antialias=False)
    except RuntimeError as error:
        raise _other_network(path, "torch-fidelity's Inception v3", error) from error
    name = _evaluator("inception_v3", path, settings.fid_weights_sha256)
    return Inception(network, name=name, device=device)


def _require_libraries(setting: str) -> None:
    try:
        import torch_fidelity  # noqa: F401 (torchmetrics takes Inception v3 from it)
        import torchmetrics  # noqa: F401
        import torchvision  # noqa: F401 (and AlexNet from this one)
    except ImportError as error:
        raise ValueError(
            f"{setting} is set, but {error.name} is not installed: pip install '.[perceptual]', or leave the setting empty"
        ) from error


def _read_weights(path: Path, expected_sha256: str, setting: str) -> dict[str, Tensor]:
    """A state dict of tensors, by name; no other object in the file is unpickled."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error.strerror}); {setting} names it") from error
    if sha256 != expected_sha256:
        raise WeightsError(f"{path}: sha256 is {sha256}; {setting}_sha256 says {expected_sha256}")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # fails in many ways; each means that this is another file
        raise _other_network(path, "a state dict", error) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: not a state dict: it holds more than named tensors")
    return state


def _other_network(path: Path, wanted: str, error: Exception) -> WeightsError:
    return WeightsError(f"{path}: not {wanted}: {' '.join(str(error).split())[:300]}")


def _evaluator(network: str, path: Path, sha256: str) -> str:
    return f"{network}/{path.name}/{sha256[:12]}"
