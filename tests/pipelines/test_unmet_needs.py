"""Settings and needs of a method with its own, in the plan: whom a change concerns, and what a dataset lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assets.clips.clip_table import write_clip_table
from assets.project.settings import load_project
from cals_models.methods.method import Method
from pipelines import staleness
from pipelines.staleness import find_stale, make_plan
from pipelines.unmet_needs import unmet_need_of
from tests.pipelines.test_staleness import World
from tests.support.toy_method import with_toy

WITH_TOY = "methods: [ground_truth, wav2lip, cals, toy], settings: {toy: {window_frames: 25}}"
REMEDY = "leave toy out of datasets.one.methods"


@pytest.fixture(autouse=True)
def toy() -> Iterator[Method]:
    with with_toy() as method:
        yield method


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(staleness, "source_version", made.source_version)
    monkeypatch.delenv("CALS_HOME", raising=False)
    made.edit("methods: [ground_truth, wav2lip, cals]", WITH_TOY)
    return made


def write_inventory(world: World, *clips: dict[str, Any]) -> None:
    """The inventory of the dataset `one`, as its stage would write it."""
    usual = {"dataset": "one", "status": "ok", "num_frames_25": 30, "words": None}
    rows = [usual | {"clip_id": f"one/{number}"} | clip for number, clip in enumerate(clips)]
    write_clip_table(world.project.home, "one", rows, 2)


WORD = [{"start_s": 0.1, "end_s": 0.4, "word": "bin"}]
GOOD = (
    {"split": "train", "speaker": "s1", "words": WORD},
    {"split": "train", "speaker": "s2"},
    {"split": "val", "speaker": "s3"},
)


def test_a_setting_of_a_method_makes_its_partitions_stale_and_no_others(world: World) -> None:
    world.make_all()
    assert world.stale() == {}
    world.edit("window_frames: 25", "window_frames: 20")
    stale = {p.label: p for p in find_stale(world.project)}
    assert [label for label, p in stale.items() if p.ready] == ["generator/one/toy"]
    assert stale["generator/one/toy"].cause.kind == "setting_changed"
    assert stale["generator/one/toy"].cause.text == "settings: window_frames: 25 -> 20"
    assert set(stale) == {
        "generator/one/toy", "renders/one/toy", "clip_metrics/one/toy",
        "context_window/one", "masked_audio/one", "metric_report/one",
    }  # fmt: skip
    world.make(stale["generator/one/toy"])  # the same weights: nothing below is to be made
    assert world.stale() == {}


def test_settings_of_the_others_do_not_concern_it(world: World) -> None:
    world.make_all()
    world.edit("settings: {toy: {", "settings: {generator: {l1_weight: 1}, toy: {")
    ready = [p.label for p in find_stale(world.project) if p.ready]
    assert ready == ["generator/one/ground_truth", "generator/one/wav2lip", "generator/one/cals"]


def test_before_the_inventory_nothing_is_known(world: World) -> None:
    assert unmet_need_of(world.project, world.project.dataset("one"), "toy") is None
    assert make_plan(world.project).lacking == {}


def test_a_dataset_with_all_that_it_needs(world: World) -> None:
    write_inventory(
        world, *GOOD, {"split": "train", "speaker": None, "num_frames_25": 9000, "status": "rejected"}
    )
    assert make_plan(world.project).lacking == {}


@pytest.mark.parametrize(
    ("clips", "text"),
    [
        (
            ({"split": "train", "speaker": "s1", "words": WORD}, {"split": "val", "speaker": "s2"}),
            "method toy needs clips of 2 or more named speakers: the train clips of one name one speaker;",
        ),
        (
            ({"split": "train", "speaker": "a"}, {"split": "train", "speaker": "b"}),
            "method toy needs timed words: no train clip of one has any;",
        ),
        (
            (*GOOD[:2], {"split": "val", "num_frames_25": 24}),
            "method toy needs clips of 25 frames or more: the longest of one in split val has 24; lower "
            "datasets.one.settings.toy.window_frames, or",
        ),
    ],
)  # fmt: skip
def test_what_a_dataset_lacks_blocks_the_method_alone(
    world: World, clips: tuple[dict[str, Any], ...], text: str
) -> None:
    world.edit("wav2lip, cals, toy]", "wav2lip, cals]")
    world.make_all()
    world.edit("wav2lip, cals]", "wav2lip, cals, toy]")
    write_inventory(world, *clips)
    plan = make_plan(world.project, ["one"])
    assert plan.lacking == {"generator/one/toy": f"{text} {REMEDY}"}
    causes = {p.label: p.cause for p in plan.stale}
    assert causes["generator/one/toy"].kind == "blocked"
    assert causes["generator/one/toy"].text == causes["renders/one/toy"].text == f"{text} {REMEDY}"
    assert not any(p.ready or "cals" in p.label for p in plan.stale)


def test_a_trained_generator_stays_what_it_is(world: World) -> None:
    world.make_all()
    write_inventory(world, {"split": "train", "speaker": None})
    assert world.stale() == {} and make_plan(world.project).lacking == {}


def test_clips_of_other_datasets_that_it_trains_on_count(world: World) -> None:
    world.edit("two: {layout: grid,", "two: {layout: grid, train_on: [one],")
    world.edit(
        "root: two, profile: tiny, methods: [ground_truth, cals]", "root: two, profile: tiny, methods: [toy]"
    )
    write_inventory(world, *GOOD)
    project = load_project(world.path)
    write_clip_table(
        project.home, "two", [{"clip_id": "two/0", "split": "train", "status": "ok", "num_frames_25": 80}], 2
    )
    assert unmet_need_of(project, project.dataset("two"), "toy") is None
    alone = world.path.read_text().replace(" train_on: [one],", "")
    world.path.write_text(alone)
    text = unmet_need_of(world.project, world.project.dataset("two"), "toy")
    assert text is not None and "the train clips of two name no speaker" in text
