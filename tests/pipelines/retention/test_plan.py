"""``cals gc``: what nothing needs is listed, then removed; raw data and registered models never are."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets.project.atomic_files import write_text
from assets.project.settings import Project
from pipelines.forget import forget
from pipelines.instance import open_instance
from pipelines.lineage.questions import trace
from pipelines.lineage.registered_models import ModelFolder, model_folders
from pipelines.retention.plan import carry_out, plan_removals
from pipelines.retention.removal import RemovalForbidden, check_removable
from pipelines.retention.withdrawn import delete_run
from tests.support.lineage_home import DATASET, SyntheticRun, make_project
from tests.support.model_registry import client_of, register_models

LEFT = f"{DATASET}/train/1"


def models(project: Project, *, current: bool) -> dict[str, ModelFolder]:
    return {model.label: model for model in model_folders(project.home) if model.is_current is current}


def names(project: Project, kind: str) -> list[str]:
    return [removal.name for removal in plan_removals(project).removals if removal.kind == kind]


def test_after_one_run_there_is_nothing_to_remove(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert plan_removals(project).removals == []
    SyntheticRun(project, "first").make_all()
    assert plan_removals(project).removals == []


def test_old_trainings_go_once_mlflow_has_their_weights(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_models_only()
    register_models(project)
    client = client_of(project)
    for model in client.search_registered_models():
        for alias in model.aliases:
            client.delete_registered_model_alias(model.name, alias)
    SyntheticRun(project, "second").make_models_only()
    old = models(project, current=False)
    kept = old.pop(f"sync_encoder/{DATASET}")
    client.set_registered_model_alias(kept.registered_name, "paper", kept.registered_version)
    only_copy = old.pop(f"audio_to_lip/{DATASET}")
    run_id = only_copy.mlflow_run_id
    for path in (project.home.mlflow / "artifacts" / str(run_id)).rglob("model.safetensors"):
        path.unlink()
    expected = [path.path.relative_to(project.home.root).as_posix() for path in old.values()]
    assert sorted(names(project, "old_model")) == sorted(expected) and len(expected) == 2
    carry_out(project, plan_removals(project))
    assert set(models(project, current=False)) == {f"sync_encoder/{DATASET}", f"audio_to_lip/{DATASET}"}
    assert len(models(project, current=True)) == 4


def test_a_model_that_settings_name_stays(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_models_only(registered=False)
    old = models(project, current=True)[f"sync_encoder/{DATASET}"]
    SyntheticRun(project, "second").make_models_only(registered=False)
    assert len(names(project, "old_model")) == 4
    with project.config_path.open("a") as file:
        file.write(f"# probe_path: models/{old.path.name}\n")
    assert len(names(project, "old_model")) == 3


def test_given_up_trainings_go_and_those_to_be_resumed_stay(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    base = project.home.model("sync_encoder", DATASET)
    for name in ("0" * 16, "1" * 16):
        write_text(base / name / "config.json", "{}")
        write_text(base / name / "checkpoint.pt", "state")
    assert names(project, "unfinished_training") == []
    for path in (base / ("0" * 16)).iterdir():
        os.utime(path, (time.time() - 60, time.time() - 60))
    SyntheticRun(project, "first").make_models_only()
    for path in (base / ("1" * 16)).iterdir():
        os.utime(path, (time.time() + 60, time.time() + 60))
    assert names(project, "unfinished_training") == [f"models/{DATASET}/sync_encoder/{'0' * 16}"]


def test_datasets_methods_code_and_videos_that_are_gone(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    home = project.home
    for name in ("shards/gone/x.tar", "stages/mels/gone/00000.parquet", f"renders/{DATASET}/a2l/own/x.mkv",
                 "warehouse/code/0123.json", f"warehouse/contents/{DATASET}/0123.parquet",
                 f"renders/{DATASET}/cals/own/{'0' * 16}.mkv", f"shards/{DATASET}/.x.tar.y.tmp"):  # fmt: skip
        write_text(home.root / name, "12345")
        os.utime(home.root / name, (time.time() - 60, time.time() - 60))
    write_text(home.root / f"renders/{DATASET}/cals/own/{'1' * 16}.mkv", "being written for the next table")
    plan = plan_removals(project)
    assert sorted((removal.kind, removal.name) for removal in plan.removals) == [
        ("gone_dataset", f"renders/{DATASET}/a2l"),
        ("gone_dataset", "shards/gone"),
        ("gone_dataset", "stages/mels/gone"),
        ("left_over_file", f"shards/{DATASET}/.x.tar.y.tmp"),
        ("old_code", "warehouse/code/0123.json"),
        ("old_contents", f"warehouse/contents/{DATASET}/0123.parquet"),
        ("old_render", f"renders/{DATASET}/cals/own/{'0' * 16}.mkv"),
    ]
    assert plan.num_bytes == 35 and sum(1 for _ in plan.lines()) == 7
    carry_out(project, plan)
    assert plan_removals(project).removals == []


def test_raw_data_and_what_lies_elsewhere_are_fenced_off(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    home = project.home.root
    inside = replace(project.datasets[DATASET], root=home / "own" / "raw")
    project = replace(project, datasets={DATASET: inside})
    (home / "shards").mkdir(parents=True)
    (home / "shards" / "away").symlink_to(tmp_path)
    for path in (tmp_path / "raw", home, home / "own", home / "own" / "raw" / "0.mp4", home / "sample" / "lrs2",
                 home / ".." / "x", home / "shards" / "away" / "raw"):  # fmt: skip
        with pytest.raises(RemovalForbidden):
            check_removable(project, path)
    check_removable(project, home / "shards" / "away")


def files_with(project: Project, sha256: str) -> list[Path]:
    """Current shards and videos with a content."""
    found = trace(project, sha256, down=True)
    paths = [project.home.root / node["label"] for node in found.nodes.values() if node["kind"] == "render"]
    current = {
        (node["dataset"], node["data_version"])
        for node in found.nodes.values()
        if node["kind"] == "materialization" and node["asset"] == "shards" and node["current"]
    }
    for row in found.clips.to_pylist():
        if (row["dataset"], row["shards_version"]) in current:
            paths.append(project.home.shards(row["dataset"]) / row["shard"])
    return sorted(set(paths))


def test_what_earlier_runs_kept_of_a_forgotten_clip_goes_for_good(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    first = models(project, current=True)[f"generator/{DATASET}/cals"]
    write_text(first.path / "samples" / "000100.png", "a face")
    landmarks = project.home.stage("clip_metrics", DATASET) / "landmarks" / "0.npy"
    preview = project.home.stage("face_crops", DATASET) / "pictures" / "strip.png"
    for path in (landmarks, preview):
        write_text(path, "a face")
    write_text(project.home.dagster / "history" / "runs" / "run-first.db", "previews")
    sha256 = forget(project, LEFT, "withdrawn").records[0]["sha256"]
    assert files_with(project, sha256) == [project.home.shards(DATASET) / "train-00000.tar"]
    (note,) = plan_removals(project).notes
    assert note.startswith(
        f"still computed from forgotten contents: audio_to_lip/{DATASET}, av_offsets/{DATASET}"
    )
    assert names(project, "forgotten") == []
    SyntheticRun(project, "second", (LEFT,)).make_all()
    assert files_with(project, sha256) == []
    write_text(preview, "another face")
    plan = plan_removals(project)
    assert plan.notes == []
    gone = {removal.name for removal in plan.removals if removal.kind == "forgotten"}
    folder = first.path.relative_to(project.home.root).as_posix()
    assert gone == {
        f"{folder}/samples", f"{folder}/checkpoint.pt", "dagster run run-first",
        f"stages/clip_metrics/{DATASET}/landmarks/0.npy",
        *(f"{m.path.relative_to(project.home.root).as_posix()}/checkpoint.pt" for m in models(project, current=False).values()),
    }  # fmt: skip
    raw = project.datasets[DATASET].root / "train" / "1.mp4"
    assert raw.exists()
    carry_out(project, replace(plan, removals=[r for r in plan.removals if r.act is None]))
    assert (
        not landmarks.exists() and not (first.path / "samples").exists() and raw.exists() and preview.exists()
    )


def test_a_preview_in_dagster_leaves_no_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("CALS_HOME", "")
    project = make_project(tmp_path)
    face = "a face in base64 " + "QUJD" * 2000

    @dg.asset
    def shown(context) -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"strip": dg.MetadataValue.md(context.run.tags["shows"])})

    with open_instance(project) as instance:
        first, _ = (
            dg.materialize([shown], instance=instance, tags={"shows": text}) for text in (face, "another")
        )
    assert _files_with(project, face[:200])
    delete_run(project, first.run_id)
    assert _files_with(project, face[:200]) == []


def _files_with(project: Project, text: str) -> list[Path]:
    files = (path for path in project.home.dagster.rglob("*") if path.is_file())
    return [path for path in files if text.encode() in path.read_bytes()]
