"""A training step of `wav2lip` as this project computes it, against the same networks as Wav2Lip's code would run them.

    python -m tests.benchmarks.bench_training_step [--profile paper] [--samples 2] [--steps 5]

Both train the generator, its audio encoder and the discriminator with the sync loss switched on, from the same generated clips
and the same first weights, in turns within one process. One computes in bf16 where the processor has it and lays
frames out channels-last; the other in fp32 and torch's default layout, as published (arXiv 2008.10010). Absolute values
belong to the machine, the ratio is what counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch

from cals_models.config.generator import GeneratorConfig
from cals_models.config.profiles import PROFILES
from cals_models.config.stages import config_from_fields
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.methods.configs import model_config
from cals_models.networks.lip_sync import LipSync
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.shards.shard_set import ShardSet
from cals_models.training.distributed import World
from cals_models.training.generator import GeneratorStage
from tests.benchmarks.bench_loader import make_shards

NUM_CLIPS = 4


@contextmanager
def default_layout() -> Iterator[None]:
    """Whatever asks for channels-last gets torch's default."""
    with patch.object(torch, "channels_last", torch.contiguous_format):
        yield


def build(profile: str, precision: str, samples: int, shards: ShardSet) -> GeneratorStage:
    """The stage of method `wav2lip`, its sync loss on."""
    config = model_config(
        "generator",
        "wav2lip",
        {
            **PROFILES[profile]["generator"],
            "precision": precision,
            "batch_samples": samples,
            "single_frame_share": 0.0,
        },
    )
    expert_config = config_from_fields("sync_encoder", PROFILES[profile]["sync_encoder"])
    assert isinstance(config, GeneratorConfig) and isinstance(expert_config, SyncEncoderConfig)
    torch.manual_seed(0)
    model, expert = LipSync("wav2lip", config, None), SyncEncoder(expert_config).eval().requires_grad_(False)
    world = World(rank=0, size=1, device=torch.device("cpu"))
    stage = GeneratorStage("wav2lip", config, None, world, [shards], model, expert)
    stage.sync_is_on = True
    return stage


def timed_step(stage: GeneratorStage, number: int) -> float:
    """Seconds of one update; drawing the batch is not in them."""
    batch = stage.draw(number)
    start = time.perf_counter()
    stage.train_step([batch], number)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="paper", choices=["paper", "tiny"])
    parser.add_argument("--samples", type=int, default=2, help="of 5 target frames each")
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shards = make_shards(Path(folder), NUM_CLIPS, num_val=1)
        ours = build(options.profile, "auto", options.samples, shards)
        with default_layout():
            published = build(options.profile, "fp32", options.samples, shards)
        seconds: dict[str, list[float]] = {"ours": [], "published": []}
        for number in range(options.steps + 1):
            seconds["ours"].append(timed_step(ours, number))
            with default_layout():
                seconds["published"].append(timed_step(published, number))
    medians = {name: statistics.median(taken[1:]) for name, taken in seconds.items()}  # the first warms up
    size = sum(weight.numel() for network in ours.networks.values() for weight in network.parameters())
    print(
        f"wav2lip, {options.profile}, {size / 1e6:.1f} M parameters, {options.samples} samples: {medians['ours']:.2f} s a step;"
        f" as published {medians['published']:.2f} s; ratio {medians['ours'] / medians['published']:.2f}"
    )


if __name__ == "__main__":
    main()
