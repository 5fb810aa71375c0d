"""LPIPS and FID with random weights of the right shapes, against computations that share nothing with torchmetrics."""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from assets.clips.rejections import num_unexpected
from assets.faces.backends.dlib import DlibBackend
from assets.media.encode import write_lossless
from assets.metrics.clip_metrics import score_renders
from assets.metrics.crop_values import crop_values
from assets.metrics.instruments import AbsentEvaluator, Instruments
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.perceptual import open_inception, open_lpips
from assets.metrics.render_set import RenderSet
from assets.metrics.set_metrics import fid_rows
from assets.metrics.settings import MetricSettings
from assets.workers.rejected import PipelineFault
from cals_models.networks.syncnet import WeightsError
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from tests.support.grid_crops import crops_shard_set

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torchmetrics", "torchvision", "torch_fidelity")),
    reason="the extra perceptual is not installed",
)
ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
NUM_FRAMES = 10
SEEN = {"made/test/one": np.arange(NUM_FRAMES) < 5, "made/test/two": np.arange(NUM_FRAMES) > 5}


def alexnet_weights() -> dict[str, Tensor]:
    """AlexNet's features under torchvision's names, and a layer of its classifier, which LPIPS does not use."""
    random = torch.Generator().manual_seed(1)
    state = {"classifier.6.bias": torch.zeros(1000)}
    for layer, (outputs, inputs, side) in ALEXNET.items():
        scale = (2 / (inputs * side * side)) ** 0.5
        state[f"features.{layer}.weight"] = scale * torch.randn(outputs, inputs, side, side, generator=random)
        state[f"features.{layer}.bias"] = 0.1 * torch.randn(outputs, generator=random)
    return state


def inception_weights() -> dict[str, Tensor]:
    """Random weights under the names of torch-fidelity's network, which loads none while it is built here."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Network

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", lambda *a, **k: {}
        )
        patched.setattr(Network, "load_state_dict", lambda self, state: None)
        state: dict[str, Tensor] = Network("random", ["2048"]).state_dict()
    random = torch.Generator().manual_seed(2)
    for name, value in state.items():
        if name.endswith("conv.weight"):  # so scaled, activations do not fade from layer to layer
            value.normal_(std=(2 / value[0].numel()) ** 0.5, generator=random)
    return state


def named(path: Path, kind: str) -> MetricSettings:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return MetricSettings(**{f"{kind}_weights": str(path), f"{kind}_weights_sha256": sha256})


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    torch.save(alexnet_weights(), path)
    return path


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(inception_weights(), path)
    return path


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of smooth random frames, in half of which the face was not seen."""
    random = np.random.default_rng(3)
    clips = {}
    for name in ("one", "two"):
        coarse = torch.from_numpy(random.uniform(0, 255, (NUM_FRAMES, 3, 8, 8)))
        frames = F.interpolate(coarse, 128, mode="bicubic").clamp(0, 255).permute(0, 2, 3, 1)
        clips[f"made/test/{name}"] = (frames.numpy().astype(np.uint8), np.zeros(640 * NUM_FRAMES, np.int16))
    folder = tmp_path_factory.mktemp("set")
    crops_shard_set(folder, clips, SEEN)
    return folder / "shards"


@pytest.fixture(scope="module")
def instruments(alexnet: Path) -> Instruments:
    lpips = open_lpips(named(alexnet, "lpips"), "cpu")
    assert lpips is not None
    return Instruments(
        evaluator=AbsentEvaluator(),
        landmarks=LandmarkCache(DlibBackend, None),
        max_undetected_share=0.5,
        networks={"lpips": lpips},
    )


def drawn(clip: ShardClip, audio: str) -> np.ndarray:
    """What a method might generate: the true frames, darker, with another error for each kind of audio."""
    random = np.random.default_rng([clip.num_frames, len(audio), len(clip.clip_id)])
    frames = 0.8 * clip.frames(range(clip.num_frames)) + random.uniform(0, 30, (clip.num_frames, 128, 128, 3))
    return frames.astype(np.uint8)


