"""Files that are missing, damaged or not recorded are found and repaired."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance

from assets.project.atomic_files import write_text
from assets.project.settings import Project
from assets.store import ledger
from assets.store.file_digests import FileDigests
from pipelines.lineage.registered_models import model_folders
from pipelines.repair.flaw import Flaw
from pipelines.repair.interruption import find_interrupted
from pipelines.repair.outputs import find_output_flaws
from pipelines.repair.repair import find_flaws, needs_repair, repair
from pipelines.repair.warehouse import find_old_warehouse
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


def flaws(project: Project, *, deep: bool = False) -> list[Flaw]:
    digests = FileDigests(root=project.home.root)
    return list(find_output_flaws(project, ledger.heads(project.home), digests, deep=deep))


def outputs(project: Project, *, deep: bool = False) -> list[tuple[str, str]]:
    return [(flaw.kind, flaw.text) for flaw in flaws(project, deep=deep)]


def find_old(project: Project) -> list[Flaw]:
    return list(find_old_warehouse(project.home, FileDigests(root=project.home.root)))


def test_an_intact_home_needs_no_repair(project: Project) -> None:
    assert outputs(project, deep=True) == []
    assert find_old(project) == [] and find_interrupted(project.home) == []


def test_a_home_that_does_not_exist_needs_nothing(tmp_path: Path) -> None:
    assert not needs_repair(make_project(tmp_path))


MISSING = {
    "shards": f"shards/{DATASET}/train-00000.tar",
    "manifest": f"shards/{DATASET}/manifest.json",
    "scores": f"warehouse/parts/clip_metrics/{DATASET}__cals.parquet",
    "inventory": f"warehouse/parts/clip_inventory/{DATASET}.parquet",
    "bucket": f"stages/mels/{DATASET}/00000.parquet",
    "report": f"report/{DATASET}/index.html",
    "current model": f"models/{DATASET}/generator/cals/current.json",
}


@pytest.mark.parametrize("name", MISSING.values(), ids=MISSING)
def test_a_missing_file_is_found_from_names_alone(project: Project, name: str) -> None:
    (project.home.root / name).unlink()
    (found,) = outputs(project)
    assert (found[0] == "missing_output" and name in found[1]) or "holds no bucket file" in found[1]
    assert needs_repair(project)


def test_a_list_of_clips_that_was_not_kept_is_kept(project: Project, instance: DagsterInstance) -> None:
    (path,) = (project.home.warehouse / "contents").glob("*/*.parquet")
    before = path.read_bytes()
    path.unlink()
    assert needs_repair(project)
    assert ("shards", DATASET, None) not in {
        of for flaw in find_flaws(project, instance) if flaw.kind == "missing_output" for of in flaw.remake
    }
    repair(project, instance)
    assert path.read_bytes() == before


def test_missing_weights_videos_and_results_are_found(project: Project) -> None:
    model = next(m for m in model_folders(project.home) if m.label == f"generator/{DATASET}/cals")
    (model.path / "model.safetensors").unlink()
    video = next(project.home.renders(DATASET, "cals").glob("own/*.mkv"))
    video.unlink()
    assert {text.split(": ")[0] for _, text in outputs(project)} == {
        f"generator/{DATASET}/cals",
        f"renders/{DATASET}/cals",
    }


@pytest.mark.parametrize(
    ("name", "mended"),
    [
        (f"shards/{DATASET}/val-00000.tar", True),
        (f"models/{DATASET}/generator/cals/*/model.safetensors", True),
        (f"renders/{DATASET}/cals/own/*.mkv", True),
        (f"stages/face_crops/{DATASET}/00000.parquet", True),
    ],
)
def test_a_damaged_file_is_found_by_its_digest_and_removed(project: Project, name: str, mended: bool) -> None:
    path = next(project.home.root.glob(name))
    content = path.read_bytes()
    path.write_bytes(content[:-4] + b"\0\1\2\3")
    assert {kind for kind, _ in outputs(project, deep=True)} == {"damaged_output"}
    for flaw in flaws(project, deep=True):
        assert flaw.mend is not None and flaw.remake
        flaw.mend()
    assert path.exists() is not mended


def test_work_that_was_never_recorded_is_found(project: Project) -> None:
    """A run killed between its last file and its ledger row, after which the settings were changed back."""
    run = SyntheticRun(project, "second", (f"{DATASET}/train/1",))
    run._write_inventory()
    run._write_shards()
    run._train("generator", "cals")
    run._write_bucket("mels")
    found = outputs(project, deep=True)
    assert {kind for kind, _ in found} == {"unrecorded_output"}
    assert {text.split(": ")[0] for _, text in found} == {
        f"shards/{DATASET}", f"generator/{DATASET}/cals", f"mels/{DATASET}"
    }  # fmt: skip


def test_scores_with_fid_need_the_metrics_of_whole_sets(project: Project) -> None:
    heads = ledger.heads(project.home)
    key = ("clip_metrics", DATASET, "cals")
    digests = FileDigests(root=project.home.root)
    assert not list(find_output_flaws(project, heads, digests))
    with_fid = {key: {**heads[key], "settings_json": '{"fid_weights": "inception.pth"}'}}
    (flaw,) = find_output_flaws(project, with_fid, digests)
    assert flaw.kind == "missing_output" and f"set_metrics/{DATASET}__cals.parquet is missing" in flaw.text


def test_a_database_that_was_not_published_from_the_parts_is_found(project: Project) -> None:
    SyntheticRun(project, "second").make_scores("cals")
    (flaw,) = find_old(project)
    assert flaw.kind == "old_warehouse" and needs_repair(project)


def test_a_database_that_a_client_changed_is_found(project: Project) -> None:
    write_text(project.home.database, "publisheD")
    (flaw,) = find_old(project)
    assert flaw.kind == "altered_warehouse" and needs_repair(project)
