"""The planner: what is stale, why, and what an early cutoff spares; on ledger rows written here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from assets.project.code_version import CodeVersion
from assets.project.graph import STAGES, source_names, stage_code
from assets.project.settings import Project, SettingsError, load_project
from assets.project.source_versions import TRAIN_ON, base_input, base_version
from assets.stage.run import needed_methods
from assets.stage.split_versions import split_version, splits_read
from assets.store import ledger
from pipelines import staleness
from pipelines.lineage.ledger_graph import LedgerGraph
from pipelines.staleness import StalePartition, find_stale
from tests.assets.stage.test_split_versions import TRAININGS, write_manifest

CONFIG = """
datasets:
  one: {layout: grid, root: one, profile: tiny, methods: [ground_truth, wav2lip, cals]}
  two: {layout: grid, root: two, profile: tiny, methods: [ground_truth, cals]}
"""
ONE = "one: {layout: grid, root: one, profile: tiny, methods: [ground_truth, wav2lip, cals]"
BASED = "one: {layout: grid, root: one, profile: tiny, base: two, methods: [ground_truth, cals]"


class World:
    """A project whose raw files have the versions that the test says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "cals.yaml"
        self.path.write_text(CONFIG)
        self.raw = {"one": "raw-1", "two": "raw-2"}

    @property
    def project(self) -> Project:
        return load_project(self.path)

    def source_version(self, project: Project, source: str, dataset: str, method: str | None = None) -> str:
        if source == "raw_videos":
            return self.raw[dataset]
        if source == "base":
            return base_version(project, dataset)
        if not source.startswith("settings/"):
            return f"no {source}"
        return project.settings_digest(dataset, source.split("/")[1], method)

    def make(
        self, partition: StalePartition, data_version: str | None = None, *, parts: bool = False
    ) -> None:
        """Appends the ledger row that a materialisation would."""
        project = self.project
        stage, dataset = STAGES[partition.asset], project.dataset(partition.dataset)
        heads = ledger.heads(project.home)
        sources = [name for name in source_names(stage) if name != TRAIN_ON]
        inputs = {s: self.source_version(project, s, dataset.name, partition.method) for s in sources}
        for other in dataset.train_on if TRAIN_ON in stage.sources else ():
            inputs[f"shards@{other}"] = heads[("shards", other, None)]["data_version"]
        for name, of in base_input(stage, dataset, partition.method).items():
            inputs[name] = heads[of]["data_version"]
        for dep in stage.deps:
            for method in needed_methods(STAGES[dep].by_method, partition.method, dataset.methods):
                name = f"{dep}|{method}" if method else dep
                inputs[name] = heads[(dep, dataset.name, method)]["data_version"]
        entry = ledger.Entry(
            asset=stage.name,
            dataset=dataset.name,
            method=partition.method,
            data_version=data_version or f"content of {partition.label}",
            code_version=stage_code(stage.name).digest,
            settings=project.settings_values(dataset.name, stage.name, partition.method),
            inputs=inputs,
            dagster_run_id="run",
            duration_s=2.0,
            parts_read={
                name: split_version(project.home, dataset.name, inputs[name], splits)
                for name, (_, splits) in (splits_read(stage, ()) if parts else {}).items()
            },
        )
        ledger.append(project.home, entry, stage_code(stage.name))

    def make_all(self) -> None:
        while ready := [p for p in find_stale(self.project) if p.ready]:
            for partition in ready:
                self.make(partition)

    def stale(self) -> dict[str, str]:
        return {p.label: p.cause.kind for p in find_stale(self.project)}

    def edit(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(staleness, "source_version", made.source_version)
    monkeypatch.delenv("CALS_HOME", raising=False)
    return made


def test_at_first_everything_is_to_be_made_in_order(world: World) -> None:
    found = find_stale(world.project, ["one"])
    assert [p.label for p in found if p.ready] == ["clips/one"]
    assert found[0].cause.kind == "never_made"
    assert len(found) == 12 + 3 * 3


def test_when_all_is_made_nothing_is_stale(world: World) -> None:
    world.make_all()
    assert world.stale() == {}


def test_a_setting_changed_and_changed_back_is_nothing(world: World) -> None:
    world.make_all()
    world.edit(
        "profile: tiny, methods: [ground_truth, wav2lip",
        "settings: {mels: {f_max_hz: 7000}}, profile: tiny, methods: [ground_truth, wav2lip",
    )
    stale = {p.label: p for p in find_stale(world.project)}
    assert stale["mels/one"].cause.text == "settings: f_max_hz: 7600.0 -> 7000.0"
    assert not any("two" in label or "face" in label for label in stale)
    assert {label for label, p in stale.items() if p.ready} == {"mels/one"}
    world.edit("settings: {mels: {f_max_hz: 7000}}, ", "")
    assert world.stale() == {}


@pytest.mark.parametrize(
    ("stage", "value"),
    [("mels", "f_max_hz: 7600"), ("generator", "log_every_steps: 7"), ("generator", "checkpoint_every_steps: 9"),
     ("sync_encoder", "frame_cache_bytes: 0")],
)  # fmt: skip
def test_a_value_that_is_the_same_or_decides_nothing_makes_nothing_stale(
    stage: str, value: str, world: World
) -> None:
    world.make_all()
    world.edit("two: {", f"two: {{settings: {{{stage}: {{{value}}}}}, ")
    assert world.stale() == {}


def test_a_test_clip_that_changes_trains_no_model_again(world: World) -> None:
    def shards(test: str) -> str:
        return write_manifest(world.project.home, train="a", val="b", test=test)

    for _ in range(20):
        for partition in [p for p in find_stale(world.project, ["one"]) if p.ready]:
            world.make(
                partition,
                shards("c") if partition.asset == "shards" else None,
                parts=partition.asset in TRAININGS,
            )
    assert find_stale(world.project, ["one"]) == []
    world.edit("one: {", "one: {settings: {shards: {min_frames: 20}}, ")
    world.make(next(p for p in find_stale(world.project, ["one"]) if p.ready), shards("d"))
    stale = {p.label: p.cause.text for p in find_stale(world.project, ["one"])}
    assert stale["renders/one/cals"] == "input changed: shards"
    assert not any(label.split("/")[0] in TRAININGS for label in stale)
    world.edit("min_frames: 20", "min_frames: 21")
    version = write_manifest(world.project.home, train="e", val="b", test="d")
    world.make(next(p for p in find_stale(world.project, ["one"]) if p.ready), version)
    stale = {p.label: p.cause.text for p in find_stale(world.project, ["one"])}
    assert stale["sync_encoder/one"] == "input changed: shards"


def test_chosen_code_that_changes_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make_all()
    before = CodeVersion("before", {"assets.raw_videos.layouts.grid.fits": "1"}, {})
    after = CodeVersion("after", {"assets.raw_videos.layouts.grid.fits": "2"}, {})
    ledger.remember_code(world.project.home, before)
    now = {"code/clips": "before"}
    real = world.source_version
    monkeypatch.setattr(
        staleness,
        "source_version",
        lambda project, source, *of: now.get(source) or real(project, source, *of),
    )
    monkeypatch.setattr(world, "source_version", staleness.source_version)
    for partition in find_stale(world.project):
        world.make(partition, "content of " + partition.label)
    assert world.stale() == {}
    now["code/clips"] = "after"
    monkeypatch.setattr(staleness, "chosen_code", lambda *of: after)
    stale = {p.label: p.cause for p in find_stale(world.project) if p.ready}
    assert stale["clips/one"].kind == "code_changed"
    assert stale["clips/one"].text == "code: assets.raw_videos.layouts.grid.fits changed"


def test_early_cutoff(world: World) -> None:
    world.make_all()
    world.raw["one"] = "raw-1b"
    assert world.stale()["clips/one"] == "input_changed"
    world.make(next(p for p in find_stale(world.project) if p.ready), "content of clips/one")
    assert world.stale() == {}


def test_new_content_goes_one_level_on(world: World) -> None:
    world.make_all()
    world.raw["two"] = "raw-2b"
    world.make(next(p for p in find_stale(world.project) if p.ready), "other clips")
    ready = [p.label for p in find_stale(world.project) if p.ready]
    assert ready == ["face_tracks/two", "mels/two"]


def test_a_training_setting_makes_no_data_stage_stale(world: World) -> None:
    world.make_all()
    world.edit("two: {", "two: {settings: {generator: {learning_rate: 0.5}}, ")
    labels = set(world.stale())
    assert {label.split("/")[0] for label in labels} == {
        "generator",
        "renders",
        "clip_metrics",
        "context_window",
        "masked_audio",
        "metric_report",
    }
    assert all("/two" in label for label in labels)


def test_a_training_reads_the_shards_of_the_datasets_it_is_trained_on(world: World) -> None:
    world.make_all()
    world.edit("one: {", "one: {train_on: [two], ")
    stale = {p.label: p for p in find_stale(world.project)}
    assert stale["sync_encoder/one"].cause.text == "input changed: shards of two (added to train_on)"
    assert {label for label, p in stale.items() if p.ready} == {
        "sync_encoder/one",
        "lse_evaluator/one",
    }
    world.make_all()
    assert world.stale() == {}
    world.edit("two: {", "two: {settings: {shards: {min_frames: 20}}, ")
    stale = {p.label: p for p in find_stale(world.project)}
    assert stale["sync_encoder/one"].cause.text == "shards of two (train_on) will be remade"
    assert "shards/one" not in stale and not stale["sync_encoder/one"].ready
    world.make(stale["shards/two"], "other shards of two")
    stale = {p.label: p for p in find_stale(world.project, ["one"])}
    assert stale["sync_encoder/one"].cause.text == "input changed: shards of two (train_on)"
    assert stale["sync_encoder/one"].ready and "renders/one/cals" in stale
    world.edit("train_on: [two], ", "")
    assert "no longer in train_on" in find_stale(world.project, ["one"])[0].cause.text


def test_a_training_waits_for_shards_of_another_dataset_that_nobody_made(world: World) -> None:
    world.edit("one: {", "one: {train_on: [two], ")
    while ready := [p for p in find_stale(world.project, ["one"]) if p.ready]:
        for partition in ready:
            world.make(partition)
    stale = find_stale(world.project, ["one"])
    assert stale[0].label == "sync_encoder/one" and {p.cause.kind for p in stale} == {"blocked"}
    assert stale[0].cause.text == (
        "shards of two (train_on) were never made; run: cals run --dataset two --to shards"
    )


def test_a_dataset_with_a_base_starts_from_its_models(world: World) -> None:
    world.make_all()
    world.edit(ONE, BASED)
    stale = {p.label: p for p in find_stale(world.project)}
    assert stale["shards/one"].cause.text == "input changed: base", "its check asks whether there is one"
    world.make(stale["shards/one"])
    stale = {p.label: p for p in find_stale(world.project)}
    assert stale["sync_encoder/one"].cause.text == "input changed: sync_encoder of two (base)"
    assert stale["sync_encoder/one"].ready and "lse_evaluator/one" not in stale
    world.make_all()
    assert world.stale() == {}
    row = ledger.heads(world.project.home)[("generator", "one", "cals")]
    assert json.loads(row["inputs_json"])["generator@two|cals"] == "content of generator/two/cals"
    graph = LedgerGraph.read(world.project.home)
    read = {one.name: one.producer for one in graph.inputs(row)}
    assert read["generator@two|cals"] is not None and read["generator@two|cals"]["dataset"] == "two"
    world.edit("two: {", "two: {settings: {generator: {seed: 7}}, ")
    stale = {p.label: p for p in find_stale(world.project)}
    assert stale["generator/one/cals"].cause.text == "generator of two (base) will be remade"
    assert not stale["generator/one/cals"].ready and "audio_to_lip/one" not in stale
    world.make(stale["generator/two/cals"], "another generator")
    stale = {p.label: p for p in find_stale(world.project, ["one"])}
    assert stale["generator/one/cals"].cause.text == "input changed: generator of two (base)"


def test_a_dataset_waits_for_the_models_of_its_base(world: World) -> None:
    world.edit(ONE, BASED)
    while ready := [p for p in find_stale(world.project, ["one"]) if p.ready]:
        for partition in ready:
            world.make(partition)
    causes = {p.label: p.cause for p in find_stale(world.project, ["one"])}
    assert causes["sync_encoder/one"].kind == "blocked"
    assert causes["sync_encoder/one"].text == (
        "sync_encoder of two (base) was never made; run: cals run --dataset two --to sync_encoder"
    )


def test_changed_code_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make_all()
    real = stage_code("mels")
    edited = CodeVersion(
        digest="edited",
        definitions={**real.definitions, "assets.mels.mel.log_mel": "x"},
        libraries=real.libraries,
    )
    monkeypatch.setattr(staleness, "stage_code", lambda name: edited if name == "mels" else stage_code(name))
    stale = {p.label: p.cause for p in find_stale(world.project)}
    assert stale["mels/one"].text == "code: assets.mels.mel.log_mel changed"
    assert "face_crops/one" not in stale


def fail_check_of_shards(world: World, dataset: str, check: str) -> None:
    row = ledger.heads(world.project.home)[("shards", dataset, None)]
    entry = ledger.Entry(
        asset="shards",
        dataset=dataset,
        method=None,
        data_version="other shards",
        code_version=row["code_version"],
        settings=world.project.settings_values(dataset, "shards"),
        inputs=ledger.json.loads(row["inputs_json"]),
        dagster_run_id="run",
        duration_s=1.0,
        blocked_by=check,
    )
    ledger.append(world.project.home, entry, stage_code("shards"))


@pytest.mark.parametrize("check", ["train_is_not_empty", "val_and_test_are_not_empty"])
def test_a_failed_blocking_check_stops_what_follows(world: World, check: str) -> None:
    world.make_all()
    fail_check_of_shards(world, "one", check)
    stale = find_stale(world.project)
    assert stale and all(p.cause.kind == "blocked" and not p.ready for p in stale)
    assert check in stale[0].cause.text


def test_a_training_needs_no_held_out_clips_of_another_dataset(world: World) -> None:
    world.edit("one: {", "one: {train_on: [two], ")
    world.make_all()
    fail_check_of_shards(world, "two", "val_and_test_are_not_empty")
    stale = {p.label: p for p in find_stale(world.project, ["one"])}
    assert stale["sync_encoder/one"].cause.text == "input changed: shards of two (train_on)"
    assert stale["sync_encoder/one"].ready
    fail_check_of_shards(world, "two", "train_is_not_empty")
    stale = {p.label: p for p in find_stale(world.project, ["one"])}
    assert stale["sync_encoder/one"].cause.text == (
        "the check train_is_not_empty of shards of two (train_on) failed"
    )


def test_estimates_come_from_the_ledger(world: World) -> None:
    world.make_all()
    assert all(p.estimated_s is None or p.estimated_s == 2.0 for p in find_stale(world.project))
    world.raw["one"] = "raw-1b"
    assert next(p for p in find_stale(world.project) if p.asset == "clips").estimated_s == 2.0


def test_only_what_leads_to_an_asset(world: World) -> None:
    found = find_stale(world.project, ["one"], "mels")
    assert [p.asset for p in found] == ["clips", "mels"]


@pytest.mark.parametrize(
    "arguments, says", [((["three"],), "no dataset 'three'"), ((["one"], "mel"), "no asset 'mel'")]
)
def test_unknown_names(world: World, arguments: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        find_stale(world.project, *arguments)


def test_json_is_plain(world: World) -> None:
    first = find_stale(world.project, ["one"])[0]
    assert first.as_json() == dataclasses.asdict(first)
    assert set(first.as_json()) == {"asset", "dataset", "method", "cause", "estimated_s", "ready"}
