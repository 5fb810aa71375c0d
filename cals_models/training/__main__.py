"""`python -m cals_models.training STAGE --config config.json --out DIR`: one training, from shards to weights.

Under torchrun it is one of several processes. Exit status 0: done, or done earlier; 1: the loss diverged; 2: wrong
input, in one line.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cals_models.fingerprint.trainings import training_code
from cals_models.methods.configs import TRAINED_STAGES
from cals_models.training.job import TrainingJob, read_job

if TYPE_CHECKING:
    from cals_models.shards.shard_set import ShardSet


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line, trains, returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m cals_models.training", description="Train one stage.")
    parser.add_argument("stage", choices=sorted(TRAINED_STAGES))
    parser.add_argument(
        "--config", type=Path, required=True, help="the job: stage, method, shards, settings, inputs"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for progress, checkpoint, weights, result"
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: %(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        job = read_job(options.config)
        if job.stage != options.stage:
            raise ValueError(f"{options.config}: is a job for {job.stage}, not for {options.stage}")
        return train_job(job, options.out, device=options.device, show_progress=not options.quiet)
    except (ValueError, OSError) as error:
        print(f"cals_models.training: error: {error}", file=sys.stderr)
        return 2


def train_job(job: TrainingJob, out: Path, *, device: str = "auto", show_progress: bool = True) -> int:
    """Trains a job in a folder; does nothing where the folder holds its result.

    Raises:
        ValueError: the job, its shards, its inputs or the folder cannot be used.
    """
    from cals_models.shards.shard_set import ShardSet
    from cals_models.training.distributed import join_world, leave_world
    from cals_models.training.engine import TrainingDiverged, train
    from cals_models.training.needs import require_needs
    from cals_models.training.result import write_result
    from cals_models.training.run_directory import RunDirectory
    from cals_models.training.stages import build_stage

    world = join_world(device)
    try:
        run = RunDirectory(out, is_writer=world.is_first)
        run.claim(job)
        if run.result_path.exists():
            return 0
        shard_sets = [ShardSet(folder, check_digests=world.is_first) for folder in job.shards]
        if job.method is not None:
            require_needs(job.method, job.config, shard_sets)
        stage = build_stage(job, world, shard_sets)
        result = train(stage, run, show_progress=show_progress)
        if world.is_first:
            write_result(job, stage, result, run, _trained_from(job, shard_sets))
        return 0
    except TrainingDiverged as error:
        print(f"cals_models.training: error: {error}", file=sys.stderr)
        return 1
    finally:
        leave_world()


def _trained_from(job: TrainingJob, shard_sets: Sequence["ShardSet"]) -> dict[str, object]:
    """Digests of what decides a training besides its settings: shards, input models, code."""
    code = training_code(job.stage, job.method)
    inputs = {
        name: json.loads((folder / "model.json").read_text(encoding="utf-8"))["weights_sha256"]
        for name, folder in sorted(job.inputs.items())
    }
    return {
        "shards": {str(shard_set.folder): shard_set.digest for shard_set in shard_sets},
        "inputs": inputs,
        "code": dict(code.definitions),
        "code_digest": code.digest,
    }


if __name__ == "__main__":
    sys.exit(main())
