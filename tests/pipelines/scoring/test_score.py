"""``cals score`` from a folder of videos to rows in the warehouse."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from assets.external_renders.video_set import external_scores_digest
from assets.media.encode import write_lossless
from assets.project.code_version import CodeVersion
from assets.project.settings import load_project
from assets.renders.render import render_clips
from assets.renders.settings import RenderSettings
from assets.store import ledger
from assets.store.table_parts import part_path
from assets.store.warehouse import query
from cals_models.metrics.crop_metrics import psnr
from cals_models.networks.syncnet import SyncNet
from cals_models.shards.shard_format import clip_key
from cals_models.shards.shard_set import ShardSet
from pipelines.cli.main import make_parser
from pipelines.instance import open_instance
from pipelines.lineage.questions import trace
from pipelines.lineage.text import trace_text
from pipelines.lineage.trace import Trace
from tests.support.grid_crops import crops_shard_set, grid_crops, through_jpeg

NUM_FRAMES = 30


def run(*words: str) -> int:
    arguments = make_parser().parse_args(["score", *words])
    status: int = arguments.command(arguments)
    return status


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cals.yaml").write_text("datasets: {}\n")
    monkeypatch.setenv("CALS_CONFIG", str(tmp_path / "cals.yaml"))
    monkeypatch.setenv("CALS_HOME", str(tmp_path / ".cals"))
    monkeypatch.setenv("DAGSTER_HOME", "")  # put back afterwards; scoring opens the home's own
    return tmp_path


@pytest.fixture
def videos(folder: Path, grid_clips: list[Path]) -> list[str]:
    """A good, a shifted, a truncated, a wrongly named and a corrupt video beside their references."""
    frames, audio = grid_crops(grid_clips[0], 60)
    part, beside = frames[10 : 10 + NUM_FRAMES], audio[6400 : 6400 + 640 * NUM_FRAMES]
    generated, reference = folder / "acme", folder / "true"
    for name in ("good", "shifted", "truncated", "corrupt", "right_name"):
        write_lossless(reference / f"{name}.mkv", part, beside)
    preds = through_jpeg(part, 50)
    write_lossless(generated / "good.mkv", preds, beside)
    write_lossless(generated / "shifted.mkv", through_jpeg(frames[7 : 7 + NUM_FRAMES], 50), beside)
    write_lossless(generated / "truncated.mkv", preds[:-4], beside[: -4 * 640])
    write_lossless(generated / "wrong_name.mkv", preds, beside)
    (generated / "corrupt.mkv").write_bytes((generated / "good.mkv").read_bytes()[:4000])
    return ["--generated", str(generated), "--reference", str(reference)]


def test_good_ones_are_rows_and_each_of_the_others_a_line(
    folder: Path, videos: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    weights = folder / "some_weights.model"
    torch.save(SyncNet().state_dict(), weights)
    assert run(*videos, "--lse-weights", str(weights), "--json") == 1
    shown = capsys.readouterr()
    lines = [line for line in shown.err.splitlines() if line.startswith("cals score: ")]
    named = [line.removeprefix("cals score: ").split(":")[0] for line in lines]
    assert sorted(named) == [
        "corrupt.mkv", "right_name.mkv", "shifted.mkv", "truncated.mkv", "wrong_name.mkv",
    ]  # fmt: skip
    printed = json.loads(shown.out)
    assert {row["clip_id"] for row in printed["rows"]} == {"good"}
    assert len(printed["failures"]) == 5 and printed["method"] == "external/acme"
    assert all(row["value"] is not None for row in printed["rows"])
    database = load_project().home.database
    stored = query(
        database, "select protocol, metric, value, evaluator from clip_metrics where method = 'external/acme'"
    )
    assert len(stored) == len(printed["rows"]) == 9
    assert set(stored[stored["metric"] == "lse_d"]["evaluator"]) == {printed["means"][1]["evaluator"]}
    in_table = query(database, "select psnr, num_clips from table_3 where method = 'external/acme'")
    assert in_table["num_clips"].tolist() == [1] and in_table["psnr"][0] > 25
    leads_to_files_and_evaluator(folder, weights)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sources(found: Trace) -> dict[str, dict[str, object]]:
    return {node["name"]: node for node in found.nodes.values() if node["kind"] == "source"}


def leads_to_files_and_evaluator(folder: Path, weights: Path) -> None:
    """From the value in Table 3 to every file that was compared, and to the evaluator's weights."""
    project = load_project()
    found = trace(project, "table_3/true/external/acme/psnr")
    root = found.nodes[found.root]
    assert root["kind"] == "figure" and root["value"] > 25 and root["num_clips"] == 1 and not found.notes
    behind = sources(found)
    assert set(behind) == {"generated_videos", "reference_videos", "lse_weights"}
    assert behind["lse_weights"]["data_version"] == sha256(weights)
    for side, name, videos in (("generated_videos", "acme", 4), ("reference_videos", "true", 4)):
        files = {file["path"]: file["sha256"] for file in behind[side]["files"]}
        assert len(files) == videos  # pairs; a video without a partner is compared with nothing
        assert files[str(folder / name / "good.mkv")] == sha256(folder / name / "good.mkv")
    text = trace_text(found)
    assert sha256(folder / "acme" / "good.mkv") in text and "external_renders/true/external/acme" in text
    down = trace(project, str(folder / "acme" / "good.mkv"), down=True)
    assert "table_3/true/external/acme/psnr" in {node["label"] for node in down.nodes.values()}
    stored = query(project.home.database, "select video, status, reason from external_renders order by video")
    assert stored["video"].tolist() == ["corrupt", "good", "shifted", "truncated"]
    assert stored["status"].tolist() == ["rejected", "ok", "rejected", "rejected"]
    with open_instance(project) as instance:
        assert instance.get_dynamic_partitions("external_videos") == ["true|acme"]


