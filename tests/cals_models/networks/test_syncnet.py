"""Network S: the public names and shapes, gradients, and weights files that are accepted or rejected."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from cals_models.metrics.lse_weights import find_public_weights, load_public_evaluator, load_trained_evaluator
from cals_models.networks.syncnet import SyncNet, SyncNetConfig, WeightsError, load_public_weights

PUBLISHED = {  # layer: shape of its weights in syncnet_v2.model
    "netcnnaud.0": (64, 1, 3, 3),
    "netcnnaud.4": (192, 64, 3, 3),
    "netcnnaud.8": (384, 192, 3, 3),
    "netcnnaud.11": (256, 384, 3, 3),
    "netcnnaud.14": (256, 256, 3, 3),
    "netcnnaud.18": (512, 256, 5, 4),
    "netfcaud.0": (512, 512),
    "netfcaud.3": (1024, 512),
    "netcnnlip.0": (96, 3, 5, 7, 7),
    "netcnnlip.4": (256, 96, 1, 5, 5),
    "netcnnlip.8": (256, 256, 1, 3, 3),
    "netcnnlip.11": (256, 256, 1, 3, 3),
    "netcnnlip.14": (256, 256, 1, 3, 3),
    "netcnnlip.18": (512, 256, 1, 6, 6),
    "netfclip.0": (512, 512),
    "netfclip.3": (1024, 512),
}
PUBLISHED_NORMS = {
    *(f"netcnnaud.{n}" for n in (1, 5, 9, 12, 15, 19)),
    *(f"netcnnlip.{n}" for n in (1, 5, 9, 12, 15, 19)),
    "netfcaud.1",
    "netfclip.1",
}


def test_names_and_shapes_are_those_of_the_public_weights() -> None:
    state = SyncNet().state_dict()
    layers = {name.removesuffix(".weight") for name in state if name.endswith(".weight")}
    assert layers == set(PUBLISHED) | PUBLISHED_NORMS
    for layer, shape in PUBLISHED.items():
        assert tuple(state[f"{layer}.weight"].shape) == shape
        assert tuple(state[f"{layer}.bias"].shape) == shape[:1]


def test_shapes_gradients_and_the_narrow_variant() -> None:
    network = SyncNet(SyncNetConfig(width_factor=0.125))
    audio, lips = network(torch.randn(2, 1, 13, 20), torch.rand(2, 3, 5, 224, 224) * 255)
    assert audio.shape == lips.shape == (2, 1024)
    (audio - lips).square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert sum(p.numel() for p in network.parameters()) < 0.05 * sum(
        p.numel() for p in SyncNet().parameters()
    )


@pytest.mark.parametrize("training", [True, False])
def test_stacked_frames_give_the_same_embeddings(training: bool) -> None:
    torch.manual_seed(0)
    network = SyncNet(SyncNetConfig(width_factor=0.125)).train(training)
    frames = torch.randint(0, 256, (3, 3, 5, 224, 224)).float()
    stacks = frames.transpose(1, 2).flatten(1, 2)
    torch.testing.assert_close(
        network.embed_lip_stacks(stacks), network.embed_lips(frames), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("field", [{"width_factor": 0.0}, {"width_factor": 1.5}, {"embedding_dim": 0}])
def test_impossible_sizes_are_rejected(field: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        SyncNetConfig(**field)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "syncnet_v2.model"
    # the published file is older than batch counters: it has none
    state = {name: value for name, value in SyncNet().state_dict().items() if "num_batches" not in name}
    torch.save(state, path)
    return path


def test_public_weights_load_where_the_digest_is_right(weights: Path) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    network, sha256 = load_public_weights(weights, expected_sha256=digest)
    assert sha256 == digest and not network.training
    assert load_public_evaluator(str(weights), expected_sha256=None).name == f"syncnet_v2.model/{digest[:12]}"


def test_another_digest_is_rejected(weights: Path) -> None:
    with pytest.raises(WeightsError, match="961e8696"):
        load_public_weights(weights)


def test_files_that_are_not_network_s_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.model.*can't be read"):
        load_public_weights(tmp_path / "absent.model")
    text = tmp_path / "text.model"
    text.write_text("not a model")
    with pytest.raises(WeightsError, match="not a state dict"):
        load_public_weights(text, expected_sha256=None)
    other = tmp_path / "other.model"
    torch.save({"netcnnaud.0.weight": torch.zeros(1)}, other)
    with pytest.raises(WeightsError, match="not a state dict"):
        load_public_weights(other, expected_sha256=None)


def test_weights_that_would_run_code_are_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "hostile.model"
    torch.save(
        SyncNet(SyncNetConfig(width_factor=0.01)), path
    )  # a whole object: unpickling it would run code
    with pytest.raises(WeightsError, match="not a state dict"):
        load_public_weights(path, expected_sha256=None)


def test_weights_are_found_in_torchs_cache(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(WeightsError, match="no such file"):
        find_public_weights("syncnet_v2.model")
    (tmp_path / "checkpoints").mkdir()
    cached = tmp_path / "checkpoints" / "syncnet_v2.model"
    cached.symlink_to(weights)
    assert find_public_weights("syncnet_v2.model") == cached
    assert find_public_weights(str(weights)) == weights


def test_a_folder_without_an_evaluator_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="lse_evaluator"):
        load_trained_evaluator(tmp_path)
