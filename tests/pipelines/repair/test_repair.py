"""Each kind of inconsistency of processes, Dagster and MLflow is caused, found and repaired."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from assets.project.atomic_files import write_text
from assets.project.settings import Project
from assets.stage.partitions import partition_key
from assets.store import ledger
from assets.store.mlflow_tracking import Tracking
from assets.store.withdrawals import record_withdrawal
from pipelines.lineage.ledger_graph import Partition
from pipelines.lineage.registered_models import model_folders
from pipelines.repair.dagster_storage import PROCESS_TAG, process_tags
from pipelines.repair.interruption import find_interrupted, is_alive, working
from pipelines.repair.repair import find_flaws, needs_repair, repair
from tests.support.lineage_home import CODE, DATASET
from tests.support.model_registry import client_of, record_runs, register_models

PROJECT = Path(__file__).parents[3]


def kinds(project: Project, instance: DagsterInstance) -> set[str]:
    return {flaw.kind for flaw in find_flaws(project, instance)}


def test_a_killed_run_leaves_a_mark_and_a_finished_one_does_not(project: Project) -> None:
    with working(project.home):
        assert (
            len(list((project.home.root / "running").iterdir())) == 1 and find_interrupted(project.home) == []
        )
    assert list((project.home.root / "running").iterdir()) == []
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom assets.project.home import Home\n"
        "from pipelines.repair.interruption import working\n"
        f"with working(Home(Path({str(project.home.root)!r}))):\n    print('working', flush=True)\n    time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert process.stdout is not None and process.stdout.readline() == "working\n"
    assert find_interrupted(project.home) == []
    process.kill()
    process.wait()
    (flaw,) = find_interrupted(project.home)
    assert flaw.kind == "interrupted_run" and needs_repair(project)
    assert not is_alive(process.pid) and is_alive(os.getpid()) and not is_alive(os.getpid(), since_s=0.0)


def test_what_another_run_works_on_is_left_alone(project: Project, instance: DagsterInstance) -> None:
    tar = project.home.shards(DATASET) / "val-00000.tar"
    tar.write_bytes(b"being rewritten")
    mark = project.home.root / "running" / "elsewhere-1.json"
    for datasets, is_busy in (([], True), ([DATASET], True), (["another"], False)):
        write_text(mark, json.dumps({"host": "elsewhere", "pid": 1, "started_s": 0.0, "datasets": datasets}))
        assert needs_repair(project) is not is_busy
        found = {flaw.kind for flaw in find_flaws(project, instance)}
        assert ("damaged_output" in found) is not is_busy and ("dagster_differs" in found) is not is_busy
    assert tar.read_bytes() == b"being rewritten"


@pytest.mark.parametrize("is_busy", [True, False])
def test_left_over_files_are_removed_but_not_those_being_written(
    project: Project, instance: DagsterInstance, is_busy: bool
) -> None:
    """While another run is at work a file that was just written may be its; else it is what a kill left."""
    old, held, new = (project.home.shards(DATASET) / f".{name}.tar.x.tmp" for name in ("old", "held", "new"))
    partial = project.home.model("generator", DATASET, "cals") / ".checkpoint.pt.7.partial"
    build = project.home.warehouse / ".publishing-x"
    build.mkdir()
    if is_busy:
        content = {
            "host": platform.node(),
            "pid": os.getppid(),
            "started_s": time.time(),
            "datasets": ["another"],
        }
        write_text(project.home.root / "running" / "elsewhere.json", json.dumps(content))
    long_ago = time.time() - 60
    for path in (old, held, partial):
        path.write_bytes(b"half")
        os.utime(path, (long_ago, long_ago))
    new.write_bytes(b"half")
    with held.open("ab"):
        texts = [flaw.text for flaw in find_flaws(project, instance) if flaw.kind == "left_over_file"]
        assert len(texts) == (3 if is_busy else 4) and not any("held" in text for text in texts)
        new.write_bytes(b"half")
        repair(project, instance)
    assert (old.exists(), held.exists(), partial.exists(), build.exists()) == (False, True, False, False)
    assert new.exists() is is_busy


def test_a_dagster_run_whose_process_was_killed_is_ended(
    project: Project, instance: DagsterInstance, dagster_folder: Path
) -> None:
    code = (
        "import os, signal, sys, dagster as dg\n"
        "@dg.asset(pool='gpu')\ndef dies():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"with dg.DagsterInstance.local_temp({str(dagster_folder)!r}) as instance:\n"
        "    dg.materialize([dies], instance=instance)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=PROJECT)
    assert done.returncode == -signal.SIGKILL
    (run,) = instance.get_runs(dg.RunsFilter(statuses=[DagsterRunStatus.STARTED]))
    assert "dead_dagster_run" in kinds(project, instance)
    lines = repair(project, instance).lines
    assert any("marked as failed" in line for line in lines)
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None and ended.status == DagsterRunStatus.FAILURE
    assert "dead_dagster_run" not in kinds(project, instance)
    assert instance.event_log_storage.get_concurrency_run_ids() == set()


def test_a_dagster_run_killed_before_its_first_event_is_ended(
    project: Project, instance: DagsterInstance
) -> None:
    own = instance.create_run_for_job(dg.job(name="works")(lambda: None), tags=process_tags())
    waiting = instance.create_run_for_job(dg.job(name="waits")(lambda: None))
    assert "dead_dagster_run" not in kinds(project, instance)
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    gone = process_tags() | {PROCESS_TAG: f"{child.stdout.strip()}@{time.time()}"}
    killed = instance.create_run_for_job(dg.job(name="killed")(lambda: None), tags=gone)
    repair(project, instance)
    statuses = [getattr(instance.get_run_by_id(run.run_id), "status", None) for run in (own, waiting, killed)]
    assert statuses == [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.FAILURE]


def test_dagster_and_ledger_are_compared(project: Project, instance: DagsterInstance) -> None:
    def differing() -> set[Partition]:
        flaws = find_flaws(project, instance)
        return {flaw.remake[0] for flaw in flaws if flaw.kind == "dagster_differs"}

    assert differing() == set(ledger.heads(project.home))
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key="mels", partition=DATASET))
    key = partition_key(DATASET, "cals")
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key="renders", partition=str(key)))
    for row in (("mels", None), ("renders", "cals")):
        entry = ledger.Entry(
            asset=row[0], dataset=DATASET, method=row[1], data_version="v", code_version=CODE.digest, settings={},
            inputs={}, dagster_run_id="", duration_s=1.0,
        )  # fmt: skip
        ledger.append(project.home, entry, CODE)
    assert differing() == set(ledger.heads(project.home)) - {
        ("mels", DATASET, None),
        ("renders", DATASET, "cals"),
    }


def test_mlflow_runs_are_ended_as_their_trainings_ended(project: Project, instance: DagsterInstance) -> None:
    register_models(project)
    record_runs(project)
    tracking, client = Tracking(project.home.mlflow), client_of(project)
    done, cut = (m for m in model_folders(project.home) if m.asset in ("sync_encoder", "audio_to_lip"))
    started = {}
    for model in (done, cut):
        started[model.path] = tracking.start_run(model.label, {}, {"cals.training_key": model.path.name})
        write_text(model.path / "mlflow_run_id", started[model.path])
    (cut.path / "result.json").unlink()
    (done.path / "registered_version").unlink()
    found = [flaw.text for flaw in find_flaws(project, instance) if flaw.kind == "dead_mlflow_run"]
    assert len(found) == 3
    repair(project, instance)
    assert client.get_run(started[done.path]).info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(started[done.path], "model")] == [
        "model/model.safetensors", "model/result.json"
    ]  # fmt: skip
    assert client.get_run(started[cut.path]).info.status == "KILLED"
    assert (done.path / "registered_version").read_text() == "1"
    assert "dead_mlflow_run" not in kinds(project, instance)


def test_a_model_that_saw_a_withdrawn_clip_is_marked_late(
    project: Project, instance: DagsterInstance
) -> None:
    register_models(project)
    content = ledger_hash(project, f"{DATASET}/train/1")
    record_withdrawal(project.home, content, identifier="x", reason="withdrawn", places=[])
    assert "unmarked_model" in kinds(project, instance)
    repair(project, instance)
    assert "unmarked_model" not in kinds(project, instance)


def ledger_hash(project: Project, clip_id: str) -> str:
    from pipelines.lineage.questions import trace

    return str(trace(project, clip_id).clips["raw_sha256"][0].as_py())


def test_a_training_that_outlived_its_run_is_ended(project: Project, instance: DagsterInstance) -> None:
    out = project.home.model("generator", DATASET, "cals") / "0123"
    child = f"[sys.executable, '-c', 'import time; time.sleep(60)', '-m', 'cals_models.training', '--out', {str(out)!r}]"
    code = (
        "import subprocess, sys\n"
        f"process = subprocess.Popen({child}, start_new_session=True, stdin=subprocess.DEVNULL,\n"
        "    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\nprint(process.pid)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(done.stdout)
    try:
        assert "orphaned_training" in kinds(project, instance)
        repair(project, instance)
        assert not is_alive(pid)
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_repair_says_what_it_did_and_what_comes_next(project: Project, instance: DagsterInstance) -> None:
    (project.home.shards(DATASET) / "val-00000.tar").unlink()
    said: list[str] = []
    done = repair(project, instance, said.append)
    assert done.lines == said and ("shards", DATASET, None) in done.remake
    assert any(line.endswith("is missing: to be made again (next: shards/talks)") for line in said)