def rendered(
    shards: Path, folder: Path, draw: Callable[[ShardClip, str], np.ndarray]
) -> list[dict[str, Any]]:
    rows = []
    for clip in ShardSet(shards).clips("test"):
        for audio in ("own", "other"):
            path = f"{audio}/{clip.key}.mkv"
            write_lossless(folder / path, draw(clip, audio), clip.audio())
            rows.append({"clip_id": clip.clip_id, "key": clip.key, "audio": audio, "path": path,
                         "audio_clip_id": clip.clip_id, "status": "ok"})  # fmt: skip
    return rows


def render_set(rows: list[dict[str, Any]], folder: Path, shards: Path) -> RenderSet:
    return RenderSet(rows=rows, folder=folder, shards=shards, split="test", dataset="made", method="cals")


def lpips_by_hand(frames: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Equation 1 of Zhang et al. 2018, with the linear heads that torchmetrics ships, in float64."""
    spec = importlib.util.find_spec("torchmetrics")
    assert spec is not None and spec.origin is not None
    heads = torch.load(
        Path(spec.origin).parent / "functional/image/lpips_models/alex.pth",
        map_location="cpu",
        weights_only=True,
    )
    state = {name: value.double() for name, value in alexnet_weights().items()}

    def units(frames: np.ndarray) -> list[Tensor]:
        x = torch.from_numpy(frames).permute(0, 3, 1, 2).double() / 127.5 - 1
        shift, scale = torch.tensor([[-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]]).double()[
            ..., None, None
        ]
        x, layers = (x - shift) / scale, []
        for layer, (stride, padding) in zip(ALEXNET, ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1)), strict=True):
            if layer in (3, 6):
                x = F.max_pool2d(x, 3, 2)
            weight, bias = state[f"features.{layer}.weight"], state[f"features.{layer}.bias"]
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            layers.append(x / torch.sqrt(1e-8 + (x**2).sum(dim=1, keepdim=True)))
        return layers

    total = torch.zeros(len(frames), dtype=torch.float64)
    for level, (x, y) in enumerate(zip(units(frames), units(true), strict=True)):
        weight = heads[f"lin{level}.model.1.weight"].double()
        total += ((x - y) ** 2 * weight[0]).sum(dim=1).mean(dim=(1, 2))
    return total.numpy()


def test_lpips_of_frames_equals_a_computation_by_hand(alexnet: Path, shards: Path) -> None:
    lpips = open_lpips(named(alexnet, "lpips"), "cpu")
    assert lpips is not None
    clip = next(iter(ShardSet(shards).clips("test")))
    frames, true = drawn(clip, "own"), clip.frames(range(NUM_FRAMES))
    many = [np.concatenate([crops] * 4) for crops in (frames, true)]  # more than are taken at once
    values = lpips.of(*many)
    assert values.shape == (4 * NUM_FRAMES,) and values.dtype == torch.float32
    np.testing.assert_allclose(values, np.tile(lpips_by_hand(frames, true), 4), rtol=1e-4)
    assert lpips.of(true, true).tolist() == [0.0] * NUM_FRAMES
    assert lpips.name == f"lpips_alex/alexnet.pth/{named(alexnet, 'lpips').lpips_weights_sha256[:12]}"


def test_lpips_is_a_row_of_every_clip_and_audio_beside_the_others(
    shards: Path, tmp_path: Path, instruments: Instruments
) -> None:
    renders = render_set(rendered(shards, tmp_path, drawn), tmp_path, shards)
    rows = score_renders(renders, instruments)
    found = {(row["clip_id"], row["audio"]): row for row in rows if row["metric"] == "lpips"}
    assert len(found) == 4 and {row["protocol"] for row in found.values()} == {"primary"}
    for clip in ShardSet(shards).clips("test"):
        true = clip.frames(range(NUM_FRAMES))
        for audio in ("own", "other"):
            row = found[clip.clip_id, audio]
            by_hand = lpips_by_hand(drawn(clip, audio)[clip.valid], true[clip.valid]).mean()
            assert row["value"] == pytest.approx(by_hand, rel=1e-4) and row["value"] > 0
            assert row["evaluator"].startswith("lpips_alex/alexnet.pth/")
    assert found["made/test/two", "own"]["detail"].startswith("6 of 10 frames left out")
    without = score_renders(renders, replace(instruments, networks={}))
    assert without == [row for row in rows if row["metric"] != "lpips"]


def test_a_clip_without_values_has_a_row_of_lpips_that_says_why(
    shards: Path, instruments: Instruments
) -> None:
    frames = next(iter(ShardSet(shards).clips("test"))).frames(range(NUM_FRAMES))
    values = crop_values(frames, frames, np.zeros(NUM_FRAMES, bool), instruments)
    (row,) = [value for value in values if value.metric == "lpips"]
    assert row.value is None and str(row.detail).startswith("10 of 10 frames left out")


def frechet_by_hand(drawn: np.ndarray, true: np.ndarray) -> float:
    """FID of few frames: the trace of the root is the sum of the singular values of the centred features' product."""
    a, b = ((x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (drawn, true))
    between = ((drawn.mean(axis=0) - true.mean(axis=0)) ** 2).sum()
    return float(between + (a**2).sum() + (b**2).sum() - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum())


def test_fid_equals_a_computation_by_hand_from_torch_fidelitys_features(
    shards: Path, inception: Path, tmp_path: Path
) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3(
        "plain", ["2048"], feature_extractor_weights_path=str(inception)
    ).eval()
    settings = named(inception, "fid")
    renders = rendered(shards, tmp_path, drawn)
    opened = open_inception(settings, "cpu")
    assert opened is not None
    rows = fid_rows(render_set(renders, tmp_path, shards), opened)
    assert [row["audio"] for row in rows] == ["other", "own"]
    clips = list(ShardSet(shards).clips("test"))

    def features(frames: list[np.ndarray]) -> np.ndarray:
        planes = torch.from_numpy(np.concatenate(frames)).permute(0, 3, 1, 2)
        return np.asarray(network(planes)[0].double())

    true = features([clip.frames(range(NUM_FRAMES))[clip.valid] for clip in clips])
    for row in rows:
        generated = features([drawn(clip, row["audio"])[clip.valid] for clip in clips])
        assert (
            row["value"] == pytest.approx(frechet_by_hand(generated, true), rel=1e-3) and row["value"] > 0.01
        )
        assert (row["num_frames"], row["num_true_frames"], row["num_clips"]) == (9, 9, 2)
        assert row["evaluator"] == f"inception_v3/inception.pth/{settings.fid_weights_sha256[:12]}"
        assert row["detail"].startswith("no more frames than the 2048 features")


def test_renders_that_failed_are_left_out_of_the_generated_frames_alone(
    shards: Path, inception: Path, tmp_path: Path
) -> None:
    renders = rendered(shards, tmp_path, lambda clip, audio: clip.frames(range(NUM_FRAMES)))
    (one, *others) = [row for row in renders if row["audio"] == "own"]
    failed = [{**row, "status": "rejected", "path": None} for row in others]
    opened = open_inception(named(inception, "fid"), "cpu")
    assert opened is not None
    (row,) = fid_rows(render_set([one, *failed], tmp_path, shards), opened)
    assert (row["num_clips"], row["num_true_frames"]) == (1, 9) and row["num_frames"] in (4, 5)
    assert row["detail"].startswith("not rendered: 1 of 2 clips; ")
    rejected = {**one, "status": "rejected"}
    (row,) = fid_rows(render_set([rejected, *failed], tmp_path, shards), opened)
    assert row["value"] is None and row["detail"].endswith("FID needs 2 frames or more in both sets")


class Features:
    """In place of Inception: the mean of each channel; fails at black frames, or at all."""

    name, device = "means", torch.device("cpu")

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    def features(self, frames: np.ndarray) -> torch.Tensor:
        if self.fails or not frames.any():
            raise IndexError("a defect")
        return torch.nn.functional.pad(torch.from_numpy(frames).float().mean((1, 2)), (0, 2045))


def test_a_clip_whose_features_fail_is_in_neither_set(shards: Path, tmp_path: Path) -> None:
    bad = next(ShardSet(shards).clips("test"))
    renders = rendered(
        shards, tmp_path, lambda clip, audio: clip.frames(range(NUM_FRAMES)) * np.uint8(clip.key != bad.key)
    )
    own = render_set([row for row in renders if row["audio"] == "own"], tmp_path, shards)
    failed: dict[str, str] = {}
    (row,) = fid_rows(own, cast("Any", Features()), failed=failed)
    assert (row["num_clips"], row["num_frames"]) == (1, row["num_true_frames"]) and row["num_frames"] in (
        4,
        5,
    )
    assert row["detail"].startswith(
        f"in neither set: 1 of 2 clips, first {bad.clip_id}: unexpected_error: IndexError"
    )
    assert (
        list(failed) == [bad.clip_id]
        and num_unexpected([{"clip_id": "x", "detail": failed[bad.clip_id]}]) == 1
    )
    with pytest.raises(PipelineFault, match="FID has no value: unexpected_error: IndexError"):
        fid_rows(own, cast("Any", Features(fails=True)))


OPENERS: dict[str, Callable[[MetricSettings, str], Any]] = {"lpips": open_lpips, "fid": open_inception}


@pytest.mark.parametrize("kind", OPENERS)
def test_weights_that_are_not_the_network_are_rejected_in_one_line(kind: str, tmp_path: Path) -> None:
    path, opened = tmp_path / "weights.pth", OPENERS[kind]
    torch.save({"features.0.weight": torch.zeros(3)}, path)
    settings = named(path, kind)
    with pytest.raises(
        WeightsError, match=rf"^{path}: not (torchvision's AlexNet|torch-fidelity's Inception v3): "
    ) as raised:
        opened(settings, "cpu")
    assert "\n" not in str(raised.value)
    path.write_bytes(b"changed")
    with pytest.raises(WeightsError, match=f"sha256 is .*; {kind}_weights_sha256 says "):
        opened(settings, "cpu")
    path.unlink()
    with pytest.raises(WeightsError, match=f"can't be read .*{kind}_weights names it"):
        opened(settings, "cpu")


class Planted:
    """Pickled, it would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", OPENERS)
def test_a_weights_file_is_read_as_tensors_only(kind: str, tmp_path: Path) -> None:
    path, planted = tmp_path / "weights.pth", tmp_path / "planted"
    torch.save({"features.0.weight": Planted(planted)}, path)
    with pytest.raises(WeightsError, match="not a state dict"):
        OPENERS[kind](named(path, kind), "cpu")
    path.write_bytes(pickle.dumps(Planted(planted)))
    with pytest.raises(WeightsError, match="not a state dict"):
        OPENERS[kind](named(path, kind), "cpu")
    assert not planted.exists()


def test_safetensors_will_do(alexnet: Path, tmp_path: Path, instruments: Instruments) -> None:
    path = tmp_path / "alexnet.safetensors"
    save_file(alexnet_weights(), path)
    lpips = open_lpips(named(path, "lpips"), "cpu")
    assert lpips is not None
    frames = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    assert lpips.of(frames, frames[::-1].copy()).equal(
        instruments.networks["lpips"].of(frames, frames[::-1].copy())
    )


@pytest.mark.parametrize("kind", OPENERS)
def test_without_the_extra_one_line_says_what_to_install(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(ValueError, match=rf"{kind}_weights is set, but .* pip install '.\[perceptual\]'"):
        OPENERS[kind](named(path, kind), "cpu")
    assert OPENERS[kind](MetricSettings(), "cpu") is None


@pytest.mark.parametrize("kind", OPENERS)
def test_weights_are_named_with_their_digest(kind: str) -> None:
    with pytest.raises(ValueError, match=rf"{kind}_weights_sha256 is ''; .*sha256sum file.pth"):
        MetricSettings(**{f"{kind}_weights": "file.pth"})
    with pytest.raises(ValueError, match=f"{kind}_weights_sha256 is given, but {kind}_weights is empty"):
        MetricSettings(**{f"{kind}_weights_sha256": "0" * 64})
