"""`cals doctor` finds each kind of inconsistency, planted in a consistent home, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster import DagsterInstance

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.project.settings import Project
from assets.stage.partitions import partition_key
from assets.store import ledger
from assets.store.mlflow_tracking import Tracking
from assets.store.published_file import close_to_writers, log_path
from assets.store.warehouse import publish
from assets.store.withdrawals import record_withdrawal
from pipelines import doctor
from pipelines.cli.main import main
from pipelines.instance import open_instance
from pipelines.lineage.registered_models import model_folders
from pipelines.repair.interruption import working
from tests.support.lineage_home import CODE, DATASET, SyntheticRun, make_project, raw_contents
from tests.support.model_registry import client_of, record_runs, register_models

Plant = Callable[[Project], object]


@pytest.fixture(scope="module")
def consistent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A home as a run leaves it, in Dagster and MLflow too."""
    project = make_project(tmp_path_factory.mktemp("consistent"))
    SyntheticRun(project, "first", dagster_run_id="").make_all()
    register_models(project)
    record_runs(project)
    with pytest.MonkeyPatch.context() as patched:
        for name in ("DAGSTER_HOME", "CALS_HOME"):
            patched.setenv(name, "set by the project")
        with open_instance(project) as instance:
            for asset, dataset, method in ledger.heads(project.home):
                report(instance, asset, dataset, method)
        publish(project.home)
        yield project


def report(instance: DagsterInstance, asset: str, dataset: str, method: str | None) -> None:
    key = str(partition_key(dataset, method))
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=asset, partition=key))


