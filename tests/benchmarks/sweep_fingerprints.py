"""Every statement that a stage executes, mutated: does the stage's code version change?

    python -m tests.benchmarks.sweep_fingerprints [--every 1] [--seed 0]

Prints the mutants that a stage misses, and their number; exit status 1 if there is one. About ten minutes;
`--every 12` takes one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.support.fingerprint_sweep import EXEMPT, Sweep


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="take each so many-th statement")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, sweep, begun = random.Random(given.seed), Sweep(), time.perf_counter()
    stages_of: dict[str, list[str]] = {}
    for stage, names in sweep.counted.items():
        for name in names:
            stages_of.setdefault(name, []).append(stage)
    mutants = [(name, number) for name in sorted(stages_of) for number in range(sweep.statements(name))]
    verdicts = missed = 0
    for name, number in mutants[:: given.every]:
        verdicts += len(stages_of[name])
        for stage in sweep.missed(name, number, stages_of[name], rng):
            missed += 1
            print(f"missed by {stage}: statement {number} of {name}")
    chosen = len(mutants[:: given.every])
    print(f"{chosen} mutants of {len(stages_of)} definitions, {verdicts} verdicts, {missed} missed; "
          f"{len(EXEMPT)} exemptions; {time.perf_counter() - begun:.0f} s")  # fmt: skip
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
