"""The table of large crops at their own size: only where they were scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.home import Home
from assets.report.own_size import own_sizes
from assets.report.page import render_report
from assets.report.settings import ReportSettings
from assets.report.warehouse_reader import WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish
from tests.support import warehouse_rows

SETTINGS = ReportSettings(num_example_clips=0, num_extreme_clips=0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    warehouse_rows.fill(home)
    return home


def test_a_page_of_small_crops_has_no_such_table(home: Home) -> None:
    publish(home)
    with connect(home.database) as connection:
        assert own_sizes(WarehouseReader(connection), warehouse_rows.DATASET) == []


def test_the_table_names_protocol_and_size(home: Home) -> None:
    rows = warehouse_rows.score_rows([f"clip{n}" for n in range(4)], "cals")
    large = [
        {**row, "protocol": "crop_256", "value": 2.5}
        for row in rows
        if (row["protocol"], row["metric"]) == ("primary", "lmd")
    ]
    write_part(home, "clip_metrics", rows + large, dataset=warehouse_rows.DATASET, method="cals")
    publish(home)
    with connect(home.database) as connection:
        (table,) = own_sizes(WarehouseReader(connection), warehouse_rows.DATASET)
    assert (table.protocol, table.crop_px) == ("crop_256", 256)
    assert [metric.name for metric in table.columns] == ["lmd"]
    assert [(row.method, row.cells[0].text) for row in table.rows] == [("cals", "2.500")]
    page = render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS).path
    html = page.read_text(encoding="utf-8")
    assert "The crops at their own size, 256 x 256 px" in html and "LMD, crops of 256 px" in html
