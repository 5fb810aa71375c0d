"""A folder of another system's videos: pairs are found and scored, and each bad one has one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from assets.media.encode import write_lossless, write_web_video
from assets.metrics.folder_pairs import pairs_by_name, pairs_by_table
from assets.metrics.score_folder import FolderScores, score_folder
from assets.metrics.score_pair import PairScoring
from assets.metrics.settings import MetricSettings
from assets.metrics.shifts import audio_shift_ms, frame_shift
from assets.workers.clip_pool import PoolSettings
from cals_models.metrics.crop_metrics import psnr
from cals_models.metrics.lse import LipSyncEvaluator
from cals_models.networks.syncnet import SyncNet, SyncNetConfig
from tests.support.grid_crops import grid_crops, through_jpeg

NUM_FRAMES = 40


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.manual_seed(0)
    return SyncNet(SyncNetConfig(width_factor=0.125)).eval()


@pytest.fixture(scope="module")
def evaluator_dir(tmp_path_factory: pytest.TempPathFactory, network: SyncNet) -> Path:
    import hashlib

    folder = tmp_path_factory.mktemp("evaluator")
    weights = {f"syncnet.{name}": value for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    model = {
        "format": 1,
        "stage": "lse_evaluator",
        "method": None,
        "dataset": "grid",
        "config": {"width_factor": 0.125},
    }
    (folder / "model.json").write_text(json.dumps(model | {"weights_sha256": digest}))
    return folder


@pytest.fixture(scope="module")
def clip(grid_clips: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    frames, audio = grid_crops(grid_clips[0], 60)
    return frames.copy(), audio.copy()


def scored(
    folder: Path, evaluator_dir: Path, *, protocol: str | None = None, num_workers: int = 0
) -> FolderScores:
    scoring = PairScoring(
        dataset="grid",
        name="acme",
        settings=MetricSettings(),
        evaluator_dir=evaluator_dir,
        protocol=protocol,
    )
    pool = PoolSettings(num_workers=num_workers)
    return score_folder(folder / "generated", folder / "reference", scoring, pool=pool)


def test_good_videos_are_scored_and_each_of_the_others_has_one_line(
    tmp_path: Path, evaluator_dir: Path, network: SyncNet, clip: tuple[np.ndarray, np.ndarray]
) -> None:
    frames, audio = clip
    part, beside = frames[10 : 10 + NUM_FRAMES], audio[6400 : 6400 + 640 * NUM_FRAMES]
    generated, reference = tmp_path / "generated", tmp_path / "reference"
    for name in ("a/good", "a/coded", "shifted", "late", "truncated", "corrupt", "wide", "slow", "missing"):
        write_lossless(reference / f"{name}.mkv", part, beside)
    generated_frames = through_jpeg(part, 60)
    write_lossless(generated / "a" / "good.mkv", generated_frames, beside)
    write_web_video(generated / "a" / "coded.mp4", generated_frames, beside)
    write_lossless(generated / "shifted.mkv", through_jpeg(frames[7 : 7 + NUM_FRAMES], 60), beside)
    write_lossless(
        generated / "late.mkv", generated_frames, np.concatenate([np.zeros(6400, np.int16), beside[:-6400]])
    )
    write_lossless(generated / "truncated.mkv", generated_frames[:-5], beside[: -5 * 640])
    (generated / "corrupt.mkv").write_bytes((generated / "a" / "good.mkv").read_bytes()[:4000])
    (generated / "named_wrongly.mkv").write_bytes((generated / "a" / "good.mkv").read_bytes())
    write_lossless(generated / "wide.mkv", generated_frames.repeat(2, axis=2), beside)
    write_at(generated / "slow.mkv", generated_frames, 20)

    result = scored(tmp_path, evaluator_dir)
    reasons = {failure.video: failure.reason for failure in result.failures}
    assert reasons == {
        "named_wrongly.mkv": "no_reference",
        "missing.mkv": "not_generated",
        "shifted.mkv": "pictures_shifted",
        "late.mkv": "sound_shifted",
        "truncated.mkv": "length_mismatch",
        "corrupt.mkv": reasons["corrupt.mkv"],
        "wide.mkv": "size_mismatch",
        "slow.mkv": "fps_mismatch",
    }
    assert reasons["corrupt.mkv"] in ("damaged", "not_a_video", "no_audio_stream", "length_mismatch")
    details = {failure.video: failure.detail for failure in result.failures}
    assert "3 frames later" in details["shifted.mkv"] and "400 ms later" in details["late.mkv"]
    assert "35 frames; the reference has 40" in details["truncated.mkv"]
    assert {row["clip_id"] for row in result.rows} == {"a/good", "a/coded"}
    assert {row["method"] for row in result.rows} == {"external/acme"}
    good = {(r["protocol"], r["metric"]): r["value"] for r in result.rows if r["clip_id"] == "a/good"}
    preds = torch.from_numpy(generated_frames)
    assert good["primary", "psnr"] == pytest.approx(
        float(psnr(preds, torch.from_numpy(part)).mean()), abs=1e-4
    )
    expected = LipSyncEvaluator(network, name="x").evaluate(preds, beside)
    assert good["lse_crop", "lse_d"] == pytest.approx(expected.distance, rel=1e-5)
    assert good["lse_crop", "lse_c"] == pytest.approx(expected.confidence, rel=1e-3, abs=1e-4)


def write_at(path: Path, frames: np.ndarray, fps: int) -> None:
    """A video without audio at its own frame rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=fps)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "bgr0"
        for pixels in frames:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24"))
            )
        container.mux(stream.encode(None))


