"""Fingerprints against what stages execute: nothing that ran is left out, and a mutant of it is noticed.

The full sweep, every statement, is ``python -m tests.benchmarks.sweep_fingerprints``.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from assets.project.graph import STAGES, stage_code
from tests.support.fingerprint_sweep import EXEMPT, Sweep
from tests.support.traced_stages import trace_stages

SEED = 20260101


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return Sweep()


def test_the_record_is_of_these_sources(sweep: Sweep) -> None:
    """Else: python -m tests.support.traced_stages"""
    assert set(sweep.executed) == set(STAGES)
    names = {name for some in sweep.executed.values() for name in some}
    gone = sorted(name for name in names if not sweep.exists(name))
    assert len(gone) < 0.1 * len(names), gone
    assert (
        "assets.mels.mel:log_mel" in sweep.executed["mels"]
        and "assets.mels.mel:log_mel" not in sweep.executed["clips"]
    )
    assert "cals_models.training.engine:train" in sweep.executed["sync_encoder"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_mutant_of_what_a_stage_executes_is_noticed(stage: str, sweep: Sweep) -> None:
    """One statement of each module, drawn anew with the seed."""
    rng = random.Random(f"{SEED} {stage}")
    by_module: dict[str, list[str]] = {}
    for name in sweep.counted[stage]:
        by_module.setdefault(name.partition(":")[0], []).append(name)
    missed = []
    for names in by_module.values():
        name = rng.choice(names)
        number = rng.randrange(sweep.statements(name))
        if list(sweep.missed(name, number, [stage], rng)):
            missed.append((name, number))
    assert missed == []


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_a_stage_executes_is_in_its_code_version_or_chosen(stage: str, sweep: Sweep) -> None:
    own = stage_code(stage).definitions
    left = [name for name in sweep.counted[stage] if name.replace(":", ".") not in own]
    # chosen by the partition: what a mutant of one of them changes is the source code/<stage>
    missed = [name for name in left if list(sweep.missed(name, 0, [stage], random.Random(SEED)))]
    assert missed == []


def test_exemptions_are_few_have_a_reason_and_are_used(sweep: Sweep) -> None:
    assert len(EXEMPT) <= 5 and all(EXEMPT.values())
    executed = {name for some in sweep.executed.values() for name in some}
    assert set(EXEMPT) <= executed
    assert sweep.is_exempt("mels", "assets.clips.settings:ClipsSettings")
    assert not sweep.is_exempt("clips", "assets.clips.settings:ClipsSettings")
    assert not sweep.is_exempt("mels", "assets.mels.asset:_items")


@pytest.mark.proof
def test_a_new_run_executes_nothing_that_is_left_out(tmp_path: Path, sweep: Sweep) -> None:
    sweep.executed = trace_stages(tmp_path)
    for stage in STAGES:
        own = stage_code(stage).definitions
        left = [name for name in sweep.counted[stage] if name.replace(":", ".") not in own]
        assert [name for name in left if list(sweep.missed(name, 0, [stage], random.Random(SEED)))] == []