def test_without_weights_lse_says_why_and_status_is_0_if_all_is_done(
    folder: Path, grid_clips: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frames, audio = grid_crops(grid_clips[0], 12)
    for name in ("acme", "true"):
        write_lossless(folder / name / "one.mkv", frames, audio)
    where = ["--generated", str(folder / "acme"), "--reference", str(folder / "true")]
    assert run(*where, "--name", "other-1.0") == 0
    shown = capsys.readouterr().out
    assert "no evaluator was given" in shown and "1 clips scored as external/other-1.0 of true" in shown
    rows = query(load_project().home.database, "select metric, value, detail from clip_metrics").set_index(
        "metric"
    )
    assert rows.loc["lse_c", "detail"].startswith("no evaluator")
    assert np.isnan(rows.loc["lse_d", "value"]) and rows.loc["ssim", "value"] == pytest.approx(1)
    (folder / "cals.yaml").write_text("datasets:\n  made: {layout: folder, root: raw, profile: tiny}\n")
    index = load_project().home.renders("made", "ground_truth") / "index.jsonl"
    index.parent.mkdir(parents=True)
    index.write_text(json.dumps({"key": "one", "clip_id": "made/test/1"}) + "\n")
    assert run(*where, "--dataset", "made") == 0
    ids = query(
        load_project().home.database, "select distinct dataset, method, clip_id from clip_metrics order by 1"
    )
    assert ids.values.tolist() == [
        ["made", "external/acme", "made/test/1"],
        ["true", "external/other-1.0", "one"],
    ]
    with pytest.raises(ValueError, match="can't be a name"):
        run(*where, "--name", "../x")
    with pytest.raises(ValueError, match="no dataset 'none'"):
        run(*where, "--dataset", "none")


def test_names_of_any_bytes_are_scored_and_recorded(
    folder: Path, grid_clips: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frames, audio = grid_crops(grid_clips[0], 12)
    names = {"acme": [os.fsdecode(b"\xff\x1b"), "e\u0301"], "true": [os.fsdecode(b"\xff\x1b"), "\u00e9"]}
    for where, own in names.items():
        for name in own:
            write_lossless(folder / where / f"{name}.mkv", frames, audio)
    (folder / "acme" / os.fsdecode(b"left\x1b\xfe.mp4")).write_bytes(b"x")
    where = ["--generated", str(folder / "acme"), "--reference", str(folder / "true")]
    assert run(*where, "--protocol", "primary") == 1
    said = capsys.readouterr()
    assert r"left\x1b\xfe.mp4: no_reference" in said.err
    assert (said.out + said.err).replace("\n", "").replace("\r", "").isprintable()
    found = query(load_project().home.database, "select distinct clip_id from clip_metrics order by 1")
    assert found["clip_id"].tolist() == [r"\xff\x1b", "\u00e9"]


def test_one_protocol_is_scored_again_beside_the_others_while_the_videos_are_the_same(
    folder: Path, grid_clips: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    frames, audio = grid_crops(grid_clips[0], 12)
    write_lossless(folder / "acme" / "one.mkv", through_jpeg(frames, 60), audio)
    write_lossless(folder / "true" / "one.mkv", frames, audio)
    where = ["--generated", str(folder / "acme"), "--reference", str(folder / "true")]
    home = load_project().home
    before = external_scores_digest(home, "true")
    assert run(*where) == 0
    first = external_scores_digest(home, "true")
    capsys.readouterr()
    part = part_path(home, "clip_metrics", "true", "external/acme")
    pq.write_table(pq.read_table(part).drop_columns(["offset_frames"]), part)  # as an older version wrote it
    assert run(*where, "--protocol", "lse_real_jpeg") == 0
    assert "offset_frames" in pq.read_schema(part).names
    assert "no evaluator was given" in capsys.readouterr().out
    assert len({before, first, external_scores_digest(home, "true")}) == 3

    def protocols() -> set[str]:
        return set(query(home.database, "select distinct protocol from clip_metrics")["protocol"])

    assert protocols() == {"primary", "atvgnet", "lse_crop", "lse_real_jpeg"}
    write_lossless(folder / "acme" / "one.mkv", through_jpeg(frames, 50), audio)
    assert run(*where, "--protocol", "whole_frame") == 0
    assert protocols() == {"whole_frame"}
    kept = query(home.database, "select data_version, count(*) as n from external_renders group by 1")
    assert kept["n"].tolist() == [1, 1]
    assert trace(load_project(), "external_renders/true/external/acme").notes == []


def test_beside_a_datasets_own_true_crops_its_masks_count_and_lineage_goes_on_into_it(
    folder: Path, grid_clips: list[Path]
) -> None:
    (folder / "cals.yaml").write_text("datasets:\n  made: {layout: folder, root: raw, profile: tiny}\n")
    home, clip_id = load_project().home, "made/test/one"
    frames, audio = grid_crops(grid_clips[0], 12)
    seen = np.ones(12, bool)
    seen[3:5] = False
    crops_shard_set(folder / "set", {clip_id: (frames, audio)}, {clip_id: seen})
    home.shards("made").parent.mkdir(parents=True)
    (folder / "set" / "shards").rename(home.shards("made"))
    truth = home.renders("made", "ground_truth")
    render_clips(home.shards("made"), "test", "ground_truth", None, truth, RenderSettings())
    rendered = ledger.Entry(
        asset="renders", dataset="made", method="ground_truth", data_version="0f" * 32, code_version="c",
        settings={}, inputs={}, dagster_run_id="r", duration_s=1.0,
    )  # fmt: skip
    ledger.append(home, rendered, CodeVersion(digest="c", definitions={}, libraries={}))
    preds = through_jpeg(frames, 60)
    preds[~seen] = through_jpeg(frames[~seen], 2)
    write_lossless(folder / "acme" / f"{clip_key(clip_id)}.mkv", preds, audio)
    where = ["--generated", str(folder / "acme"), "--reference", str(truth / "own")]
    assert run(*where, "--dataset", "made", "--protocol", "primary") == 0
    rows = query(home.database, "select clip_id, metric, value, detail from clip_metrics").set_index("metric")
    assert set(rows["clip_id"]) == {clip_id}
    (clip,) = ShardSet(home.shards("made")).clips("test")
    true = torch.from_numpy(clip.frames(range(12)))
    expected = psnr(torch.from_numpy(preds[seen]), true[torch.from_numpy(seen)]).mean()
    assert rows.loc["psnr", "value"] == pytest.approx(float(expected), abs=1e-4)
    assert rows["detail"].str.startswith("2 of 12 frames left out").all()
    found = trace(load_project(), "table_3/made/external/acme/psnr")
    labels = {node["label"] for node in found.nodes.values()}
    assert {"renders/made/ground_truth", "external_renders/made/external/acme"} <= labels
    assert set(sources(found)) == {"generated_videos", "settings/clip_metrics"}
