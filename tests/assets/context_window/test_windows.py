"""LMD against the window of audio, with a generator whose context is known and with real networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assets.clips.rejections import num_unexpected, require_results
from assets.context_window.effective_context import curves_of, effective_context
from assets.context_window.measured_clips import TrainedMethods, measure_clips
from assets.context_window.partial_audio import View, generate_views, middle_stretch
from assets.context_window.settings import ContextWindowSettings
from assets.context_window.window_chart import window_chart
from assets.context_window.windows import audible_around, probe_frames, window_rows
from assets.workers.rejected import PipelineFault, Rejected
from cals_models.config.profiles import PROFILES
from cals_models.config.stages import config_from_fields
from cals_models.inference.lip_generator import LipGenerator
from cals_models.methods.configs import model_config
from cals_models.networks.lip_sync import LipSync
from cals_models.shards.shard_set import ShardSet
from tests.support.known_context import KnownReach, pixel_landmarks, write_known_shards

REACH = 4
SETTINGS = ContextWindowSettings(window_frames=(0, 1, 2, 3, 4, 6, 8), num_probe_frames=3)


def trained(**generators: Any) -> TrainedMethods:
    return TrainedMethods(generators=generators, landmarks=pixel_landmarks())


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known_shards(tmp_path_factory.mktemp("known"), reach=REACH, num_frames=40)


@pytest.mark.parametrize("hide_with", ["mask", "silence"])
def test_lmd_falls_until_the_window_reaches_what_matters(shards: Path, hide_with: str) -> None:
    settings = ContextWindowSettings(
        window_frames=SETTINGS.window_frames, num_probe_frames=3, hide_with=hide_with
    )
    methods = trained(cals=KnownReach(REACH), wav2lip=KnownReach(1))
    counted: list[int] = []
    rows = measure_clips(shards, methods, window_rows, settings, dataset="made", progress=counted.append)
    assert sum(counted) == 4 and len(rows) == 2 * 2 * 7
    assert all(row["lmd"] is not None and row["detail"] is None for row in rows)
    windows, curves = curves_of(rows, "cals")
    assert windows.tolist() == list(SETTINGS.window_frames)
    assert (np.diff(curves[:, :5], axis=1) < -1).all(), "every frame more of the reach helps"
    assert curves[:, 4:].max() < 0.6, "beyond the reach nothing is left but rounding"
    _, narrow = curves_of(rows, "wav2lip")
    assert np.ptp(narrow[:, 1:]) < 0.3, (
        "a method that is given one frame on either side gains nothing from more"
    )


def test_windows_that_leave_the_clip_say_so(tmp_path: Path) -> None:
    short = write_known_shards(tmp_path, reach=1, num_frames=14, num_clips=1)
    methods = trained(cals=KnownReach(1))
    rows = measure_clips(short, methods, window_rows, SETTINGS, dataset="made")
    values = {row["window_frames"]: row for row in rows}
    assert values[6]["lmd"] is not None
    assert values[8]["lmd"] is None and "14 frames" in values[8]["detail"]
    far = ContextWindowSettings(window_frames=SETTINGS.window_frames, min_reference_distance_frames=9)
    rows = measure_clips(short, methods, window_rows, far, dataset="made")
    assert {row["detail"].split(":")[0] for row in rows} == {"too_short"}


class Failing(KnownReach):
    """Fails the first times that it is used."""

    def __init__(self, times: int) -> None:
        super().__init__(REACH)
        self.times = times

    def units_from_mel(self, mel: torch.Tensor, **masked: Any) -> torch.Tensor:
        self.times -= 1
        if self.times >= 0:
            raise IndexError("a defect")
        return super().units_from_mel(mel, **masked)


def test_an_unexpected_error_costs_one_clip_of_one_method(shards: Path) -> None:
    bad = next(ShardSet(shards).clips("test", seed=SETTINGS.seed))
    methods = trained(cals=Failing(1), wav2lip=KnownReach(1))
    rows = measure_clips(shards, methods, window_rows, SETTINGS, dataset="made")
    lacking = [row for row in rows if row["lmd"] is None]
    assert {(row["method"], row["clip_id"]) for row in lacking} == {("cals", bad.clip_id)}
    assert [row["window_frames"] for row in lacking] == list(SETTINGS.window_frames)
    assert all(row["detail"].startswith("unexpected_error: IndexError: a defect (tests/") for row in lacking)
    assert num_unexpected(rows) == 1
    assert require_results("windows", [row for row in rows if row["method"] == "cals"], "lmd") is None


def test_a_method_that_fails_at_every_clip_is_no_row(shards: Path) -> None:
    rows = measure_clips(shards, trained(cals=Failing(2)), window_rows, SETTINGS, dataset="made")
    with pytest.raises(PipelineFault, match=r"none of 2 clips has a result.*IndexError: a defect"):
        require_results("windows", rows, "lmd")


def test_long_clips_are_measured_in_their_middle(shards: Path) -> None:
    clip = next(ShardSet(shards).clips("test"))
    stretch = middle_stretch(clip, 20, policy="opposite_half", min_distance_frames=6, stage="x")
    np.testing.assert_array_equal(stretch.true, clip.frames(range(10, 30)))
    np.testing.assert_array_equal(stretch.mel, clip.mel[:, 40:120])
    assert stretch.num_frames == 20
    with pytest.raises(Rejected):
        middle_stretch(clip, 20, policy="opposite_half", min_distance_frames=30, stage="x")


def test_probe_frames_have_the_window_on_either_side() -> None:
    assert probe_frames(50, 18, 4) == [21, 23, 26, 28]
    assert probe_frames(29, 14, 4) == [14]
    assert audible_around(6, 1, 2).tolist() == [True, True, True, True, False, False]


@pytest.mark.parametrize("method", ["cals", "wav2lip"])
def test_a_real_generator_gives_the_same_frame_from_the_same_audio(shards: Path, method: str) -> None:
    torch.manual_seed(0)
    generator = model_config("generator", method, PROFILES["tiny"]["generator"])
    audio_to_lip = config_from_fields("audio_to_lip", PROFILES["tiny"]["audio_to_lip"])
    model = LipSync(method, generator, None if method == "wav2lip" else audio_to_lip)  # type: ignore[arg-type]
    generator = LipGenerator(
        model=model.eval().requires_grad_(False),
        method=method,
        dataset="made",
        weights_sha256="",
        device=torch.device("cpu"),
        context_frames=75,
        precision="fp32",
    )
    clip = next(ShardSet(shards).clips("test"))
    stretch = middle_stretch(clip, 30, policy="opposite_half", min_distance_frames=6, stage="x")
    every, near, far = np.ones(30, bool), audible_around(30, 15, 3), audible_around(30, 15, 9)
    views = [View(audible=audible, frames=[15]) for audible in (every, near, far)]
    generated = generate_views(generator, stretch, views, hide_with="mask", batch_frames=2)
    assert [frames.shape for frames in generated] == [(1, 128, 128, 3)] * 3
    np.testing.assert_array_equal(generated[0][:, :64], stretch.true[15:16, :64])
    if method == "wav2lip":
        assert np.array_equal(generated[0], generated[1]), "it is given 0.2 s only"


def test_the_chart_is_a_png() -> None:
    windows = np.array([0.0, 2, 4, 8])
    curves = {
        "cals": (windows, np.array([[4.0, 2, 1, 1], [3, 2, 1, 1], [4, 3, 1, 1]])),
        "wav2lip": (windows, np.zeros((0, 4))),
    }
    contexts = {method: effective_context(*curve) for method, curve in curves.items()}
    assert window_chart(curves, contexts).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "field",
    [
        {"split": "all"},
        {"hide_with": "noise"},
        {"window_frames": (3, 2, 1, 0)},
        {"window_frames": (0, 1)},
        {"max_stretch_frames": 20},
        {"num_probe_frames": 0},
    ],
)
def test_impossible_settings_are_rejected(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        ContextWindowSettings(**field)
