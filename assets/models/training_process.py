"""Training in a process group of its own: started, its progress relayed, and ended as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from assets.project.atomic_files import write_text
from assets.workers.child_process import child_environment
from cals_models.references import PROJECT_ROOT

PROCESS = "cals_models.training.__main__:main"
"""What the process runs, as a reference: the code of a training is part of its stage's code version."""
LOG_FILE = "training.log"
POLL_S = 0.2
STOP_WAIT_S = 10.0
LOG_LINES_SHOWN = 12


class TrainingFailed(RuntimeError):
    """The training process ended with an error; the message holds the last lines that it wrote."""


def command(stage: str, config: Path, out: Path) -> list[str]:
    """The command line of a training; ``torchrun`` where there are several GPUs."""
    module = ["-m", PROCESS.partition(".__main__:")[0], stage, "--config", str(config), "--out", str(out)]
    num_gpus = _num_gpus()
    if num_gpus > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_gpus}"]
        return [sys.executable, *launcher, *module]
    return [sys.executable, *module]


def _num_gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([entry for entry in visible.split(",") if entry.strip()])
    return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))


def run_training(
    stage: str,
    config: Mapping[str, Any],
    out: Path,
    on_progress: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Runs (or resumes) a training in ``out`` and returns its ``result.json``.

    Args:
        stage: ``sync_encoder``, ``audio_to_lip``, ``generator`` or ``lse_evaluator``.
        config: written to ``out/config.json``; a training depends on nothing else.
        out: folder of the training; a training that was begun there resumes.
        on_progress: gets each new line of ``progress.jsonl``.

    Raises:
        TrainingFailed: the process ended with a status other than 0.
    """
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    for folder, earlier in training_processes():
        if folder == out and os.getsid(earlier.pid) == earlier.pid:
            end_training(earlier)  # it outlived the run that started it; two would write the same checkpoint
    config_path = out / "config.json"
    write_text(config_path, json.dumps(config, indent=1, sort_keys=True))
    reader = _ProgressReader(out / "progress.jsonl")
    log_path = out / LOG_FILE
    show = sys.stderr.isatty()
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command(stage, config_path, out),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=None if show else log,
            env=child_environment(PROJECT_ROOT, PYTHONUNBUFFERED="1"),
            cwd=out,
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            reader.relay(on_progress)
            time.sleep(POLL_S)
    finally:
        _end_group(process)
    reader.relay(on_progress)
    if process.returncode != 0:
        tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        raise TrainingFailed(
            f"training {stage} ended with exit status {process.returncode}; its log is {log_path}: "
            + " | ".join(line.strip() for line in tail if line.strip())
        )
    result: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return result


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of the process group, so that a cancelled run leaves no training behind."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
        try:
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            continue


def training_processes() -> Iterator[tuple[Path, psutil.Process]]:
    """Folder and process of each training at work on this machine."""
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if "cals_models.training" in words and "--out" in words[:-1]:
            yield Path(words[words.index("--out") + 1]), process


def end_training(process: psutil.Process) -> None:
    """Ends a training that leads a process group of its own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(STOP_WAIT_S)
            return
        except (psutil.NoSuchProcess, ProcessLookupError):
            return
        except psutil.TimeoutExpired:
            continue


class _ProgressReader:
    """Follows a growing file of JSON lines; an unfinished line is relayed once it is complete.

    A resumed training replaces the file by one without the steps that it repeats; that file is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.inode: int | None = None

    def relay(self, on_progress: Callable[[dict[str, Any]], None]) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self.inode:
                self.inode, self.offset = inode, 0
            file.seek(self.offset)
            data = file.read()
        whole, newline, _ = data.rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        for line in whole.splitlines():
            if line.strip():
                on_progress(json.loads(line))
