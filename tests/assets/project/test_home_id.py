"""A home's id is drawn once and stays with it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assets.project.home import Home
from assets.project.home_id import ID_FILE, home_id


def test_it_stays_when_the_home_is_moved_and_differs_between_homes(tmp_path: Path) -> None:
    first = home_id(Home(tmp_path / "a"))
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    (tmp_path / "a").rename(tmp_path / "b")
    assert home_id(Home(tmp_path / "b")) == first
    assert home_id(Home(tmp_path / "c")) != first
    assert [path.name for path in (tmp_path / "b").iterdir()] == [ID_FILE]


def test_all_who_ask_at_once_get_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: home_id(Home(tmp_path)), range(40)))) == 1


def test_anything_else_in_the_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ID_FILE).write_text("mine")
    with pytest.raises(ValueError, match=r"id: holds 'mine'; it must hold the 32 hex digits"):
        home_id(Home(tmp_path))
