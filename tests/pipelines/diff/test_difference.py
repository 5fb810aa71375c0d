"""``cals diff`` tells any two of three trainings apart, and says in one line why a name stands for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.project.settings import Project
from assets.store import ledger
from assets.store.warehouse import publish, query
from cals_models.metrics.resampling import bootstrap_interval, sign_flip_p_value
from pipelines.cli.main import main
from pipelines.diff.difference import find_difference
from pipelines.diff.metric_changes import _verdict
from pipelines.diff.page import difference_page
from pipelines.diff.text import difference_text
from tests.support.lineage_home import DATASET, make_project
from tests.support.retrained_home import COMMITS, RUNS, STEPS, RetrainedRun, train_three_times

LEFT_OUT = f"{DATASET}/train/1"
GENERATOR = f"generator/{DATASET}/cals"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, dict[str, RetrainedRun]]]:
    project = make_project(tmp_path_factory.mktemp("trained"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger, "_git_state", lambda: (None, None))
        yield project, dict(zip(RUNS, train_three_times(project, LEFT_OUT), strict=True))


@pytest.fixture
def project(trained: tuple[Project, dict[str, RetrainedRun]], monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("CALS_CONFIG", str(trained[0].config_path))
    monkeypatch.setenv("CALS_HOME", str(trained[0].home.root))
    return trained[0]


def weights(trained: tuple[Project, dict[str, RetrainedRun]], name: str) -> str:
    return trained[1][name].versions["generator|cals"]


def one(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    (row,) = (row for row in rows if all(row[name] == value for name, value in wanted.items()))
    return row


@pytest.mark.parametrize(("a", "b"), list(permutations(RUNS, 2)))
def test_any_two_trainings_are_told_apart(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project, a: str, b: str
) -> None:
    found = find_difference(project, weights(trained, a), f"{GENERATOR}@{weights(trained, b)[:12]}")
    assert {pair.label for pair in found.pairs if "content" in pair.differs_in} >= {GENERATOR}
    steps = [row for row in found.settings if row["partition"] == GENERATOR]
    expected = [{"partition": GENERATOR, "setting": "steps", "a": STEPS[a], "b": STEPS[b]}]
    assert steps == (expected if STEPS[a] != STEPS[b] else [])
    of_generator = {row["definition"]: row["change"] for row in found.code if row["asset"] == "generator"}
    forward = {"first": 0, "second": 1, "third": 1}
    change = {0: {}, 1: {"cals_models.losses.l1": "changed", "a.g": "new"},
              -1: {"cals_models.losses.l1": "changed", "a.g": "removed"}}  # fmt: skip
    assert of_generator == change[forward[b] - forward[a]]
    (clips,) = found.clips
    came = {0: ([], []), 1: ([], [LEFT_OUT]), -1: ([LEFT_OUT], [])}[forward[b] - forward[a]]
    assert (clips["came"], clips["went"]) == came and clips["changed"] == clips["moved"] == []
    curve = one(found.curves, label=GENERATOR, split="train", metric="loss")
    assert [curve["a"][-1][0], curve["b"][-1][0]] == [STEPS[a], STEPS[b]]
    assert (
        one(found.metrics, label=f"clip_metrics/{DATASET}/cals", audio="own", metric="psnr")["num_clips"] == 8
    )


def test_metrics_are_paired_with_the_reports_interval_and_test(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project
) -> None:
    found = find_difference(project, weights(trained, "first"), weights(trained, "third"))
    row = one(found.metrics, metric="psnr", audio="own")
    differences = np.array([[3.0 + 0.15 * number] for number in range(8)])
    low, high = bootstrap_interval(differences)
    assert row["mean_difference"] == pytest.approx(differences.mean())
    assert (row["low"], row["high"]) == pytest.approx((low[0], high[0]))
    assert row["p_value"] == sign_flip_p_value(differences)[0]
    assert (row["mean_a"], row["mean_b"]) == pytest.approx((30.0, 33.525))
    assert (row["verdict"], row["better"], row["num_only_a"]) == ("b is better", "higher", 0)
    assert row["clips"][0] == {"clip_id": f"{DATASET}/test/7", "a": 30.0, "b": pytest.approx(34.05),
                               "difference": pytest.approx(4.05)}  # fmt: skip
    assert one(found.metrics, metric="lmd", audio="own")["verdict"] == "b is better"
    lse = one(found.metrics, metric="lse_d", audio="own")
    assert (lse["verdict"], lse["note"]) == ("not comparable", "measured by different evaluators")
    reverse = find_difference(project, weights(trained, "third"), weights(trained, "first"))
    assert one(reverse.metrics, metric="psnr", audio="own")["verdict"] == "a is better"


@pytest.mark.parametrize(
    ("better", "differences", "verdict"),
    [
        ("higher", [1.0, 1.2], "too few clips to tell"),
        ("higher", [1.0], "too few clips for an interval"),
        ("lower", [0.5 + number / 10 for number in range(8)], "a is better"),
        ("lower", [-1.0 - number / 10 for number in range(8)], "b is better"),
        ("higher", [-1.0, 1.0, -0.9, 1.1], "no clear difference"),
        ("higher", [0.0, 0.0], "the same"),
        (None, [1.0] * 8, None),
    ],
)
def test_a_side_is_better_only_where_interval_and_test_agree(
    better: str | None, differences: list[float], verdict: str | None
) -> None:
    column = np.array(differences)[:, None]
    low, high = bootstrap_interval(column)
    assert _verdict(better, low[0], high[0], sign_flip_p_value(column)[0]) == verdict


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("latest", "the latest state of all datasets"),
        (DATASET, f"dataset {DATASET}"),
        (COMMITS["second"][:9], f"commit {COMMITS['second']}"),
        (GENERATOR, f"{GENERATOR}@"),
    ],
)
def test_states_and_commits_are_sides(project: Project, name: str, what: str) -> None:
    found = find_difference(project, name, "latest")
    assert found.a.what.startswith(what)
    if name in ("latest", DATASET):
        assert not any(pair.differs_in for pair in found.pairs) and found.metrics == found.curves == []


def test_a_run_and_a_materialisation_are_sides(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project
) -> None:
    run = trained[1]["first"].dagster_run_id
    row = next(row for row in ledger.read(project.home) if row["data_version"] == weights(trained, "third"))
    found = find_difference(project, run, row["materialization_id"][:12])
    assert found.a.what == f"Dagster run {run}" and len(found.a.named) > 10
    assert found.b.what == f"{GENERATOR}@{weights(trained, 'third')[:12]}"
    assert one(found.settings, partition=GENERATOR)["b"] == 200


def test_methods_are_compared_with_each_other(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project
) -> None:
    found = find_difference(project, f"clip_metrics/{DATASET}/ground_truth", f"clip_metrics/{DATASET}/cals")
    row = one(found.metrics, metric="psnr", audio="own")
    assert row["label"] == f"clip_metrics/{DATASET}/ground_truth -> cals"
    assert (row["mean_a"], row["verdict"]) == (30.0, "b is better")


def test_datasets_are_compared_by_the_names_of_their_clips(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger, "_git_state", lambda: (None, None))
        for dataset, name in ((DATASET, "first"), ("others", "third")):
            RetrainedRun(project, name, dataset=dataset).make_all()
    found = find_difference(project, DATASET, "others")
    (clips,) = found.clips
    assert (clips["num_a"], clips["num_b"], clips["came"], clips["went"]) == (7, 7, [], [])
    row = one(found.metrics, metric="psnr", audio="own", verdict="b is better")
    assert row["label"] == f"clip_metrics/{DATASET}/cals -> others/cals"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "nothing_such",
            "nothing on record is called 'nothing_such'; give latest, a dataset, a Dagster run's id",
        ),
        ("generator/talks/calls", "did you mean 'generator/talks/cals'"),
        ("deadbeefdeadbeef", "nothing on record is called 'deadbeefdeadbeef'"),
        ("", "nothing on record is called ''"),
        (f"{DATASET}/train/0", "nothing on record is called"),
    ],
)
def test_a_name_that_stands_for_nothing_or_several_things_is_one_line(
    project: Project, name: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", name, "latest"]) == 2
    said = capsys.readouterr()
    assert says in said.err and said.err.count("\n") == 1 and said.out == ""


def test_a_short_id_that_stands_for_two_commits_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path)
    monkeypatch.setenv("CALS_CONFIG", str(project.config_path))
    monkeypatch.setenv("CALS_HOME", str(project.home.root))
    assert main(["diff", "latest", "latest"]) == 2
    assert "nothing is on record yet; run cals demo or cals run first" in capsys.readouterr().err
    for digit, name in (("1", "first"), ("2", "second")):
        monkeypatch.setattr(ledger, "_git_state", lambda commit=f"abcdef0{digit}": (commit, False))
        RetrainedRun(project, name).make_data()
    assert main(["diff", "abcdef0", "latest"]) == 2
    said = capsys.readouterr().err
    assert said == "cals: error: 'abcdef0' may mean commit abcdef01; commit abcdef02; give more of it\n"
    assert main(["diff", "abcdef01", "abcdef02"]) == 0


def test_json_has_all_sections_and_text_the_main_things(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    names = (weights(trained, "first"), weights(trained, "third"))
    assert main(["diff", *names, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [
        "format", "a", "b", "partitions", "settings", "code", "environment", "clips", "metrics", "set_metrics", "models",
        "curves", "notes",
    ]  # fmt: skip
    assert found["format"] == 1 and found["notes"] == []
    assert one(found["models"], label=GENERATOR, metric="loss") == {
        "label": GENERATOR, "metric": "loss", "a": 0.5, "b": pytest.approx(0.2),
    }  # fmt: skip
    assert main(["diff", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"  {GENERATOR}  steps: 100 -> 200" in lines
    assert f"clips of shards/{DATASET}: 7 -> 6; 0 came, 1 went, 0 changed, 0 moved" in lines
    (psnr,) = (line for line in lines if " psnr primary " in line)
    assert (
        psnr.endswith("p = 0.008  n = 8  b is better") and "30.000 -> 33.525  +3.525 [+3.281, +3.769]" in psnr
    )


def test_the_page_holds_everything_itself_and_draws_both_curves(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    assert main(["diff", weights(trained, "first"), weights(trained, "third"), "--html", str(path)]) == 0
    page = path.read_text(encoding="utf-8")
    assert "src=" not in page and "<link" not in page and "@import" not in page
    (chart,) = (part for part in page.split("<figure") if f'aria-label="{GENERATOR}: loss' in part)
    assert chart.count('class="curve a train"') == chart.count('class="curve b val"') == 1
    assert "b is better" in page and f"{DATASET}/train/1" in page


def test_rows_that_were_never_kept_are_a_note(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger, "_git_state", lambda: (None, None))
        runs = train_three_times(project, LEFT_OUT)
    for path in project.home.history.glob("training_curves/*.parquet"):
        path.unlink()
    found = find_difference(project, runs[0].versions["generator|cals"], "latest")
    assert any("its rows of training_curves are not kept" in note for note in found.notes)
    assert found.curves == [] and "note: " in difference_text(found)
    assert "No training differs, or none has curves on record." in difference_page(found)


def test_every_old_value_can_be_queried_with_its_versions(
    trained: tuple[Project, dict[str, RetrainedRun]], project: Project
) -> None:
    database = publish(project.home)
    models = query(
        database,
        "select data_version, git_commit, code_version, is_current, steps from models_history "
        "where asset = 'generator' and method = 'cals' order by finished_at",
    )
    assert models["data_version"].tolist() == [weights(trained, name) for name in RUNS]
    assert models["git_commit"].tolist() == [COMMITS[name] for name in RUNS]
    assert models["is_current"].tolist() == [False, False, True]
    means = query(
        database,
        "select history.data_version, ledger.dagster_run_id, ledger.settings_json ->> 'seed' as seed, avg(history.value) as mean "
        "from clip_metrics_history as history inner join materializations as ledger using (materialization_id) "
        "where history.method = 'cals' and history.metric = 'psnr' and history.protocol = 'primary' and history.audio = 'own' "
        "group by all order by mean",
    )
    assert means["mean"].round(3).tolist() == [30.0, 31.175, 33.525]
    assert means["dagster_run_id"].tolist() == [trained[1][name].dagster_run_id for name in RUNS]
    current = query(
        database, "select count(*) as n from models where asset = 'generator' and method = 'cals'"
    )
    assert current["n"][0] == 1
