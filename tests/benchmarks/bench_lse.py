"""LSE-D, LSE-C and the offset of one clip by this project's code, against a transcription of the published protocol.

    python -m tests.benchmarks.bench_lse --clip GRID_CLIP [--repeats 5]

Both run network S at its published size with random weights, on one thread and in turns; what counts is processor time, since
it hardly depends on what else the machine does. Results agree (tests/cals_models/metrics/test_lse.py); here only
their cost is compared, so the ratio is printed and nothing is asserted: it belongs to the machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from cals_models.metrics.lse import LipSyncEvaluator
from tests.support.grid_crops import grid_crops
from tests.support.lse_transcription import network_of, transcribed

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    frames, audio = grid_crops(options.clip)
    network, shown = network_of(0, 1.0), torch.from_numpy(frames.copy())
    runs: dict[str, Callable[[], object]] = {"transcription": lambda: transcribed(network, frames, audio)}
    for name, precision in PRECISIONS.items():
        evaluator = LipSyncEvaluator(network, name="random", dtype=precision)
        runs[name] = lambda evaluator=evaluator: evaluator.evaluate(shown, audio)  # type: ignore[misc]
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.repeats):
        for name, run in runs.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"transcription: {medians['transcription']:.2f} s of processor time for {len(frames)} frames")
    for name in PRECISIONS:
        ratio = medians["transcription"] / medians[name]
        print(f"this project's code in {name}: {medians[name]:.2f} s, {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
