"""The data dictionary names every table, view and column with its type and meaning."""

from __future__ import annotations

from assets.store.data_dictionary import dictionary_page
from assets.store.sql_files import read_sql_files


def test_the_page_has_every_table_and_column_once() -> None:
    page = dictionary_page()
    for name, file in read_sql_files().items():
        (section,) = [part for part in page.split("\n### ") if part.startswith(f"`{name}` ({file.kind})\n")]
        assert file.header["grain"] in section and all(f"`{name}`" in section for name in file.key)
        rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        assert [row[0].strip("|` ") for row in rows] == list(file.column_comments)
        assert all(row[1] and row[2].strip(" |") for row in rows)


def test_types_and_units_are_those_of_the_warehouse() -> None:
    page = dictionary_page()
    assert "| `finished_at` | timestamp with time zone | when it was finished, UTC |" in page
    assert "| `counts_json` | json |" in page and "| `materialization_id` | varchar not null |" in page
    assert "units: metric_definitions gives each metric's unit and which direction is better" in page
