"""``cals run`` where nothing is stale: it publishes changed views of the project's own, and says what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from assets.store.warehouse import publish, query
from pipelines.cli.main import main
from tests.support.lineage_home import SyntheticRun, make_project


def test_changed_views_are_published_and_those_that_are_none_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    publish(project.home)
    monkeypatch.setenv("CALS_CONFIG", str(project.config_path))
    monkeypatch.setenv("CALS_HOME", str(project.home.root))
    monkeypatch.setattr("pipelines.repair.repair.needs_repair", lambda project: False)
    nothing = SimpleNamespace(stale=[], failed_checks={}, unexpected={})
    monkeypatch.setattr("pipelines.staleness.make_plan", lambda *args: nothing)
    folder = tmp_path / "sql" / "user"
    folder.mkdir(parents=True)
    (folder / "one.sql").write_text("select 1 as n")
    (folder / "clips.sql").write_text("select 1")
    before = project.home.database.stat().st_ino
    for _ in range(2):
        assert main(["run"]) == 0
        said = capsys.readouterr()
        assert said.out == "nothing is stale: nothing to do\n"
        assert said.err == (
            f"no view: {folder / 'clips.sql'}: clips is a table or view of the warehouse; give the file another name\n"
        )
    assert project.home.database.stat().st_ino != before
    assert query(project.home.database, "from one")["n"].tolist() == [1]


def times_of(home: Path) -> dict[str, int]:
    """Name -> when it was written, of each file but locks."""
    files = [path for path in home.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    return {str(path): path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize(
    "words", [["run", "--to", "nope"], ["run", "--force", "nope"], ["stale", "--to", "nope"]]
)
def test_a_name_that_is_none_is_rejected_before_anything_is_done(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    publish(project.home)
    monkeypatch.setenv("CALS_CONFIG", str(project.config_path))
    monkeypatch.setenv("CALS_HOME", str(project.home.root))
    before = times_of(project.home.root)
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("cals: error: no asset 'nope'; one of clips, ")
    assert len(said.err.splitlines()) == 1
    assert times_of(project.home.root) == before
