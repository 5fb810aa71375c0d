"""Lineage: from a value to raw bytes, from raw bytes to values, the right version each time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from assets.project.settings import Project
from assets.store.table_parts import write_part
from cals_models.shards.shard_format import clip_key
from pipelines.lineage.identifiers import resolve
from pipelines.lineage.questions import trace
from pipelines.lineage.text import trace_text
from pipelines.lineage.trace import LineageError, Trace, Tracer
from tests.support.lineage_home import DATASET, SyntheticRun, clip_ids, make_project, raw_contents, sha256

LEFT = f"{DATASET}/train/1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, SyntheticRun, SyntheticRun]:
    """A first run on all clips, then a second one without one of them."""
    project = make_project(tmp_path_factory.mktemp("lineage"))
    return (
        project,
        SyntheticRun(project, "first").make_all(),
        SyntheticRun(project, "second", (LEFT,)).make_all(),
    )


def labels(found: Trace, *, current: bool | None = None) -> set[str]:
    return {
        node["label"]
        for node in found.nodes.values()
        if node["kind"] == "materialization" and current in (None, node["current"])
    }


def raw_hashes(found: Trace) -> set[str]:
    return {row["sha256"] for row in found.raw_files()}


def hash_of(clip_id: str) -> str:
    return hashlib.sha256(raw_contents()[clip_id.split("/", 1)[1] + ".mp4"]).hexdigest()


def test_a_value_leads_to_every_raw_file_behind_it(made: tuple[Project, SyntheticRun, SyntheticRun]) -> None:
    found = trace(made[0], f"table_3/{DATASET}/cals/psnr")
    assert raw_hashes(found) == {hash_of(clip) for clip in clip_ids() if clip != LEFT}
    root = found.nodes[found.root]
    assert (root["kind"], root["value"], root["num_clips"]) == ("figure", 30.0, 2)
    assert labels(found) == {
        f"{name}/{DATASET}"
        for name in ("clips", "face_tracks", "face_crops", "mels", "av_offsets", "shards", "sync_encoder",
                     "lse_evaluator", "audio_to_lip", "generator", "renders", "clip_metrics")
        if name not in ("generator", "renders", "clip_metrics")
    } | {f"{name}/{DATASET}/cals" for name in ("generator", "renders", "clip_metrics")}  # fmt: skip
    kinds = {node["name"] for node in found.nodes.values() if node["kind"] == "source"}
    assert kinds == {"raw_videos", "offset_probe", "settings/clips", "settings/face_tracks", "settings/mels"}
    assert found.notes == []


def test_an_older_model_is_traced_to_what_it_was_trained_on(
    made: tuple[Project, SyntheticRun, SyntheticRun],
) -> None:
    project, first, second = made
    older = trace(project, first.versions["generator|cals"])
    newer = trace(project, second.versions["generator|cals"])
    trained_on = {clip for clip in clip_ids() if "/test/" not in clip}
    assert set(older.clips["clip_id"].to_pylist()) == trained_on
    assert set(newer.clips["clip_id"].to_pylist()) == trained_on - {LEFT}
    shards = [node for node in older.nodes.values() if node["label"] == f"shards/{DATASET}"]
    assert [node["data_version"] for node in shards] == [first.versions["shards"]]
    assert not shards[0]["current"]


def test_an_equal_version_is_traced_to_the_row_before_its_reader(
    made: tuple[Project, SyntheticRun, SyntheticRun],
) -> None:
    """The control's generator has the same version in both runs; each run's renders read their own."""
    project, first, second = made
    assert first.versions["generator|ground_truth"] == second.versions["generator|ground_truth"]
    for run, clips in ((first, clip_ids()), (second, second.clips)):
        found = trace(project, run.versions["renders|ground_truth"])
        assert set(found.clips["clip_id"].to_pylist()) == set(clips)


def test_a_clip_leads_to_all_that_was_made_of_it(made: tuple[Project, SyntheticRun, SyntheticRun]) -> None:
    found = trace(made[0], LEFT, down=True)
    assert labels(found, current=True) == set()
    assert f"generator/{DATASET}/cals" in labels(found, current=False)
    kept = trace(made[0], f"{DATASET}/train/2", down=True)
    assert {f"generator/{DATASET}/cals", f"metric_report/{DATASET}"} <= labels(kept, current=True)
    shown = {node["label"] for node in kept.nodes.values() if node["kind"] in ("figure", "report")}
    assert shown >= {f"table_3/{DATASET}/cals/psnr", f"report/{DATASET}/index.html"}


def test_a_test_clip_is_in_renders_and_values_but_in_no_model(
    made: tuple[Project, SyntheticRun, SyntheticRun],
) -> None:
    clip = f"{DATASET}/test/0"
    found = trace(made[0], clip, down=True)
    assert not {
        name for name in labels(found) if name.startswith(("generator", "sync_encoder", "audio_to_lip"))
    }
    assert {f"renders/{DATASET}/cals", f"clip_metrics/{DATASET}/cals"} <= labels(found)
    videos = {
        node["label"]
        for node in found.nodes.values()
        if node["kind"] == "render" and node["method"] == "cals"
    }
    other = f"{DATASET}/test/1"
    assert videos == {
        f"renders/{DATASET}/cals/own/{clip_key(clip)}.mkv",
        f"renders/{DATASET}/cals/other/{clip_key(clip)}.mkv",
        f"renders/{DATASET}/cals/other/{clip_key(other)}.mkv",
    }


def test_many_names_lead_to_the_same_thing(made: tuple[Project, SyntheticRun, SyntheticRun]) -> None:
    project, _, second = made
    weights = second.versions["generator|cals"]
    names = [
        weights,
        weights[:10],
        f"generator/{DATASET}/cals",
        "cals-generator/2",
        "models:/cals-generator/2",
    ]
    assert {trace(project, name).root for name in names} == {trace(project, weights).root}
    clip = f"{DATASET}/train/2"
    assert trace(project, clip_key(clip)).root == trace(project, clip).root == f"clip:{clip}"
    copy = project.datasets[DATASET].root / "copies" / "again.mp4"
    raw = hash_of(f"{DATASET}/train/0")
    for name in (raw, raw[:12], f"{DATASET}/train/0.mp4", str(copy)):
        assert trace(project, name, down=True).root == f"raw_file:{raw}"
    shard = project.home.shards(DATASET) / "test-00000.tar"
    assert trace(project, str(shard)).root == trace(project, f"{DATASET}/test-00000.tar").root
    assert set(trace(project, str(shard)).clips["clip_id"].to_pylist()) == {
        f"{DATASET}/test/{n}" for n in range(2)
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nonsense", "nothing on record is called 'nonsense'"),
        ("", "nothing to trace"),
        (f"{DATASET}/train", "did you mean"),
        (f"generator/{DATASET}/wav2lip", "on record: generator/talks/cals, generator/talks/ground_truth"),
        (f"table_3/{DATASET}/wav2lip/psnr", "it is there for cals, ground_truth"),
        (f"table_3/{DATASET}/cals/lmd", "scored are psnr, ssim"),
        (f"table_3/{DATASET}", "a value is table_3/DATASET/METHOD/METRIC"),
    ],
)
def test_a_wrong_name_gets_one_clear_line(
    made: tuple[Project, SyntheticRun, SyntheticRun], name: str, says: str
) -> None:
    with pytest.raises(LineageError, match=says) as caught:
        trace(made[0], name)
    assert "\n" not in str(caught.value)


def test_a_clip_is_traced_where_the_shards_rejected_none(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    row = {"dataset": DATASET, "stage": "shards", "status": "ok", "clip_id": LEFT}
    write_part(project.home, "clip_outcomes", [row], dataset=DATASET, method="shards")
    assert raw_hashes(trace(project, LEFT)) == {hash_of(LEFT)}


def test_digits_that_match_two_things_are_an_error(made: tuple[Project, SyntheticRun, SyntheticRun]) -> None:
    tracer = Tracer(made[0].home)
    for row in tracer.graph.rows:
        row["dagster_run_id"] = sha256("one run")[:32]
    with pytest.raises(
        LineageError, match=r"may mean materialization clips/talks.* and 25 more; give more of it"
    ):
        resolve(tracer, made[0], sha256("one run")[:32])


def test_what_is_not_on_record_is_said(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    run = SyntheticRun(project, "first").make_all()
    for path in (project.home.warehouse / "contents").glob("*/*.parquet"):
        path.unlink()
    (project.home.parts / "shards" / f"{DATASET}.parquet").unlink()
    run.versions["shards"] = sha256("elsewhere")
    run.record("sync_encoder", None, sha256("w"), ["shards"])
    found = trace(project, f"sync_encoder/{DATASET}")
    assert [node["label"] for node in found.nodes.values() if node["kind"] == "not_on_record"] == [
        f"shards/{DATASET}"
    ]
    assert "is not on record in the ledger" in found.notes[0]
    assert "list of clips is not on record" in trace(project, f"renders/{DATASET}/cals").notes[0]


def test_the_list_of_present_clips_is_stored_at_the_first_trace(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_data()
    (path,) = (project.home.warehouse / "contents").glob("*/*.parquet")
    path.unlink()
    assert trace(project, f"shards/{DATASET}").clips.num_rows == 7 and path.exists()


def test_the_command_answers_fast_and_loads_nothing_heavy(
    made: tuple[Project, SyntheticRun, SyntheticRun],
) -> None:
    code = (
        "import sys, json\nfrom assets.project.settings import load_project\n"
        f"project = load_project({str(made[0].config_path)!r})\n"
        "from pipelines.lineage.questions import trace\nfrom pipelines.lineage.text import trace_text\n"
        f"found = trace(project, 'table_3/{DATASET}/cals/psnr')\n"
        "trace_text(found)\njson.dumps(found.as_json())\n"
        "print(sorted({'torch', 'dagster', 'mlflow', 'duckdb'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_text_and_json_agree(made: tuple[Project, SyntheticRun, SyntheticRun]) -> None:
    found = trace(made[0], f"table_3/{DATASET}/cals/psnr")
    text = trace_text(found)
    answer = json.loads(json.dumps(found.as_json()))
    assert answer["format"] == 1 and len(answer["clips"]) == 6 and len(answer["shards"]) == 3
    for row in answer["clips"]:
        assert row["raw_sha256"] in text
    for node in answer["nodes"]:
        assert node["label"] in text
