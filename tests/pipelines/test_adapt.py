"""``cals adapt``: the dataset that a person's video becomes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from assets.project.settings import Project, SettingsError, load_project
from assets.shards.contents import SCHEMA, contents_path
from assets.store.current_model import write_current_model
from assets.store.file_digests import sha256_of
from assets.store.withdrawals import record_withdrawal
from pipelines.adapt import Adaptation, adapt_once, add_adapted_dataset, name_of
from pipelines.cli.main import make_parser
from pipelines.lineage.ledger_graph import LedgerGraph
from pipelines.retention.plan import find_gone
from pipelines.retention.removal import remove
from pipelines.retention.withdrawn import find_withdrawn
from pipelines.runner import RunOutcome
from tests.support.array_frames import astronaut

BASE = """datasets:
  people:
    layout: folder
    root: people
    profile: tiny
    settings:
      face_crops: {max_padding_share: 0.3}
      generator: {brightness_jitter: 0.1, steps: 9000}
"""

OTHERS = """  others:
    layout: folder
    root: others
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A base whose generator was trained at 5 updates a second."""
    (tmp_path / "cals.yaml").write_text(BASE)
    project = load_project(tmp_path / "cals.yaml", tmp_path / "home")
    folder = project.home.model("generator", "people", "cals")
    (folder / "0123").mkdir(parents=True)
    (folder / "0123" / "result.json").write_text(json.dumps({"steps": 500, "seconds": 100.0}))
    write_current_model(folder, "0123", "1")
    return project


def test_a_video_becomes_a_dataset_that_continues_the_base(project: Project, grid_clips: list[Path]) -> None:
    told: list[str] = []
    wanted = Adaptation(video=grid_clips[0], minutes=2.0, name="me")
    adapted = add_adapted_dataset(project, wanted, told.append)
    me = adapted.dataset("me")
    assert (me.base, me.profile, me.methods, me.to) == ("people", "tiny", ("cals",), "generator")
    generator = adapted.stage_settings("me", "generator")
    assert generator.steps == 420, "0.7 of 120 s at 5 a second"
    assert not generator.finetune_audio_to_lip and generator.brightness_jitter == 0.1
    assert me.train_on == ("people",) and generator.own_share == 0.5
    assert adapted.stage_settings("me", "face_crops").max_padding_share == 0.3
    assert me.root == project.home.root / "adapted" / "me"
    copy = me.root / f"video{grid_clips[0].suffix}"
    assert copy.read_bytes() == grid_clips[0].read_bytes()
    assert (me.root / "splits.csv").read_text().splitlines() == [
        "path,split,start_s,end_s", f"{copy.name},train,0.00,1.80", f"{copy.name},val,1.80,3.00",
    ]  # fmt: skip
    assert told == [f"me: cals of people, 420 more updates on {grid_clips[0].name}"]
    add_adapted_dataset(adapted, wanted, told.append)
    with pytest.raises(SettingsError, match="'me' is there already with other data"):
        add_adapted_dataset(adapted, replace(wanted, minutes=3.0), told.append)


def test_a_base_that_holds_the_video_is_not_trained_on_along_with_it(
    project: Project, grid_clips: list[Path]
) -> None:
    hashes = [sha256_of(path) for path in grid_clips[:2]]
    contents = SCHEMA.empty_table().to_pydict() | {name: ["x", "x"] for name in SCHEMA.names}
    for dataset, raw in (("people", hashes), ("others", ["0" * 64, hashes[1]])):
        path = contents_path(project.home, dataset, "0" * 64)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(contents | {"raw_sha256": raw}, schema=SCHEMA), path)
    project.config_path.write_text(
        BASE.replace("    settings:", "    train_on: [others]\n    settings:") + OTHERS
    )
    told: list[str] = []
    wanted = Adaptation(video=grid_clips[0], name="me")
    adapted = add_adapted_dataset(load_project(project.config_path, project.home.root), wanted, told.append)
    assert adapted.dataset("me").train_on == ("others",)
    assert told[0] == f"people holds {grid_clips[0].name} itself: its clips are not trained on along with it"


def test_what_cannot_be_adapted(project: Project, grid_clips: list[Path], tmp_path: Path) -> None:
    photograph = tmp_path / "face.png"
    Image.fromarray(astronaut()).save(photograph)
    (tmp_path / "empty").mkdir()
    for change, words in [
        ({"video": photograph}, "at least 2.6 s of a person who speaks"),
        ({"base": "peple"}, "no dataset 'peple' .did you mean 'people'"),
        ({"method": "a2l", "base": "people"}, "people has no a2l generator; run: cals run"),
        ({"method": "a2l"}, "no a2l generator to adapt is registered"),
    ]:
        wanted = replace(Adaptation(video=grid_clips[0], name="me"), **change)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=words):
            add_adapted_dataset(project, wanted, print)
    for change, words in [
        ({"minutes": 0.0}, "--minutes 0: give a number above 0"),
        ({"minutes": float("nan")}, "--minutes nan"),
        ({"video": tmp_path / "gone.mp4"}, "gone.mp4: no such file"),
        ({"name": "Me"}, "--name Me: use lower-case"),
    ]:
        with pytest.raises(SettingsError, match=words):
            Adaptation(**{"video": grid_clips[0], **change})  # type: ignore[arg-type]
    assert "me" not in load_project(project.config_path, project.home.root).datasets


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("My Talk (2).mp4", "my_talk_2"),
        ("2024.mov", "video_2024"),
        ("\u4f60.mp4", "video"),
        ("x" * 60 + ".mp4", "x" * 40),
    ],
)
def test_names_come_from_the_file(file: str, name: str) -> None:
    assert name_of(Path(file)) == name


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The datasets of each run."""
    runs: list[list[str]] = []
    monkeypatch.setattr("pipelines.runner.run_stale", lambda project, names, to: runs.append([*names, to]))
    return runs


