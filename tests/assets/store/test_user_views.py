"""A project's own SQL becomes views at each publish; what can't is named and left out."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from assets.project.home import Home
from assets.store.sql_files import SQL_FOLDER, read_sql_files
from assets.store.user_sql import STATE_NAME, user_view_problems, user_views_changed
from assets.store.warehouse import publish, query
from tests.support import warehouse_rows

README = SQL_FOLDER / "user" / "README.md"


def home_with(folder: Path, **texts: str) -> Home:
    home = Home(folder / "home", folder / "sql")
    (folder / "sql").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / "sql" / f"{name}.sql").write_text(text)
    return home


def test_each_file_is_a_view_with_its_comment(tmp_path: Path) -> None:
    home = home_with(tmp_path, one="-- Just one.\n-- Always.\nselect 1 as n;\n-- end", select="from one")
    database = publish(home)
    assert query(database, 'select n from "select"')["n"].tolist() == [1]
    comments = query(
        database, "select view_name, comment from duckdb_views() where view_name in ('one', 'select')"
    )
    assert dict(comments.itertuples(index=False)) == {
        "one": "Just one. Always.",
        "select": "Of the project itself: select.sql.",
    }
    assert user_view_problems(home) == []


def test_a_view_may_read_one_that_comes_later_in_the_alphabet(tmp_path: Path) -> None:
    home = home_with(tmp_path, a="from b", b="from c", c="select 3 as n")
    assert query(publish(home), "from a")["n"].tolist() == [3]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("wrong", "select nothing from clips", 'Binder Error: Referenced column "nothing" not found in FROM clause!'),
        ("wrong", "selec 1", 'Parser Error: syntax error at or near "selec"'),
        ("wrong", "select 1; drop table clips", "must hold one query"),
        ("wrong", "drop table clips", "must hold one query"),
        ("wrong", "", "must hold one query"),
        ("clips", "select 1", "clips is a table or view of the warehouse; give the file another name"),
        ("My-view", "select 1", "'My-view' can't be the name of a view; use lower-case letters, digits and underscores"),
        ("a", "from b", "Catalog Error: Table with name b does not exist!"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_view_is_named_and_left_out(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    home = home_with(tmp_path, good="select 1 as n", **{name: text})
    database = publish(home)
    (line,) = user_view_problems(home)
    assert line.startswith(f"{tmp_path / 'sql' / name}.sql: {problem}") and "\n" not in line
    assert query(database, "from good")["n"].tolist() == [1]
    assert query(database, "select count(*) as n from clips")["n"][0] == 0
    if name not in read_sql_files():
        with pytest.raises(duckdb.Error):
            query(database, f'from "{name}"')


def test_views_stay_from_publish_to_publish_and_follow_their_files(tmp_path: Path) -> None:
    home = home_with(tmp_path, one="select 1 as n")
    publish(home)
    assert not user_views_changed(home)
    assert query(publish(home), "from one")["n"].tolist() == [1]
    home_with(tmp_path, one="select 2 as n")
    assert user_views_changed(home)
    assert query(publish(home), "from one")["n"].tolist() == [2]
    (tmp_path / "sql" / "one.sql").unlink()
    assert user_views_changed(home)
    with pytest.raises(duckdb.Error, match="one does not exist"):
        query(publish(home), "from one")
    assert not user_views_changed(home)


def test_no_folder_no_file_or_an_unreadable_record_is_no_change(tmp_path: Path) -> None:
    for home in (Home(tmp_path), Home(tmp_path, tmp_path / "nowhere")):
        assert not user_views_changed(home) and user_view_problems(home) == []
    home = home_with(tmp_path, wrong="selec")
    publish(home)
    (home.warehouse / STATE_NAME).write_text("{")
    assert user_views_changed(home) and user_view_problems(home) == []


def test_the_example_of_the_folder_filters_the_protocol_and_gives_rows(tmp_path: Path) -> None:
    (example,) = re.findall(r"```sql\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert "protocol = 'primary'" in example
    home = home_with(tmp_path, psnr_by_speaker=example)
    warehouse_rows.fill(home)
    found = query(publish(home), "from psnr_by_speaker order by num_clips desc")
    assert user_view_problems(home) == []
    assert found.columns.tolist() == ["dataset", "speaker", "method", "psnr_db", "num_clips"]
    assert found["num_clips"][0] == 4
