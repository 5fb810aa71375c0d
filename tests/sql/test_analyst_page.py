"""Every SQL block of docs/warehouse.md runs and returns rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assets.project.home import Home
from assets.store.sql_files import read_sql_files
from assets.store.warehouse import publish, query
from tests.support import warehouse_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "warehouse.md"
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("home"))
    warehouse_rows.fill(home)
    return publish(home)


def test_there_are_ten_questions() -> None:
    assert len(re.findall(r"^\*\*\d+\. ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == 10
    assert len(BLOCKS) == 14


@pytest.mark.parametrize("sql", BLOCKS)
def test_block_returns_rows(database: Path, sql: str) -> None:
    assert len(query(database, sql)) > 0


def test_the_page_names_every_table_and_view() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert set(read_sql_files()) - named == {"bootstrap_intervals", "headline_scores", "published_scores"}
