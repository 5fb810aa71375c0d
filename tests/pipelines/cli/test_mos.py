"""The commands ``cals mos summary`` and ``export``, and what ``serve`` rejects before it listens."""

from __future__ import annotations

import csv
import io
import json
import socket
from pathlib import Path

import pytest

from assets.mos.ratings import Journal
from assets.mos.study import StudyError
from assets.project.settings import Project, SettingsError
from pipelines.cli import mos as cli_mos
from pipelines.cli.main import make_parser
from tests.assets.mos.mos_studies import DATASET, answer_all, make_study
from tests.support.lineage_home import make_project


def cals(*arguments: str) -> int:
    parsed = make_parser().parse_args(arguments)
    done: int = parsed.command(parsed)
    return done


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = make_project(tmp_path)
    monkeypatch.setattr(cli_mos, "open_project", lambda: project)
    return project


def test_summary_and_export(project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    study = make_study(project.home, num_clips=1, methods=("ground_truth", "cals"))
    answer_all(Journal(study), lambda video, scale: 4 if video.method == "cals" else 5)
    assert cals("mos", "summary", "--dataset", DATASET, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert [(row["method"], row["mean"]) for row in summary["scores"]][::3] == [
        ("ground_truth", 5),
        ("cals", 4),
    ]
    assert summary["raters"] == [
        {"rater": "rater_001", "num_videos": 2, "finished": True, "screened_out": ""}
    ]
    assert (project.home.parts / "mos_ratings" / f"{DATASET}.parquet").exists()
    assert cals("mos", "export", "--dataset", DATASET) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 6 and {row["rating"] for row in rows if row["method"] == "cals"} == {"4"}
    assert cals("mos", "export", "--dataset", DATASET, "--out", str(tmp_path / "ratings.csv")) == 0
    assert (tmp_path / "ratings.csv").read_text().count("\n") == 7


def test_what_is_not_there_is_named(project: Project) -> None:
    with pytest.raises(StudyError, match="talks has no study 'main'"):
        cals("mos", "summary", "--dataset", DATASET)
    with pytest.raises(SettingsError, match="method 'wav2lip' is not among"):
        cals("mos", "serve", "--dataset", DATASET, "--method", "wav2lip")
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ValueError, match="give another with --port"),
    ):
        cals("mos", "serve", "--dataset", DATASET, "--port", str(taken.getsockname()[1]))
    with pytest.raises(SystemExit):
        cals("mos")
