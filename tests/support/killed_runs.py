"""Runs of the command line as processes that start at once, to be killed at any moment of their work.

They are forked from a server that has loaded Dagster and MLflow, so that a random moment falls into work, not into
loading. Each leads its own process group: killing the group also kills its workers, as a crash of the machine would;
trainings, which lead groups of their own, survive it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

PRELOADED = [
    "pipelines.runner",
    "pipelines.repair.mlflow_runs",
    "pipelines.repair.registry",
    "mlflow",
    "duckdb",
]
POLL_S = 0.005


class Runs:
    """Starts ``cals run`` in a folder with a home of its choice.

    Args:
        folder: holds ``cals.yaml``; each home's log lies there too.
        arguments: of every run.
    """

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.folder = folder
        self.arguments = arguments
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        first = self.context.Process(target=os.getpid)  # ends once the server has loaded all
        first.start()
        first.join()

    def log(self, home: Path) -> str:
        path = self.folder / f"{home.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, home: Path) -> BaseProcess:
        run = self.context.Process(target=_run, args=(str(self.folder), str(home), self.arguments))
        run.start()
        return run

    def finish(self, home: Path) -> float:
        """Runs to the end; returns the seconds it took."""
        begun = time.monotonic()
        run = self.start(home)
        run.join()
        assert run.exitcode == 0, self.log(home)[-4000:]
        return time.monotonic() - begun

    def kill_when(self, home: Path, is_time: Callable[[float], bool]) -> bool:
        """Starts a run and kills it once ``is_time(seconds since its start)``; False if it was done before."""
        begun = time.monotonic()
        run = self.start(home)
        while run.is_alive():
            if is_time(time.monotonic() - begun) and run.pid is not None and _leads_a_group(run.pid):
                os.killpg(run.pid, signal.SIGKILL)
                run.join()
                return True
            time.sleep(POLL_S)
        assert run.exitcode == 0, self.log(home)[-4000:]
        return False


def _leads_a_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _run(folder: str, home: str, arguments: list[str]) -> None:
    os.setsid()
    os.chdir(folder)
    log = os.open(f"{folder}/{Path(home).name}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(log, stream)
    for name in [name for name in os.environ if name.startswith(("CALS_", "DAGSTER_", "MLFLOW_TRACKING"))]:
        del os.environ[name]
    os.environ |= {"CALS_HOME": home, "CALS_NUM_WORKERS": "1"}
    from pipelines.cli.main import main

    status = main(["run", *arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
