"""`cals run` with nothing to do, over 3 datasets x 8 methods, 100,000 clips and 10,000 ledger rows.

    python -m tests.benchmarks.bench_noop [--clips 100000] [--rows 10000] [--repeats 5]

Goals: at most 5 s of wall time, of which at most 2 s for the scan of the raw files (100,000 real files of a few
bytes each, listed and compared with their last scan), and less than 500 MB of peak resident memory. Each repeat is a
process of its own, as a user starts it. The project has six methods; two more are added to the table in that process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from assets.store.ledger import COMPACT_ABOVE
from tests.support.fresh_home import Size, add_methods, make_fresh_home

PROJECT = Path(__file__).resolve().parents[2]
NUM_METHODS = 8
MB = 1_000_000
# The command line's own `main`, timed around the scan; the goals are those of issue and README.
RUN = f"""
import sys, time
from cals_models.methods.method import Method
from cals_models.methods.registry import METHOD_MODULES, METHODS
for number in range({NUM_METHODS} - len(METHODS)):
    name = f"another_{{number}}"
    METHODS[name] = Method(name=name, label=name, position=99, description="defined for a test")
    METHOD_MODULES[name] = METHOD_MODULES["copy_reference"]
from assets.raw_videos import dataset_scan as sources
plain, spent = sources.scan_dataset, []
def timed(*arguments):
    begun, begun_cpu = time.perf_counter(), time.process_time()
    try:
        return plain(*arguments)
    finally:
        spent.append((time.perf_counter() - begun, time.process_time() - begun_cpu))
sources.scan_dataset = timed
from pipelines.cli.main import main
status = main(sys.argv[1:])
peak_kb = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(spent), *map(sum, zip(*spent)), time.process_time(), peak_kb, file=sys.stderr)
sys.exit(status)
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run that had nothing to do: seconds in all, of which for the scan, on the clock and of the processor; peak
    resident bytes."""

    wall_s: float
    scan_s: float
    cpu_s: float
    scan_cpu_s: float
    peak_bytes: int


def measured_noop(folder: Path) -> Measured:
    """Runs ``cals run`` in a settled home.

    Raises:
        RuntimeError: it found something to do, or scanned a dataset twice.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))}
    begun = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", RUN, "run"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    wall_s = time.perf_counter() - begun
    if run.returncode or run.stdout != "nothing is stale: nothing to do\n":
        raise RuntimeError(f"the run was to find nothing to do:\n{run.stdout}\n{run.stderr}")
    num_scans, scan_s, scan_cpu_s, cpu_s, peak_kb = run.stderr.splitlines()[-1].split()
    if int(num_scans) > 3:
        raise RuntimeError(f"{num_scans} scans of 3 datasets; each is to be looked at once")
    return Measured(
        wall_s=wall_s,
        scan_s=float(scan_s),
        cpu_s=float(cpu_s),
        scan_cpu_s=float(scan_cpu_s),
        peak_bytes=int(peak_kb) * 1024,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="make the home here, or take the one that is here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        methods = add_methods(NUM_METHODS)
        if not (folder / ".cals").exists():
            size = Size(clips=given.clips, ledger_rows=given.rows, single_rows=COMPACT_ABOVE)
            begun = time.perf_counter()
            make_fresh_home(folder, size, methods)
            print(f"made a home of {given.clips} clips in {time.perf_counter() - begun:.0f} s", flush=True)
        found = [measured_noop(folder) for _ in range(given.repeats)]
    for one in found:
        print(
            f"{one.wall_s:6.2f} s, scan {one.scan_s:5.2f} s; of the processor {one.cpu_s:5.2f} s, "
            f"scan {one.scan_cpu_s:5.2f} s; peak {one.peak_bytes / MB:4.0f} MB"
        )
    print(f"median {statistics.median(one.wall_s for one in found):.2f} s")


if __name__ == "__main__":
    main()
