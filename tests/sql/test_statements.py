"""Every file of sql/ is one documented statement; everything in the database has a comment."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from assets.project.home import Home
from assets.store.sql_files import SqlFile, read_sql_files
from assets.store.table_parts import write_part
from assets.store.warehouse import WarehouseError, publish, query
from tests.support import warehouse_rows

FILES = read_sql_files()
SHARED_NAMES = (
    "clips",
    "raw_files",
    "clip_metrics",
    "shards",
    "shard_clips",
    "training_curves",
    "materializations",
)
SHARED_NAMES += ("materialization_inputs", "published_metrics", "table_1", "table_2", "table_3", "figure_3")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(Home(tmp_path_factory.mktemp("empty")))


def code_of(file: SqlFile) -> str:
    return "\n".join(line.split("--")[0] for line in file.sql.splitlines())


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_file_is_one_lower_case_statement_with_named_columns(file: SqlFile) -> None:
    code = re.sub(r"'[^']*'", "''", code_of(file))
    assert len(re.findall(r"^create (table|view) ", code, re.MULTILINE)) == 1
    assert ";" not in code
    assert not re.search(r"select\s+\*|\.\*", code)
    assert code == code.lower()
    assert file.header["grain"] and file.header["key"]


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_query_files_import_before_they_compute(file: SqlFile) -> None:
    if file.folder == "schema":
        return
    reads = re.findall(r"\b(?:from|join)\s+(\w+)", code_of(file).split("\nselect\n")[-1])
    assert not set(reads) & set(FILES), "the final select reads parts that were imported under with"


def test_every_table_view_and_column_has_a_comment(database: Path) -> None:
    columns = query(
        database,
        "select table_name, column_name, comment from duckdb_columns() where database_name = 'warehouse'",
    )
    assert columns[columns["comment"].isna()].empty
    kinds = query(
        database,
        "select table_name as name, comment from duckdb_tables() where database_name = 'warehouse' union all "
        "select view_name as name, comment from duckdb_views() "
        "where database_name = 'warehouse' and not internal",
    )
    assert set(kinds["name"]) == set(FILES) == set(columns["table_name"])
    assert kinds["comment"].str.contains("Grain: ").all() and kinds["comment"].str.contains("Key: ").all()


def test_shared_names_exist_and_can_be_queried_when_empty(database: Path) -> None:
    for name in SHARED_NAMES:
        assert isinstance(query(database, f"from {name}"), pd.DataFrame), name


def test_documented_columns_are_the_columns_in_order(database: Path) -> None:
    for name, file in FILES.items():
        assert list(query(database, f"from {name} limit 0").columns) == list(file.column_comments), name


def test_declared_keys_are_columns() -> None:
    for name, file in FILES.items():
        assert set(file.key) <= set(file.column_comments), name


def test_metrics_say_which_direction_is_better(database: Path) -> None:
    definitions = query(database, "from metric_definitions").set_index("metric")["better"]
    higher = {
        "psnr",
        "ssim",
        "psnr_mouth",
        "ssim_mouth",
        "opening_audio",
        "csim",
        "lse_c",
        "visual_quality",
        "lip_sync_quality",
        "realness",
    }
    assert set(definitions[definitions == "higher"].index) == higher
    assert set(definitions[definitions == "lower"].index) == {
        "lmd",
        "lse_d",
        "opening_source",
        "silence_movement",
        "lpips",
        "fid",
    }


def test_the_papers_values_are_as_printed(database: Path) -> None:
    def row(table: str, method: str, corpus: str | None) -> list[float | None]:
        found = query(
            database,
            "select metric, value from published_metrics "
            "where paper_table = ? and method = ? and corpus is not distinct from ?",
            [table, method, corpus],
        )
        return found["value"].astype(object).where(found["value"].notna(), None).tolist()

    assert row("table_3", "cals", "lrw") == [33.219, 0.900, 1.183, 6.432, 7.463]
    assert row("table_3", "ground_truth", "hdtf") == [None, 1.0, 0.0, 7.508, 7.128]
    assert row("table_3", "audio2head", "lrs2") == [28.726, 0.395, 2.088, 8.518, 5.393]
    assert row("table_3", "wav2lip", "lrs2") == row("table_1", "wav2lip", "lrs2")
    assert row("table_1", "a2l_dav", "lrs2") == [32.501, 0.867, 1.064, 5.204, 9.421]
    assert row("table_2", "synctalkface", None) == [3.333, 3.761, 3.502]
    counts = query(database, "select paper_table, count(*) as n from published_metrics group by 1 order by 1")
    assert dict(counts.itertuples(index=False)) == {
        "figure_3": 2,
        "table_1": 20,
        "table_2": 18,
        "table_3": 90,
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("filled"))
    tests = warehouse_rows.fill(home)
    warehouse_rows.fill_ratings(home, tests)
    warehouse_rows.fill_partial_audio(home, tests)
    return publish(home)


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if file.key])
def test_a_key_names_one_row(filled: Path, name: str) -> None:
    key = ", ".join(FILES[name].key)
    assert query(filled, f"select {key} from {name} group by {key} having count(*) > 1").empty


def test_times_have_a_zone_and_json_is_json(database: Path) -> None:
    types = query(
        database,
        "select column_name, data_type from duckdb_columns() where database_name = 'warehouse' "
        "and (column_name like '%\\_at' escape '\\' or column_name like '%\\_json' escape '\\')",
    )
    at, json = (types[types["column_name"].str.endswith(end)]["data_type"] for end in ("_at", "_json"))
    assert set(at) == {"TIMESTAMP WITH TIME ZONE"} and len(at) >= 12
    assert set(json) == {"JSON"} and len(json) >= 10


def test_a_duplicate_clip_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in ("one", "two"):
        row = {"dataset": name, "clip_id": "one/test/a", "status": "ok"}
        write_part(home, "clip_inventory", [row], dataset=name)
    with pytest.raises(WarehouseError, match="clip_inventory: several rows have clip_id = one/test/a"):
        publish(home)