@pytest.fixture
def project(consistent: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of it; the checks of libraries are left out."""
    home = Home(tmp_path / ".cals")
    shutil.copytree(consistent.home.root, home.root, symlinks=True)
    monkeypatch.setattr(doctor, "LIBRARIES", {})
    monkeypatch.setenv("CALS_CONFIG", str(consistent.config_path))
    monkeypatch.setenv("CALS_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    return replace(consistent, home=home)


def doctor_status(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    """Exit status of ``cals doctor --json``, and the findings that are not ok."""
    capsys.readouterr()
    status = main(["doctor", "--json"])
    return status, [finding for finding in json.loads(capsys.readouterr().out) if not finding["ok"]]


def test_a_consistent_home_has_no_findings(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor_status(capsys) == (0, [])
    assert main(["doctor"]) == 0
    assert "consistency: ledger, files, warehouse, Dagster and MLflow agree" in capsys.readouterr().out


def test_before_the_first_run_there_is_nothing_to_compare(
    project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALS_HOME", str(tmp_path / "new"))
    assert doctor_status(capsys) == (0, [])
    assert not (tmp_path / "new").exists()


def test_a_file_that_became_no_view_is_named(
    project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "mine.sql").write_text("selec 1")
    config = tmp_path / "cals.yaml"
    config.write_text(project.config_path.read_text() + "user_sql: sql\n")
    monkeypatch.setenv("CALS_CONFIG", str(config))
    publish(replace(project.home, user_sql=folder))
    status, (finding,) = doctor_status(capsys)
    assert (status, finding["subject"]) == (1, "view")
    assert finding["text"] == f'{folder / "mine.sql"}: Parser Error: syntax error at or near "selec"'


def edit_database(statement: str) -> Plant:
    """An edit by hand: the log's name is given back first, without which DuckDB can't change the published file."""

    def plant(project: Project) -> None:
        log_path(project.home.database).unlink()
        with duckdb.connect(str(project.home.database)) as connection:
            connection.execute(statement)
        close_to_writers(project.home.database)

    return plant


def damage(name: str) -> Plant:
    def plant(project: Project) -> None:
        path = next(project.home.root.glob(name))
        kept = path.stat()
        path.write_bytes(path.read_bytes()[:-3] + b"\0\1\2")
        os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))

    return plant


def remove(name: str) -> Plant:
    return lambda project: next(project.home.root.glob(name)).unlink()


def a_ledger_row_of_its_own(project: Project) -> None:
    """A row that neither Dagster nor the files have: another version of the mels, published."""
    entry = ledger.Entry(
        asset="mels", dataset=DATASET, method=None, data_version="another", code_version=CODE.digest, settings={},
        inputs={}, dagster_run_id="none of Dagster's", duration_s=1.0,
    )  # fmt: skip
    ledger.append(project.home, entry, CODE)
    publish(project.home)


def a_dagster_materialisation_of_its_own(project: Project) -> None:
    """Dagster materialised the mels in a run that the ledger lacks."""

    @dg.asset(name="mels", partitions_def=dg.StaticPartitionsDefinition([DATASET]))
    def mels() -> None: ...

    with open_instance(project) as instance:
        dg.materialize([mels], partition_key=DATASET, instance=instance)


def a_killed_dagster_run(project: Project) -> None:
    code = (
        "import os, signal, dagster as dg\n"
        "@dg.asset\ndef dies():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "dg.materialize([dies], instance=dg.DagsterInstance.get())"
    )
    open_instance(project).dispose()
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)


def a_run_that_nobody_trains(project: Project) -> None:
    Tracking(project.home.mlflow).start_run("generator/x", {}, {"cals.training_key": "none"})


def cals_model(project: Project) -> Any:
    return next(m for m in model_folders(project.home) if m.asset == "generator" and m.is_current)


def a_run_that_mlflow_lost(project: Project) -> None:
    client_of(project).delete_run(cals_model(project).mlflow_run_id)


def a_version_that_mlflow_lost(project: Project) -> None:
    model = cals_model(project)
    client_of(project).delete_model_version(model.registered_name, model.registered_version)


def an_alias_that_points_at_nothing(project: Project) -> None:
    client_of(project).delete_registered_model_alias("cals-generator", f"{DATASET}-cals")


def mlflow_is_gone(project: Project) -> None:
    (project.home.mlflow / "mlflow.db").unlink()


def a_withdrawal_that_the_registry_lacks(project: Project) -> None:
    import hashlib

    sha256 = hashlib.sha256(raw_contents()["train/1.mp4"]).hexdigest()
    record_withdrawal(project.home, sha256, identifier="x", reason="withdrawn", places=[])
    publish(project.home)


def a_file_never_finished(project: Project) -> None:
    path = project.home.shards(DATASET) / ".train-00000.tar.x.tmp"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - 60, time.time() - 60))


def a_run_that_was_killed(project: Project) -> None:
    mark = project.home.root / "running" / "mark.json"
    with working(project.home):
        (kept,) = mark.parent.iterdir()
        text = kept.read_text()
    write_text(mark, text.replace(f'"pid": {os.getpid()}', '"pid": 4194303'))


def a_shard_set_of_another_run(project: Project) -> None:
    """The shards were rewritten, and the run ended before its row in the ledger."""
    SyntheticRun(project, "second", (f"{DATASET}/train/1",))._write_shards()
    publish(project.home)


def a_log_that_a_client_left(project: Project) -> None:
    log = log_path(project.home.database)
    log.unlink()
    log.write_bytes(b"changes")


def a_changed_ledger_row(project: Project) -> None:
    path = ledger.part_paths(project.home)[3]
    table = pq.read_table(path, partitioning=None)
    other = pa.array(["another"] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("host"), "host", other), path)


def a_ledger_row_that_is_gone(project: Project) -> None:
    ledger.part_paths(project.home)[-1].unlink()


def a_part_of_its_own(project: Project) -> None:
    """Files are recorded by the run after the first; then one is added to a partition."""
    SyntheticRun(project, "first", dagster_run_id="", records_files=True).make_data()
    (project.home.stage("mels", DATASET) / "00009.parquet").write_bytes(b"added")


PLANTED: dict[str, tuple[Plant, str, str]] = {
    "shard bytes": (damage(f"shards/{DATASET}/val-00000.tar"), "damaged_output", "val-00000.tar is not the file"),
    "weights": (damage("models/*/generator/cals/*/model.safetensors"), "damaged_output", "has other bytes"),
    "video bytes": (damage(f"renders/{DATASET}/cals/own/*.mkv"), "damaged_output", "than were rendered"),
    "bucket bytes": (damage(f"stages/mels/{DATASET}/00000.parquet"), "damaged_output", "is not readable"),
    "manifest": (damage(f"shards/{DATASET}/manifest.json"), "damaged_output", "manifest"),
    "shard gone": (remove(f"shards/{DATASET}/val-00000.tar"), "missing_output", "val-00000.tar is missing"),
    "report gone": (remove(f"report/{DATASET}/index.html"), "missing_output", "index.html is missing"),
    "contents gone": (remove("warehouse/contents/*/*.parquet"), "missing_output", "list of its clips"),
    "shards of another run": (a_shard_set_of_another_run, "unrecorded_output", "the ledger has"),
    "ledger and files": (a_ledger_row_of_its_own, "unrecorded_output", f"mels/{DATASET}: its bucket files"),
    "ledger and Dagster": (a_ledger_row_of_its_own, "dagster_differs", f"mels/{DATASET}: the ledger has"),
    "Dagster and ledger": (a_dagster_materialisation_of_its_own, "dagster_differs", f"mels/{DATASET}"),
    "killed in Dagster": (a_killed_dagster_run, "dead_dagster_run", "its process is gone"),
    "running in MLflow": (a_run_that_nobody_trains, "dead_mlflow_run", "nothing trains for it"),
    "MLflow lost a run": (a_run_that_mlflow_lost, "mlflow_differs", "which MLflow lacks"),
    "MLflow lost a version": (a_version_that_mlflow_lost, "mlflow_differs", "which MLflow's registry lacks"),
    "MLflow lost an alias": (an_alias_that_points_at_nothing, "mlflow_differs", "points at nothing"),
    "MLflow is gone": (mlflow_is_gone, "mlflow_differs", "which MLflow lacks"),
    "not marked": (a_withdrawal_that_the_registry_lacks, "unmarked_model", "is not marked"),
    "half a file": (a_file_never_finished, "left_over_file", "was never finished"),
    "killed run": (a_run_that_was_killed, "interrupted_run", "was killed while it worked"),
    "old warehouse": (
        lambda p: SyntheticRun(p, "second").make_scores("cals"), "old_warehouse", "not published from the tables"
    ),
    "a client's log": (a_log_that_a_client_left, "altered_warehouse", "a client's changes lie in cals.duckdb.wal"),
    "row of the ledger changed": (a_changed_ledger_row, "damaged_ledger", "was changed: it has another digest"),
    "row of the ledger gone": (a_ledger_row_that_is_gone, "damaged_ledger", "the ledger lacks the row"),
    "part that nobody wrote": (a_part_of_its_own, "added_file", "is not among the files that were recorded"),
    "rows gone from the warehouse": (
        edit_database("delete from clip_metrics_history where method = 'cals'"), "warehouse_differs", "clip_metrics holds 4 rows"
    ),
    "ledger rows gone from the warehouse": (
        edit_database("delete from materializations where asset = 'mels'"), "warehouse_differs", "only in one of"
    ),
    "table of the warehouse gone": (edit_database("drop table dubs"), "warehouse_differs", "dubs does not exist"),
    "warehouse damaged": (
        lambda p: p.home.database.write_bytes(b"no database" * 4000), "warehouse_differs", "not a readable DuckDB file"
    ),
}  # fmt: skip


@pytest.mark.proof
@pytest.mark.parametrize(("plant", "kind", "says"), PLANTED.values(), ids=PLANTED)
def test_a_planted_inconsistency_is_found(
    project: Project, capsys: pytest.CaptureFixture[str], plant: Plant, kind: str, says: str
) -> None:
    plant(project)
    status, found = doctor_status(capsys)
    assert status == 1
    texts = [one["text"] for one in found if one["subject"] == kind]
    assert any(says in text for text in texts), found
    assert all(one["remedy"].startswith("cals run mends it: ") for one in found)


def test_several_are_reported_together_and_nothing_is_changed(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    names = (
        "shard bytes",
        "ledger and Dagster",
        "MLflow lost an alias",
        "rows gone from the warehouse",
        "half a file",
    )
    for name in names:
        PLANTED[name][0](project)
    before = {path: path.stat().st_mtime_ns for path in (project.home.root / "shards").rglob("*")}
    status, found = doctor_status(capsys)
    assert status == 1 and {PLANTED[name][1] for name in names} <= {one["subject"] for one in found}
    assert doctor_status(capsys) == (status, found)
    assert {path: path.stat().st_mtime_ns for path in (project.home.root / "shards").rglob("*")} == before


def test_every_kind_is_planted_here_or_where_a_process_is_needed() -> None:
    from pipelines.repair.flaw import Flaw

    named = {word.strip("`.,;") for word in (Flaw.__doc__ or "").split() if word.startswith("``")}
    kinds = {name for name in named if "_" in name}
    of_deep = {"lost_record", "changed_raw_file", "damaged_cache"}  # tests/pipelines/repair/test_deep.py
    assert kinds == {kind for _, kind, _ in PLANTED.values()} | {"orphaned_training", "old_ledger"} | of_deep
