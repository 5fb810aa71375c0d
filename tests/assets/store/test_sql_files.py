"""Reading sql/: headers, comments, order, and the required form."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.store.sql_files import SqlFileError, comment_statements, quoted, read_sql_files

TABLE = """-- Clips of somebody's camera.
-- grain: one clip
-- key: clip_id
create table shots (
    clip_id varchar not null,  -- the clip's name
    seconds double  -- its length
)
"""
VIEW = """-- Long clips.
-- They are not cut.
-- grain: one clip
-- key: none (a clip may be listed twice)
-- units: minutes; lower is better
create view long_shots as
with

shot as (
    select shots.clip_id, shots.seconds
    from shots
)

select
    shot.clip_id,  -- name
    case
        when shot.seconds > 60 then shot.seconds / 60
    end as minutes  -- length in minutes
from shot
"""


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_files_follow_those_that_they_read(tmp_path: Path) -> None:
    write(tmp_path, "marts/long_shots.sql", VIEW)
    write(tmp_path, "schema/shots.sql", TABLE)
    files = read_sql_files(tmp_path)
    assert list(files) == ["shots", "long_shots"]
    assert (files["shots"].kind, files["long_shots"].kind) == ("table", "view")


def test_documentation_is_read_from_the_comments(tmp_path: Path) -> None:
    write(tmp_path, "schema/shots.sql", TABLE)
    write(tmp_path, "marts/long_shots.sql", VIEW)
    files = read_sql_files(tmp_path)
    shots, view = files["shots"], files["long_shots"]
    assert [(c.name, c.sql_type, c.required) for c in shots.columns] == [
        ("clip_id", "varchar", True),
        ("seconds", "double", False),
    ]
    assert view.column_comments == {"clip_id": "name", "minutes": "length in minutes"}
    assert (shots.key, view.key) == (["clip_id"], [])
    assert view.comment.startswith("Long clips. They are not cut. Grain: one clip. Key: none")
    assert view.comment.endswith("Units: minutes; lower is better.")
    assert "comment on table shots is 'Clips of somebody''s camera." in comment_statements(shots)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TABLE.replace("shots (", "other ("), "must hold `create table shots`"),
        (TABLE.replace("-- grain: one clip\n", ""), "lacks its grain"),
    ],
)
def test_a_file_of_another_form_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "schema/shots.sql", text)
    with pytest.raises(SqlFileError, match=rf"shots\.sql: .*{message}"):
        file = read_sql_files(tmp_path)["shots"]
        assert file.kind and file.header


def test_two_files_of_one_name_are_rejected(tmp_path: Path) -> None:
    write(tmp_path, "schema/shots.sql", TABLE)
    write(tmp_path, "marts/shots.sql", TABLE)
    with pytest.raises(SqlFileError, match="names must be unique"):
        read_sql_files(tmp_path)


def test_an_empty_folder_is_an_incomplete_installation(tmp_path: Path) -> None:
    with pytest.raises(SqlFileError, match="the installation is incomplete"):
        read_sql_files(tmp_path)


def test_quotes_are_doubled() -> None:
    assert quoted("it's") == "'it''s'"
