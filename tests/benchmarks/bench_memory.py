"""Peak memory of `cals run --to shards` against the number of clips: it must not grow with it.

    python -m tests.benchmarks.bench_memory --grid FOLDER [--counts 200 2000] [--workers 2]

Clips are GRID clips copied with changed bytes (a harmless tail), so that each is a file of its own. Buckets grow
in number with the clips, as `cals add` makes them. Peak resident memory (VmHWM) of the run and of its largest
worker, sampled ten times a second; a worker's own peak stays in its VmHWM between samples. In the run itself only the
inventory grows, by a few hundred bytes a clip, which is listed and published as tables.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[2]
CLIPS_A_BUCKET = 25
LOOK_EVERY_S = 0.1
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """Peak resident bytes of the run itself and of the largest of its workers, and how long it took."""

    run: int
    worker: int
    seconds: float


def copy_with_changes(clips: list[Path], folder: Path, count: int) -> None:
    """Fills a folder in GRID's layout; each file ends in bytes of its own that no demuxer minds."""
    folder.mkdir(parents=True)
    for number in range(count):
        clip = clips[number % len(clips)]
        path = folder / f"{clip.stem}_{number:05d}.mpg"
        shutil.copyfile(clip, path)
        with path.open("ab") as file:
            # An MPEG program stream's padding packet: start code, length, content.
            file.write(b"\x00\x00\x01\xbe" + (16).to_bytes(2, "big") + number.to_bytes(16, "big"))


def watched_cals(folder: Path, *arguments: str, **variables: str) -> Peaks:
    """Runs the command line in a folder that holds a cals.yaml, with these environment variables, and watches its memory."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    environment = own | {"PYTHONPATH": str(PROJECT), "CALS_HOME": str(folder / "home")} | variables
    command = [sys.executable, "-m", "pipelines.cli.main", *arguments]
    begun, run_peak, worker_peak = time.monotonic(), 0, 0
    with (folder / "run.log").open("wb") as log:
        run = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        while run.poll() is None:
            run_peak = max(run_peak, peak_bytes(run.pid))
            worker_peak = max([worker_peak, *(peak_bytes(child) for child in children(run.pid))])
            time.sleep(LOOK_EVERY_S)
    if run.returncode:
        raise RuntimeError((folder / "run.log").read_text(errors="replace")[-3000:])
    return Peaks(run=run_peak, worker=worker_peak, seconds=time.monotonic() - begun)


def children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def peak_bytes(pid: int) -> int:
    """Highest resident memory that a process ever had; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) * 1024 if lines else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--grid", type=Path, required=True, help="folder of GRID clips")
    parser.add_argument("--counts", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    clips = sorted(given.grid.glob("*.mpg"))
    print(f"{'clips':>6}{'buckets':>9}{'run MiB':>9}{'worker MiB':>12}{'seconds':>9}", flush=True)
    for count in given.counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            copy_with_changes(clips, folder / "grid" / "s1", count)
            num_buckets = max(2, count // CLIPS_A_BUCKET)
            (folder / "cals.yaml").write_text(
                f"datasets:\n  many: {{layout: grid, root: grid, profile: tiny, num_buckets: {num_buckets}}}\n"
            )
            peaks = watched_cals(folder, "run", "--to", "shards", CALS_NUM_WORKERS=str(given.workers))
            row = f"{count:6}{num_buckets:9}{peaks.run / MIB:9.0f}{peaks.worker / MIB:12.0f}{peaks.seconds:9.0f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
