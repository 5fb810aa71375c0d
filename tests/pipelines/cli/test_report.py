"""``cals report``: the page of each dataset, and the one over all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.atomic_files import write_text
from assets.project.home import Home
from pipelines import staleness
from pipelines.cli.main import main
from tests.support import warehouse_rows

CONFIG = """
settings: {}
datasets:
  sample_lrs2: {layout: lrs2, root: raw, profile: tiny, methods: [ground_truth, cals]}
"""


@pytest.fixture
def targets() -> list[str | None]:
    """The assets up to which the datasets were requested."""
    return []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: list[str | None]) -> Home:
    """A project in which nothing is stale."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "cals.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    for name in ("CALS_HOME", "CALS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(staleness, "find_stale", lambda _project, _datasets, to: targets.append(to) or [])
    home = Home(tmp_path / ".cals")
    warehouse_rows.fill(home)
    write_text(home.report(warehouse_rows.DATASET), "<html>")
    return home


def test_without_a_dataset_the_page_over_all_is_written_and_named_first(
    home: Home, targets: list[str | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report"]) == 0
    assert targets == [None], "each dataset as far as its entry in cals.yaml says"
    assert capsys.readouterr().out.split() == [
        str(home.report_overview),
        str(home.report(warehouse_rows.DATASET)),
    ]
    assert "All datasets" in home.report_overview.read_text(encoding="utf-8")


def test_with_a_dataset_its_page_alone_is_named(
    home: Home, targets: list[str | None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--dataset", warehouse_rows.DATASET]) == 0
    assert targets == ["metric_report"]
    assert capsys.readouterr().out.split() == [str(home.report(warehouse_rows.DATASET))]
    assert not home.report_overview.exists()
