"""Renders: frames and audio of each method, references that never show the mouth, interrupted runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assets.clips.rejections import require_results
from assets.media.encode import read_lossless
from assets.renders import render
from assets.renders.other_audio import fit_audio, with_partners
from assets.renders.reference import reference_indices
from assets.renders.render import render_clips
from assets.renders.settings import RenderSettings
from assets.workers.rejected import PipelineFault, Rejected
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from tests.support.shard_sets import make_shard_set


class SpyGenerator:
    """In place of a trained network: returns grey frames and records its inputs."""

    def __init__(self) -> None:
        self.inputs: list[dict[str, torch.Tensor]] = []

    def render(
        self,
        pose_prior: torch.Tensor,
        reference: torch.Tensor,
        mel: torch.Tensor,
        *,
        target: torch.Tensor | None = None,
        batch_frames: int,
    ) -> torch.Tensor:
        shown = {} if target is None else {"target": target}
        self.inputs.append({"pose_prior": pose_prior, "reference": reference, "mel": mel, **shown})
        return torch.full_like(pose_prior, 128)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    make_shard_set(folder, num_clips={"train": 1, "val": 1, "test": 4})
    return folder / "shards"


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> SpyGenerator:
    generator = SpyGenerator()
    monkeypatch.setattr(render._LazyGenerator, "_load", lambda self: generator)
    return generator


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "model.json").write_text("{}")
    return folder


def test_ground_truth_is_the_stored_crops_with_both_audios(shards: Path, tmp_path: Path) -> None:
    rows = render_clips(shards, "test", "ground_truth", None, tmp_path, RenderSettings())
    assert [row["audio"] for row in rows] == ["other", "own"] * 4
    clips = {clip.clip_id: clip for clip in ShardSet(shards).clips("test")}
    for row in rows:
        frames, audio = read_lossless(tmp_path / row["path"])
        np.testing.assert_array_equal(frames, clips[row["clip_id"]].frames(range(25)))
        np.testing.assert_array_equal(audio, clips[row["audio_clip_id"]].audio())
        assert (row["audio_clip_id"] == row["clip_id"]) == (row["audio"] == "own")
        assert row["status"] == "ok" and row["reference_policy"] == "none"


def test_copy_reference_shows_frames_of_the_other_half(shards: Path, tmp_path: Path) -> None:
    rows = render_clips(shards, "test", "copy_reference", None, tmp_path, RenderSettings())
    clips = {clip.clip_id: clip for clip in ShardSet(shards).clips("test")}
    row = rows[0]
    frames, _ = read_lossless(tmp_path / row["path"])
    places = reference_indices(np.ones(25, bool), policy="opposite_half", min_distance_frames=6)
    np.testing.assert_array_equal(frames, clips[row["clip_id"]].frames(places.tolist()))
    assert row["reference_policy"] == "opposite_half"


def test_the_generator_never_sees_the_mouth_it_generates(
    shards: Path, tmp_path: Path, spy: SpyGenerator, model_dir: Path
) -> None:
    rows = render_clips(shards, "test", "cals", model_dir, tmp_path / "out", RenderSettings())
    assert len(spy.inputs) == len(rows) == 8
    true = [clip.frames(range(25)) for clip in ShardSet(shards).clips("test")]
    for shown in spy.inputs:
        assert int(shown["pose_prior"][:, 64:].max()) == 0
        clip = next(
            frames for frames in true if (frames[:, :64] == shown["pose_prior"][:, :64].numpy()).all()
        )
        for target, reference in enumerate(shown["reference"].numpy()):
            source = [n for n in range(25) if np.array_equal(clip[n], reference)]
            assert source and all(abs(n - target) >= 6 for n in source)


def test_only_a_method_that_declares_it_is_given_the_true_frames(
    shards: Path, tmp_path: Path, spy: SpyGenerator, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_clips(shards, "test", "cals", model_dir, tmp_path / "own", RenderSettings())
    assert spy.inputs and not any("target" in shown for shown in spy.inputs)
    spy.inputs.clear()
    monkeypatch.setitem(METHODS, "cals", replace(METHODS["cals"], pose_from="target_frame"))
    render_clips(shards, "test", "cals", model_dir, tmp_path / "target", RenderSettings())
    true = [clip.frames(range(25)) for clip in ShardSet(shards).clips("test")]
    assert len(spy.inputs) == 8
    for shown in spy.inputs:
        assert any(np.array_equal(frames, shown["target"].numpy()) for frames in true)
        assert int(shown["pose_prior"][:, 64:].max()) == 0


def test_each_render_is_given_the_audio_that_its_row_names(
    shards: Path, tmp_path: Path, spy: SpyGenerator, model_dir: Path
) -> None:
    rows = render_clips(shards, "test", "wav2lip", model_dir, tmp_path / "out", RenderSettings())
    clips = {clip.clip_id: clip for clip in ShardSet(shards).clips("test")}
    expected = sorted(clips[row["audio_clip_id"]].mel.tobytes() for row in rows)
    assert sorted(shown["mel"].numpy().tobytes() for shown in spy.inputs) == expected


def test_an_interrupted_run_continues_and_changed_weights_start_again(
    shards: Path, tmp_path: Path, spy: SpyGenerator, model_dir: Path
) -> None:
    out = tmp_path / "out"
    arguments: tuple[Any, ...] = (shards, "test", "cals", model_dir, out, RenderSettings())
    first = render_clips(*arguments)
    index = (out / render.INDEX_NAME).read_text().splitlines()
    (out / render.INDEX_NAME).write_text("\n".join(index[:3]) + "\n" + index[3][:40])  # killed in mid-line
    (out / first[0]["path"]).write_bytes(b"damaged")
    (out / "own" / "0123456789abcdef.mkv").write_bytes(b"of a clip that was withdrawn")
    spy.inputs.clear()
    assert render_clips(*arguments) == first
    assert len(spy.inputs) == 6, "5 are not in the index, 1 is damaged"
    assert not (out / "own" / "0123456789abcdef.mkv").exists()
    spy.inputs.clear()
    assert render_clips(*arguments) == first and not spy.inputs
    (model_dir / "model.safetensors").write_bytes(b"other weights")
    assert [row["sha256"] for row in render_clips(*arguments)] == [row["sha256"] for row in first]
    assert len(spy.inputs) == 8


class FailsAt(SpyGenerator):
    """Fails at one clip, or at all."""

    def __init__(self, *mels: np.ndarray) -> None:
        super().__init__()
        self.mels = mels

    def render(
        self, *given: torch.Tensor, target: torch.Tensor | None = None, batch_frames: int
    ) -> torch.Tensor:
        if not self.mels or any(np.array_equal(given[2].numpy(), mel) for mel in self.mels):
            raise KeyError("a defect\nof the network")
        return super().render(*given, target=target, batch_frames=batch_frames)


def test_an_unexpected_error_at_one_clip_is_a_row_that_is_tried_again(
    shards: Path, tmp_path: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = next(ShardSet(shards).clips("test"))
    monkeypatch.setattr(render._LazyGenerator, "_load", lambda self: FailsAt(bad.mel))
    arguments: tuple[Any, ...] = (shards, "test", "cals", model_dir, tmp_path / "out", RenderSettings())
    rows = {(row["clip_id"], row["audio"]): row for row in render_clips(*arguments)}
    failed = [row for row in rows.values() if row["status"] != "ok"]
    assert len(rows) == 8 and {row["audio_clip_id"] for row in failed} == {bad.clip_id}
    row = rows[bad.clip_id, "own"]
    assert (row["reason"], row["path"], row["sha256"]) == ("unexpected_error", None, None)
    assert row["detail"].startswith(
        "KeyError: 'a defect\\nof the network' (tests/assets/renders/test_render.py:"
    )
    assert require_results("renders", list(rows.values()), "path") is None
    spy = SpyGenerator()
    monkeypatch.setattr(render._LazyGenerator, "_load", lambda self: spy)
    assert {row["status"] for row in render_clips(*arguments)} == {"ok"}
    assert len(spy.inputs) == len(failed), "the others are kept"


def test_a_fault_of_the_model_is_no_row(
    shards: Path, tmp_path: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: tuple[Any, ...] = (shards, "test", "cals", model_dir, tmp_path / "out", RenderSettings())
    with pytest.raises(PipelineFault, match="the generator can't be opened"):
        render_clips(*arguments)
    monkeypatch.setattr(render._LazyGenerator, "_load", lambda self: FailsAt())
    rows = render_clips(*arguments)
    with pytest.raises(
        PipelineFault, match=r"renders: none of 4 clips has a result.*first .*: KeyError: 'a de"
    ):
        require_results("renders", rows, "path")


def test_a_lone_clip_has_no_wrong_audio(tmp_path: Path) -> None:
    make_shard_set(tmp_path, num_clips={"train": 1, "val": 1, "test": 1}, num_buckets=1)
    other, own = render_clips(
        tmp_path / "shards", "test", "ground_truth", None, tmp_path / "out", RenderSettings()
    )
    assert own["status"] == "ok"
    assert (other["status"], other["reason"], other["path"]) == ("rejected", "no_other_clip", None)


def test_a_clip_too_short_for_a_reference_is_a_row(shards: Path, tmp_path: Path) -> None:
    settings = RenderSettings(min_reference_distance_frames=20)
    rows = render_clips(shards, "test", "copy_reference", None, tmp_path, settings)
    assert {row["reason"] for row in rows} == {"too_short"} and "at least 40" in rows[0]["detail"]


def test_what_cannot_be_rendered_is_rejected(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown; known"):
        render_clips(shards, "test", "talking_heads", None, tmp_path, RenderSettings())
    with pytest.raises(ValueError, match="give the folder of its generator"):
        render_clips(shards, "test", "cals", None, tmp_path, RenderSettings())
    with pytest.raises(ValueError, match="materialise"):
        render_clips(shards, "test", "cals", tmp_path / "absent", tmp_path, RenderSettings())


@pytest.mark.parametrize("num_frames", [12, 13, 22, 25, 29, 75, 76])
def test_references_are_far_from_their_targets(num_frames: int) -> None:
    places = reference_indices(np.ones(num_frames, bool), policy="opposite_half", min_distance_frames=6)
    assert places.shape == (num_frames,)
    assert np.abs(places - np.arange(num_frames)).min() >= 6


def test_references_are_frames_in_which_a_face_was_seen() -> None:
    valid = np.zeros(75, bool)
    valid[[3, 70]] = True
    places = reference_indices(valid, policy="opposite_half", min_distance_frames=6)
    assert set(places) == {3, 70}
    with pytest.raises(Rejected, match="too_short"):
        reference_indices(np.ones(11, bool), policy="opposite_half", min_distance_frames=6)


def test_every_clip_gets_another_clips_audio(shards: Path) -> None:
    clips = list(ShardSet(shards).clips("test", seed=7))
    pairs = list(with_partners(iter(clips)))
    assert [clip.key for clip, _ in pairs] == [clip.key for clip in clips]
    assert all(partner is not None and partner.key != clip.key for clip, partner in pairs)
    same_words = [
        ShardClip(clip.meta | {"transcript": "x" if n < 3 else "y"}, clip.members, "")
        for n, clip in enumerate(clips)
    ]
    lenders = [partner.meta["transcript"] for _, partner in with_partners(same_words) if partner]
    assert lenders == ["y", "y", "y", "x"]


def test_audio_is_fitted_to_the_length_of_the_clip(shards: Path) -> None:
    clip = next(ShardSet(shards).clips("test"))
    for num_frames, fit in ((25, "exact"), (10, "cut"), (60, "looped")):
        fitted = fit_audio(clip, num_frames)
        assert (fitted.audio.shape, fitted.mel.shape, fitted.fit) == (
            (640 * num_frames,),
            (80, 4 * num_frames),
            fit,
        )
    assert np.array_equal(fit_audio(clip, 60).audio[:16000], fit_audio(clip, 60).audio[16000:32000])


@pytest.mark.parametrize(
    "field",
    [
        {"split": "all"},
        {"reference_policy": "same"},
        {"min_reference_distance_frames": 0},
        {"batch_frames": 0},
        {"device": "tpu"},
        {"other_audio_seed": -1},
    ],
)
def test_impossible_settings_are_rejected(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        RenderSettings(**field)


def test_a_model_of_another_crop_size_renders_nothing(
    shards: Path, tmp_path: Path, spy: SpyGenerator, model_dir: Path
) -> None:
    (model_dir / "model.json").write_text('{"crop_px": 256}')
    with pytest.raises(
        ValueError, match="the cals generator draws crops of 256 px, those of made are 128 px;"
    ):
        render_clips(shards, "test", "cals", model_dir, tmp_path / "out", RenderSettings())
    assert not spy.inputs and not (tmp_path / "out").exists()


def test_renders_of_large_crops_have_their_size(tmp_path: Path, spy: SpyGenerator, model_dir: Path) -> None:
    make_shard_set(tmp_path, num_clips={"test": 2}, crop_px=256, num_buckets=1)
    (model_dir / "model.json").write_text('{"crop_px": 256}')
    rows = render_clips(tmp_path / "shards", "test", "cals", model_dir, tmp_path / "out", RenderSettings())
    frames, _ = read_lossless(tmp_path / "out" / rows[0]["path"])
    assert frames.shape == (25, 256, 256, 3)
    for given in spy.inputs:
        assert bool(given["pose_prior"][:, :128].any()) and not bool(given["pose_prior"][:, 128:].any())
