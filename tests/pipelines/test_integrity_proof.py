"""On a finished home: every edit by hand is named, a copy is as clean as its original, everything traces both ways."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assets.project.home import Home
from assets.project.settings import Project, load_project
from assets.store import ledger
from assets.store.warehouse import query
from pipelines.lineage.identifiers import resolve
from pipelines.lineage.questions import ascend, descend
from pipelines.lineage.trace import Trace, Tracer
from pipelines.lineage.values import value_node
from pipelines.repair.deep import find_deep_flaws
from pipelines.repair.ledger_rows import find_ledger_flaws, restore_ledger
from pipelines.repair.repair import needs_repair
from tests.support.hand_edits import (
    CACHE_EDITS,
    FILE_EDITS,
    LEDGER_EDITS,
    change_cache,
    edit_database,
    edit_files,
)
from tests.support.small_project import Workplace, make_small_project

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]
SEED = 20261128


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return make_small_project(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def copy(finished: Workplace, tmp_path: Path) -> Workplace:
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Workplace(tmp_path / "copy")


def project_of(place: Workplace) -> Project:
    return load_project(place.folder / "cals.yaml", place.home)


def missed(place: Workplace, done: dict[str, str]) -> dict[str, str]:
    texts = [flaw.text for flaw in find_deep_flaws(project_of(place))]
    return {name: what for name, what in done.items() if not any(name in text for text in texts)}


def test_a_finished_home_is_as_it_was_recorded(finished: Workplace) -> None:
    assert [flaw.text for flaw in find_deep_flaws(project_of(finished))] == []
    assert "all files hold the bytes that were recorded" in finished.must("doctor", "--deep")


def test_edits_of_files_are_all_named(copy: Workplace) -> None:
    done = edit_files(Home(copy.home), FILE_EDITS, SEED)
    assert len(done) == len(FILE_EDITS) >= 50 and missed(copy, done) == {}
    status = copy.cals("doctor", "--deep")
    assert status.returncode == 1 and all(name in status.stdout for name in done)


def test_edits_of_the_ledger_are_all_named(copy: Workplace) -> None:
    done = edit_files(Home(copy.home), LEDGER_EDITS, SEED)
    assert missed(copy, done) == {} and len(done) == len(LEDGER_EDITS)


def test_edits_of_the_database_are_all_named(copy: Workplace) -> None:
    home = Home(copy.home)
    done = edit_files(home, CACHE_EDITS, SEED) | edit_database(home)
    assert missed(copy, done) == {} and len(done) >= 8


def test_a_copy_is_as_clean_as_its_original_and_nothing_is_made_in_it(
    finished: Workplace, tmp_path: Path
) -> None:
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True, copy_function=shutil.copy)
    place = Workplace(tmp_path / "copy")
    assert place.must("stale", "--dataset", "small", "--json").strip() == "[]"
    rows = len(ledger.read(Home(place.home)))
    done = place.cals("run", "--dataset", "small")
    assert done.stdout == "nothing is stale: nothing to do\n" and "repaired" not in done.stderr
    assert len(ledger.read(Home(place.home))) == rows
    assert place.cals("doctor").stdout.count("BAD") == finished.cals("doctor").stdout.count("BAD")
    assert [flaw.text for flaw in find_deep_flaws(project_of(place))] == []
    time.sleep(2.5)  # files that are this new may change under the same time: they are read once more
    assert not needs_repair(project_of(place)) and not needs_repair(project_of(place))


def test_what_is_damaged_is_repaired_and_nothing_else_is_computed(copy: Workplace) -> None:
    home = Home(copy.home)
    bucket = home.stage("mels", "small") / "00001.parquet"
    before = bucket.read_bytes()
    bucket.write_bytes(before[:200] + bytes([before[200] ^ 1]) + before[201:])
    weights = next((home.root / "models").glob("**/model.safetensors"))
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + b"\0\0")
    rows = {row["materialization_id"] for row in ledger.read(home)}
    done = copy.cals("run", "--dataset", "small")
    assert done.returncode == 0, done.stderr
    assert "mels/small/00001.parquet has other bytes than were recorded" in done.stderr
    assert "copied from mlflow/artifacts" in done.stderr
    new = [row for row in ledger.read(home) if row["materialization_id"] not in rows]
    assert [row["asset"] for row in new] == ["mels"]
    assert bucket.read_bytes() == before and weights.read_bytes() == kept
    assert "nothing is stale" in copy.must("run", "--dataset", "small")


def test_rows_of_the_ledger_come_back_from_the_published_database(copy: Workplace) -> None:
    home, project = Home(copy.home), project_of(copy)
    rows = ledger.read(home)
    broken, gone, *_ = ledger.part_paths(home)
    broken.write_bytes(b"PAR1")
    gone.unlink()
    said = copy.cals("stale")
    assert said.returncode == 1 and len(said.stderr.splitlines()) == 1 and broken.name in said.stderr
    assert any(flaw.can_be_mended for flaw in find_ledger_flaws(project))
    restore_ledger(home)
    assert ledger.read(home) == rows and list(find_ledger_flaws(project)) == []
    assert list((home.root / "damaged").rglob(broken.name)), "nothing is lost"


def values_shown(home: Home) -> Iterator[tuple[str, float | None]]:
    """Identifier and value of every measured value of the tables and views that the report shows."""

    def rows(sql: str) -> list[dict[str, Any]]:
        return query(home.database, sql).to_dict("records")

    for table in ("table_1", "table_3"):
        for row in rows(f"from {table} where source = 'measured'"):
            for metric in ("psnr", "ssim", "lmd", "lse_d", "lse_c"):
                yield f"{table}/{row['dataset']}/{row['method']}/{metric}", row[metric]
    for row in rows("from figure_2"):
        for column in ("lmd_masked", "lmd_unmasked"):
            yield f"figure_2/{row['dataset']}/{row['method']}/{column}/{row['mask_frames']}", row[column]
    for row in rows("from figure_3 where source = 'measured'"):
        yield f"figure_3/{row['corpus']}/{row['method']}/lmd/{row['window_frames']}", row["lmd"]
    for row in rows("from metric_summary"):
        where = f"{row['dataset']}/{row['method']}/{row['metric']}/{row['protocol']}/{row['audio']}"
        yield f"metric_summary/{where}", row["mean"]
    for row in rows("from wrong_audio_margin"):
        yield f"wrong_audio_margin/{row['dataset']}/{row['method']}/{row['metric']}", None
    for row in rows("from method_differences"):
        pair = f"{row['method']}/{row['other_method']}"
        yield f"method_differences/{row['dataset']}/{pair}/{row['metric']}", None
    for row in rows("select distinct dataset, asset, method from model_figures"):
        model = "/".join(part for part in (row["asset"], row["dataset"], row["method"]) if part)
        yield from ((f"{table}/{model}", None) for table in ("models", "model_figures", "training_curves"))


def test_every_value_that_the_report_shows_traces_both_ways(finished: Workplace) -> None:
    project = project_of(finished)
    tracer = Tracer(project.home)
    both: dict[str, tuple[Trace, Trace]] = {}
    shown = dict(values_shown(project.home))
    assert len(shown) > 200
    for name, value in shown.items():
        target = resolve(tracer, project, name)
        assert target.row is not None
        if target.value is not None and value is not None:
            found = value_node(tracer.home, target.value)
            missing = value != value  # a null of DuckDB
            assert missing or found["value"] == pytest.approx(value), name
        key = " ".join(
            row["materialization_id"] for row in (target.value.rows if target.value else [target.row])
        )
        if key not in both:
            both[key] = ascend(tracer, target, name), descend(tracer, target, name)
        up, down = both[key]
        assert up.raw_files() and not up.notes, name
        assert "report:small" in down.nodes, name


def test_every_id_traces_both_ways(finished: Workplace) -> None:
    project = project_of(finished)
    tracer = Tracer(project.home)

    def column(sql: str) -> list[str]:
        return [str(value) for value in query(project.home.database, sql).iloc[:, 0] if value is not None]

    clips = column("select clip_id from clips")
    others = [
        *column("select dataset || '/' || path from shards"),
        *column("select sha256 from shards"),
        *column("select weights_sha256 from models"),
        *column("select registered_name || '/' || registered_version from models"),
        *column("select materialization_id from materializations"),
        *column("select concat_ws('/', asset, dataset, method) from current_materializations"),
    ]
    accepted = set(column("select clip_id from clips where status = 'ok'"))
    for name in [*clips, *others]:
        target = resolve(tracer, project, name)
        up, down = ascend(tracer, target, name), descend(tracer, target, name)
        assert not up.notes or (name in clips and name not in accepted), (name, up.notes)
        if name not in clips or name in accepted:
            sources = {node.get("name") for node in up.nodes.values() if node["kind"] == "source"}
            assert up.raw_files() or "raw_videos" in sources, (
                name
            )  # stages before the shards read whole datasets
            assert down.nodes, name
    shown = {f"{table}/small/cals/{metric}" for table in ("table_1", "table_3") for metric in ("psnr", "lmd")}
    shown |= {"figure_2/small/cals/lmd_masked", "figure_3/small/cals/lmd", "report/small/index.html"}
    for name in column("select clip_id from clips where status = 'ok' and split = 'test'"):
        down = descend(tracer, resolve(tracer, project, name), name)
        assert shown <= {node["label"] for node in down.nodes.values()}, name


def test_an_edit_of_the_cache_of_digests_is_named(copy: Workplace) -> None:
    time.sleep(2.5)
    assert not needs_repair(project_of(copy))
    name = change_cache(Home(copy.home))
    assert missed(copy, {f"the row of {name}": "another digest"}) == {}