def test_a_video_is_adapted_to_once(
    project: Project, grid_clips: list[Path], tmp_path: Path, ran: list[list[str]]
) -> None:
    told: list[str] = []
    wanted = Adaptation(video=grid_clips[0], minutes=2.0)
    first = adapt_once(project, wanted, told.append)
    name = name_of(grid_clips[0])
    assert first.dataset == name and first.project.dataset(name).base == "people"
    renamed = tmp_path / "other.mpg"
    renamed.write_bytes(grid_clips[0].read_bytes())
    again = adapt_once(first.project, replace(wanted, video=renamed, minutes=9.0), told.append)
    assert again.dataset == name and again.project is first.project
    assert told[-1] == f"{name}: other.mpg is adapted to already, from people"
    same_name = tmp_path / grid_clips[0].name
    same_name.write_bytes(grid_clips[1].read_bytes())
    third = adapt_once(first.project, replace(wanted, video=same_name), told.append)
    assert third.dataset == f"{name}_2" and third.project.dataset(f"{name}_2").base == "people"
    assert ran == [[name, "generator"], [name, "generator"], [f"{name}_2", "generator"]]


def test_a_forgotten_video_is_not_adapted_to_and_its_copy_goes(
    project: Project, grid_clips: list[Path]
) -> None:
    wanted = Adaptation(video=grid_clips[0], name="me")
    adapted = add_adapted_dataset(project, wanted, print)
    (copy,) = (project.home.root / "adapted" / "me").glob("video.*")
    assert find_withdrawn(adapted, LedgerGraph.read(adapted.home)) == ([], [])
    record_withdrawal(project.home, sha256_of(copy), identifier="me", reason="withdrawn", places=[])
    removals, _ = find_withdrawn(adapted, LedgerGraph.read(adapted.home))
    (one,) = [removal for removal in removals if removal.name == f"adapted/me/{copy.name}"]
    remove(adapted, one)
    assert not copy.exists() and grid_clips[0].exists() and one.num_bytes > 0
    assert not any("adapted" in removal.name for removal in find_gone(adapted)), "me is in cals.yaml"
    assert [removal.name for removal in find_gone(project)] == ["adapted/me"]
    with pytest.raises(SettingsError, match=r"was forgotten .cals forget.: no model may be trained on it"):
        add_adapted_dataset(adapted, replace(wanted, name="me_too"), print)


def test_a_dub_adapts_first_or_names_a_model(tmp_path: Path) -> None:
    files = ["--video", "v.mp4", "--audio", "a.wav", "--out", "o.mp4"]
    for given, words in [
        ([*files, "--base", "people"], "--base without --adapt"),
        (
            [*files, "--adapt", "5", "--model", "me"],
            "--adapt and --model: --adapt makes the model for one video",
        ),
        (["--list", "t.csv", "--adapt", "5"], "--adapt and --list"),
        ([*files, "--adapt", "5"], "v.mp4: no such file; give the path of a readable file"),
    ]:
        arguments = make_parser().parse_args(["dub", *given])
        with pytest.raises(ValueError, match=words):
            arguments.command(arguments)


def test_a_dub_is_made_by_the_adapted_model_and_not_where_its_run_failed(
    project: Project, grid_clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dubbed: list[tuple[str, tuple[str, ...]]] = []
    outcome = RunOutcome()
    monkeypatch.setattr("pipelines.cli.dub.open_project", lambda: project)
    monkeypatch.setattr("pipelines.runner.run_stale", lambda project, names, to: outcome)
    monkeypatch.setattr(
        "pipelines.dubbing.run.run_dub",
        lambda project, inputs, model, settings, say: dubbed.append((model, tuple(project.datasets))),
    )
    audio, out = grid_clips[1], tmp_path / "o.mp4"
    given = [
        "dub",
        "--adapt",
        "1",
        "--base",
        "people",
        "--video",
        str(grid_clips[0]),
        "--audio",
        str(audio),
        "--out",
        str(out),
    ]
    arguments = make_parser().parse_args(given)
    assert arguments.command(arguments) == 0
    name = name_of(grid_clips[0])
    assert dubbed == [(f"{name}/cals", ("people", name))]
    outcome.failed["generator"] = "it ended with status 1"
    assert arguments.command(arguments) != 0 and len(dubbed) == 1