def test_other_sizes_and_silent_videos(
    tmp_path: Path, evaluator_dir: Path, clip: tuple[np.ndarray, np.ndarray]
) -> None:
    frames, audio = clip[0][:12], clip[1][: 640 * 12]
    big = frames.repeat(2, axis=1).repeat(2, axis=2)
    wide = np.concatenate([big, big], axis=2)
    for name, true in (("big", big), ("wide", wide)):
        write_lossless(tmp_path / "reference" / f"{name}.mkv", true, audio)
        write_at(tmp_path / "generated" / f"{name}.mkv", through_jpeg(true, 70), 25)
    result = scored(tmp_path, evaluator_dir)
    assert not result.failures
    rows = {(r["clip_id"], r["protocol"], r["metric"]): r for r in result.rows}
    assert "resized from 256 px" in rows["big", "primary", "psnr"]["detail"]
    assert "it has none of its own" in rows["big", "lse_crop", "lse_d"]["detail"]
    assert rows["wide", "whole_frame", "psnr"]["value"] > 25 and ("wide", "primary", "psnr") not in rows
    assert rows["wide", "lse_crop", "lse_d"]["value"] is None
    only = scored(tmp_path, evaluator_dir, protocol="whole_frame")
    assert {row["protocol"] for row in only.rows} == {"whole_frame"}


@pytest.mark.proof
def test_pairs_are_scored_in_worker_processes(
    tmp_path: Path, evaluator_dir: Path, clip: tuple[np.ndarray, np.ndarray]
) -> None:
    frames, audio = clip[0][:12], clip[1][: 640 * 12]
    write_lossless(tmp_path / "reference" / "a.mkv", frames, audio)
    write_lossless(tmp_path / "generated" / "a.mkv", through_jpeg(frames, 70), audio)
    inside, apart = (scored(tmp_path, evaluator_dir, num_workers=n) for n in (0, 1))
    assert [row["metric"] for row in apart.rows] == [row["metric"] for row in inside.rows]
    for here, there in zip(inside.rows, apart.rows, strict=True):
        assert here["value"] == pytest.approx(there["value"], rel=1e-4)


def test_wrong_use_is_one_clear_error(tmp_path: Path, evaluator_dir: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        scored(tmp_path, evaluator_dir)
    for name in ("generated", "reference"):
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="holds no video"):
        scored(tmp_path, evaluator_dir)
    with pytest.raises(ValueError, match="protocol"):
        scored(tmp_path, evaluator_dir, protocol="best")
    for metric in ("lpips", "fid"):
        with pytest.raises(ValueError, match=f"{metric} is no protocol: .*clip_metrics"):
            scored(tmp_path, evaluator_dir, protocol=metric)
    with pytest.raises(ValueError, match="lse_evaluator"):
        scored(tmp_path, tmp_path / "absent")


def folders_of(tmp_path: Path, generated: list[str], reference: list[str]) -> tuple[Path, Path]:
    for folder, names in (("generated", generated), ("reference", reference)):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    return tmp_path / "generated", tmp_path / "reference"


def test_names_are_paths_without_suffix(tmp_path: Path) -> None:
    folders = folders_of(
        tmp_path,
        ["s1/a.mp4", "s2/a.avi", "b.mp4", "b.mkv", ".hidden.mp4", "notes.txt"],
        ["s1/a.mkv", "s2/a.mkv", "b.mkv"],
    )
    pairs, failures = pairs_by_name(*folders)
    assert [(pair.name, pair.generated.name) for pair in pairs] == [("s1/a", "a.mp4"), ("s2/a", "a.avi")]
    assert [failure.reason for failure in failures] == ["ambiguous"]
    assert "b.mp4" in failures[0].detail and "b.mkv" in failures[0].detail


