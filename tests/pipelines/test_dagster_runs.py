"""Runs that Dagster starts: they publish the warehouse, and two at once on a partition compute it once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from assets.mels.mel_clip import compute_mels
from assets.stage.run_tags import MADE_BY_TAG, PLANNED_TAG
from assets.store import ledger
from assets.store.forced_clips import FORCE_TAG
from assets.store.warehouse import query
from pipelines.definitions import ALL_ASSETS, RESOURCES
from pipelines.instance import open_instance
from pipelines.repair.dagster_storage import find_differences
from tests.support.small_runs import DATASET, SmallRuns


@pytest.fixture
def runs(tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> SmallRuns:
    return SmallRuns(tmp_path, grid_clips, monkeypatch)


@pytest.fixture
def instance(runs: SmallRuns) -> Iterator[DagsterInstance]:
    with open_instance(runs.project) as made:
        yield made


def materialise(instance: DagsterInstance, *assets: str, **tags: str) -> dg.ExecuteInProcessResult:
    """As Dagster's UI, its daemon and `dagster asset materialize` do: without the planner and its tags."""
    return dg.materialize(
        ALL_ASSETS,
        selection=list(assets),
        partition_key=DATASET,
        instance=instance,
        resources=RESOURCES,
        tags=tags,
        raise_on_error=False,
    )


def published(runs: SmallRuns) -> list[str]:
    found = query(runs.home.database, "select asset from materializations order by finished_at")
    return list(found["asset"])


def test_a_run_that_dagster_started_is_published_and_two_at_once_compute_a_partition_once(
    runs: SmallRuns, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert materialise(instance, "clips").success
    assert published(runs) == ["clips"]
    begun, may_end = threading.Event(), threading.Event()
    computed: list[str] = []

    def slow(payload: Any, wanted: frozenset[str]) -> Any:
        begun.set()
        assert may_end.wait(60)
        computed.append(payload.path)
        return compute_mels(payload, wanted)

    monkeypatch.setattr("assets.mels.asset.compute_mels", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(materialise, instance, "mels")
        assert begun.wait(60)
        second = pool.submit(materialise, instance, "mels")
        waiting = runs.home.running / "partitions"
        while not list(waiting.glob("mels__one.waiting-*")):
            assert not second.done()
            time.sleep(0.05)
        may_end.set()
        results = [first.result(), second.result()]
    assert all(result.success for result in results)
    assert len(computed) == 3, "three clips, each once"
    assert [row["asset"] for row in ledger.read(runs.home)] == ["clips", "mels"] == published(runs)

    repeated = results[1].asset_materializations_for_node("mels")[0]
    assert repeated.tags is not None and repeated.tags[MADE_BY_TAG] == results[0].run_id
    checks = {check.check_name: check.passed for check in results[1].get_asset_check_evaluations()}
    assert checks == {"few_clips_are_rejected": True, "few_unexpected_errors": True}
    assert list(find_differences(runs.project, instance, ledger.heads(runs.home))) == [], (
        "ledger and Dagster agree"
    )


@pytest.mark.proof
def test_what_is_up_to_date_is_computed_only_when_forced(
    runs: SmallRuns, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert materialise(instance, "clips", "mels").success
    computed: list[str] = []
    monkeypatch.setattr(
        "assets.mels.asset.compute_mels",
        lambda payload, wanted: computed.append(payload.path) or compute_mels(payload, wanted),
    )
    assert materialise(instance, "mels", **{PLANNED_TAG: "yes"}).success
    assert len(ledger.read(runs.home)) == 2, "no longer stale when its turn came"
    assert materialise(instance, "mels").success
    assert len(ledger.read(runs.home)) == 3, "requested by hand: made again from what is kept"
    assert computed == []
    assert materialise(instance, "mels", **{PLANNED_TAG: "yes", FORCE_TAG: "all"}).success
    assert len(computed) == 3


@pytest.mark.proof
def test_a_failed_check_is_repeated_to_the_run_that_waited(
    runs: SmallRuns, instance: DagsterInstance
) -> None:
    runs.configure("{clips: {max_duration_s: 0.5}}")
    first = materialise(instance, "clips", "mels")
    second = materialise(instance, "clips", "mels", **{PLANNED_TAG: "yes"})
    for result in (first, second):
        assert not result.success
        failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
        assert failed == ["there_are_clips", "few_clips_are_rejected"]
    assert [row["asset"] for row in ledger.read(runs.home)] == ["clips"], "what is below did not run"
