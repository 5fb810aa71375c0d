"""Network S from files: the one trained in the pipeline, or the public ``syncnet_v2.model``."""

from pathlib import Path
from urllib.parse import urlparse

import torch

from cals_models.config.lse_evaluator import LseEvaluatorConfig
from cals_models.metrics.lse import LipSyncEvaluator
from cals_models.networks.model_files import read_model
from cals_models.networks.syncnet import (
    PUBLIC_WEIGHTS_NAME,
    PUBLIC_WEIGHTS_SHA256,
    SyncNet,
    SyncNetConfig,
    WeightsError,
    load_public_weights,
)

NETWORK_NAME = "syncnet"


def load_trained_evaluator(
    model_dir: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> LipSyncEvaluator:
    """The evaluator that the stage ``lse_evaluator`` trained.

    Its name holds the data set it was trained on, the width of the network and the digest of the weights.

    Raises:
        WeightsError: the folder holds no such model.
    """
    try:
        files = read_model(Path(model_dir), "lse_evaluator")
    except ValueError as error:
        raise WeightsError(f"{error} (an LSE evaluator; the stage lse_evaluator trains one)") from error
    assert isinstance(files.config, LseEvaluatorConfig)
    width_factor = files.config.width_factor
    network = SyncNet(SyncNetConfig(width_factor=width_factor))
    try:
        network.load_state_dict(files.weights.get(NETWORK_NAME, {}))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"{model_dir}: its weights are not network S of width {width_factor:g}: {reason}"
        ) from error
    name = (
        f"pipeline/{files.plain.get('dataset')}/width_{width_factor:g}/{files.plain['weights_sha256'][:12]}"
    )
    return LipSyncEvaluator(network.eval(), name=name, device=device, dtype=dtype)


def load_public_evaluator(
    weights: str,
    *,
    expected_sha256: str | None = PUBLIC_WEIGHTS_SHA256,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> LipSyncEvaluator:
    """The evaluator with the public weights.

    Args:
        weights: see `find_public_weights`.
        expected_sha256: digest the file must have; None takes any file whose layers fit, named by its digest.
        device: where to compute.
        dtype: see `LipSyncEvaluator`.

    Raises:
        WeightsError: see `find_public_weights` and `load_public_weights`.
    """
    path = find_public_weights(weights)
    network, sha256 = load_public_weights(path, expected_sha256=expected_sha256)
    name = "syncnet_v2" if sha256 == PUBLIC_WEIGHTS_SHA256 else f"{path.name}/{sha256[:12]}"
    return LipSyncEvaluator(network, name=name, device=device, dtype=dtype)


def find_public_weights(weights: str) -> Path:
    """A file on this machine: the path itself, a download, or a copy in torch's cache.

    Args:
        weights: path of a file; an http(s) address, which is downloaded once to torch's cache; or
            ``syncnet_v2.model`` alone, which is searched for here and in that cache.

    Raises:
        WeightsError: there is no such file, or it can't be downloaded.
    """
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    if urlparse(weights).scheme in ("http", "https"):
        return _downloaded(weights, cache)
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if weights == PUBLIC_WEIGHTS_NAME and (cache / weights).is_file():
        return cache / weights
    raise WeightsError(
        f"{weights}: no such file; give the path or address of {PUBLIC_WEIGHTS_NAME}, or put it in {cache}"
    )


def _downloaded(address: str, cache: Path) -> Path:
    path = cache / Path(urlparse(address).path).name
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(address, str(path), progress=False)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"{address}: can't be downloaded ({error}); download it by hand, give its path"
            ) from error
    return path