def test_names_pair_in_either_normal_form_and_in_any_bytes(tmp_path: Path) -> None:
    odd, controls = os.fsdecode(b"\xff"), "a\x1b[2J\nb"
    folders = folders_of(
        tmp_path,
        ["Zoe\u0308/e\u0301.mp4", f"{odd}.mp4", f"{controls}.mp4", f"left{odd}.mp4"],
        ["Zo\u00eb/\u00e9.mkv", f"{odd}.mkv", f"{controls}.mkv", "\u00fc.mkv"],
    )
    pairs, failures = pairs_by_name(*folders)
    names = [rb"Zo\xeb/\xe9".decode("unicode_escape"), r"\xff", r"a\x1b[2J\x0ab"]
    assert sorted(pair.name for pair in pairs) == sorted(names)
    assert {failure.video: failure.reason for failure in failures} == {
        r"left\xff.mp4": "no_reference", "\u00fc.mkv": "not_generated",
    }  # fmt: skip
    table = tmp_path / "pairs.csv"
    table.write_bytes(
        "generated,reference\nZo\u00eb/\u00e9.mp4,u\u0308.mkv\ngone\x1b.mp4,u\u0308.mkv\n".encode()
        + b"\xff.mp4,\xff.mkv\n"
    )
    pairs, failures = pairs_by_table(*folders, table)
    assert [pair.name for pair in pairs] == ["\u00fc", r"\xff"]
    assert [str(failure).isprintable() for failure in failures] == [True]


def test_a_table_pairs_videos_and_cannot_leave_the_folders(tmp_path: Path) -> None:
    folders = folders_of(tmp_path, ["x1.mp4"], ["a.mkv"])
    (tmp_path / "secret.mkv").write_bytes(b"x")
    table = tmp_path / "pairs.csv"
    table.write_text("generated,reference\nx1.mp4,a.mkv\n../secret.mkv,a.mkv\nx2.mp4,a.mkv\n")
    pairs, failures = pairs_by_table(*folders, table)
    assert [(pair.name, pair.generated.name) for pair in pairs] == [("a", "x1.mp4")]
    assert [failure.reason for failure in failures] == ["outside_folder", "no_such_file"]
    table.write_text("generated,reference\nx1.mp4,a.mkv\nx1.mp4,a.mkv\n")
    pairs, failures = pairs_by_table(*folders, table)
    assert len(pairs) == 1 and [failure.reason for failure in failures] == ["ambiguous"]
    table.write_text("made,true\n")
    with pytest.raises(ValueError, match="no column 'generated'"):
        pairs_by_table(*folders, table)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\0.mp4", "no_such_file"),
        ("x" * 300 + ".mp4", "no_such_file"),
        ("d/" * 3000 + "a.mp4", "no_such_file"),
        ("/etc/passwd", "outside_folder"),
        ("..", "outside_folder"),
        ("linked.mp4", "outside_folder"),
        ("", "outside_folder"),
        ("pipe.mp4", "no_such_file"),
    ],
)
def test_names_that_no_file_can_have_are_failures_of_their_line(
    tmp_path: Path, name: str, reason: str
) -> None:
    folders = folders_of(tmp_path, ["x1.mp4"], ["a.mkv", "b.mkv"])
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (folders[0] / "linked.mp4").symlink_to(tmp_path / "secret.mp4")
    os.mkfifo(folders[0] / "pipe.mp4")
    table = tmp_path / "pairs.csv"
    table.write_text(f"generated,reference\n{name},b.mkv\nx1.mp4,a.mkv\n")
    pairs, failures = pairs_by_table(*folders, table)
    assert [pair.name for pair in pairs] == ["a"] and [failure.reason for failure in failures] == [reason]
    assert len(failures[0].detail) < 7000 and "\0" not in failures[0].detail


def test_links_out_of_a_folder_are_not_followed_by_name(tmp_path: Path) -> None:
    """The same rule as in a table: what is scored lies in the folders that were given."""
    folders = folders_of(tmp_path, ["a.mp4"], ["a.mkv", "b.mkv", "c.mkv"])
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (folders[0] / "b.mp4").symlink_to(tmp_path / "secret.mp4")
    (folders[0] / "c.mp4").symlink_to(folders[0] / "a.mp4")
    pairs, failures = pairs_by_name(*folders)
    assert [pair.name for pair in pairs] == ["a", "c"]
    assert [(failure.video, failure.reason) for failure in failures] == [("b", "outside_folder")]
    (tmp_path / "link").symlink_to(folders[0])
    assert [pair.name for pair in pairs_by_name(tmp_path / "link", folders[1])[0]] == ["a", "c"]


def test_shifts_are_found_in_frames_and_milliseconds(clip: tuple[np.ndarray, np.ndarray]) -> None:
    frames, audio = clip
    for shift in (-6, -1, 0, 2, 9):
        late = frames[10 - shift : 45 - shift]
        assert frame_shift(late, frames[10:45]) == shift
    valid = np.arange(35) % 12 != 5
    spoilt = np.where(valid[:, None, None, None], frames[10:45], 0)
    assert frame_shift(spoilt, frames[10:45], valid) == 0
    assert frame_shift(frames[10:45], frames[10:45], np.zeros(35, bool)) == 0
    for lag_ms in (-250, 0, 130):
        samples = 16 * lag_ms
        assert audio_shift_ms(audio[8000 - samples : 32000 - samples], audio[8000:32000]) == lag_ms
    noise = np.random.default_rng(0).integers(-9000, 9000, 24000).astype(np.int16)
    assert audio_shift_ms(noise, audio[8000:32000]) is None
