"""`cals status`: what runs and how far, what waits, what was killed, what ended last; without Dagster and torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assets.project.home import Home
from assets.store.partition_runs import DONE, FAILED, progress_of, work_on
from assets.workers.progress import Progress, report_progress
from pipelines.cli.main import main

PROJECT = Path(__file__).resolve().parents[2]
WORK = """
import sys, time
from pathlib import Path
from assets.project.home import Home
from assets.store.partition_runs import progress_of, work_on
from assets.workers.progress import progress_bar
def say(line):
    print("waits", flush=True)
with work_on(Home(Path(sys.argv[1])), [(sys.argv[2], "one", None)], "run", say) as work, progress_of(work):
    with progress_bar("mels of one", 30) as advance:
        advance(30), advance(-18)
        time.sleep(1.1)
        advance(0)
        print("works", flush=True)
        time.sleep(60)
"""


class Others:
    """Other processes that work on partitions of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, asset: str, first_word: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORK, str(self.home.root), asset],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )
        self.processes.append(process)
        assert process.stdout is not None and process.stdout.readline() == f"{first_word}\n"
        return process

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CALS_HOME", str(tmp_path / ".cals"))
    monkeypatch.setenv("CALS_CONFIG", str(tmp_path / "cals.yaml"))
    entry = "{layout: folder, root: one, profile: tiny}"
    (tmp_path / "cals.yaml").write_text(f"datasets:\n  one: {entry}\n  two: {entry}\n")
    return Home(tmp_path / ".cals")


def shown(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["status", *options]) == 0
    return capsys.readouterr().out


def test_running_waiting_and_killed_work_is_told_apart(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys) == "nothing runs\n"
    others = Others(home)
    try:
        holder = others.start("mels", "works")
        waiter = others.start("mels", "waits")
        killed = others.start("clips", "works")
        killed.kill()
        killed.wait()
        status: dict[str, list[dict[str, Any]]] = json.loads(shown(capsys, "--json"))
        (running,), (waiting,), (gone,) = status["running"], status["waiting"], status["killed"]
        assert (running["asset"], running["dataset"], running["method"]) == ("mels", "one", None)
        assert running["pid"] == holder.pid and running["host"] == os.uname().nodename
        assert running["progress"]["done"] == 12 and running["progress"]["total"] == 30
        assert waiting["asset"] == "mels" and waiting["pid"] == waiter.pid
        assert gone["asset"] == "clips" and gone["pid"] == killed.pid and gone["state"] == "killed"
        lines = shown(capsys).splitlines()
        host = os.uname().nodename
        assert lines[0].startswith("running  mels/one: 12 of 30 clips, since ")
        assert lines[0].endswith(f"process {holder.pid} on {host}")
        assert lines[1].startswith(
            f"waiting  mels/one: process {waiter.pid} on {host} waits for process {holder.pid} on"
        )
        assert lines[2].startswith("killed   clips/one: 12 of 30 clips, since ")
        assert lines[2].endswith("cals run continues from what it finished")
        assert shown(capsys, "--dataset", "two") == "nothing runs\n"
    finally:
        others.kill()
    lines = shown(capsys).splitlines()
    assert lines[0] == "nothing runs" and {line.split(":")[0] for line in lines[1:]} == {"killed   mels/one", "killed   clips/one"}  # fmt: skip


def test_what_ended_last_is_shown_with_its_log(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    logs = home.dagster / "storage" / "run-1" / "compute_logs"
    logs.mkdir(parents=True)
    (logs / "step.err").write_text("bars")
    with work_on(home, [("clips", "one", None)], "run-1", print) as work:
        work.end(DONE)
    with pytest.raises(RuntimeError), work_on(home, [("generator", "one", "cals")], "run-2", print) as work:
        with progress_of(work):
            report_progress(Progress(title="training", done=5, total=9, unit="step", log="/train.log"))
        raise RuntimeError("out of memory")
    last, first = json.loads(shown(capsys, "--json"))["ended"]
    assert (first["asset"], first["state"], first["log"]) == ("clips", DONE, str(logs / "step.err"))
    assert (last["method"], last["state"], last["log"]) == ("cals", FAILED, "/train.log")
    nothing, failed, done = shown(capsys).splitlines()
    assert nothing == "nothing runs" and failed.endswith("after 0 s: RuntimeError: out of memory")
    assert failed.startswith("failed   generator/one/cals: ") and done.startswith("done     clips/one: ")


def test_an_unknown_dataset_is_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--dataset", "three"]) == 1
    error = capsys.readouterr().err
    assert "three" in error and error.count("\n") == 1


def test_it_loads_neither_dagster_nor_torch(home: Home) -> None:
    code = (
        "import sys; from pipelines.cli.main import main; main(['status', '--json']); "
        "print([name for name in ('dagster', 'torch', 'pandas', 'duckdb', 'mlflow', 'pyarrow') if name in sys.modules])"
    )
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert time.monotonic() - begun < 5.0
