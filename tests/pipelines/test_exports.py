"""Exports are accepted by their official readers and agree with the ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest

from assets.project.settings import Project, SettingsError
from assets.store import ledger
from cals_models.shards.shard_format import clip_key
from pipelines.cli.main import make_parser
from pipelines.exports.cards import write_dataset_card, write_model_cards
from pipelines.exports.croissant import write_croissant
from pipelines.exports.licences import licence_of
from pipelines.exports.openlineage import export_to_file, export_to_url
from pipelines.forget import forget
from tests.support.export_project import make_shards
from tests.support.lineage_home import DATASET, MadeRun, make_project

READ = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(sys.argv[1])
issues = dataset.metadata.ctx.issues
records = {name: list(dataset.records(name)) for name in ("clips", "flac", "json")}
print(json.dumps({
    "errors": sorted(map(str, issues.errors)), "warnings": sorted(map(str, issues.warnings)),
    "clips": sorted(row["clips/clip_id"].decode() for row in records["clips"]),
    "keys": sorted(row["flac/key"].decode() for row in records["flac"]),
    "named": sorted(json.loads(row["json/content"])["clip_id"] for row in records["json"]),
    "version": str(dataset.metadata.version), "license": dataset.metadata.license,
}))
"""


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, MadeRun, MadeRun]:
    made = make_project(tmp_path_factory.mktemp("lineage"))
    first, second = MadeRun(made, "first"), MadeRun(made, "second", (f"{DATASET}/train/1",))
    return made, first.make_all(), second.make_all()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_shards(tmp_path_factory.mktemp("exports"))


def test_the_official_reader_accepts_the_croissant_and_reads_the_clips(
    project: Project, tmp_path: Path
) -> None:
    path = write_croissant(project, DATASET)
    environment = {**os.environ, "CROISSANT_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, env=environment, check=True
    )
    read = json.loads(done.stdout.splitlines()[-1])
    index = json.loads((project.home.shards(DATASET) / "manifest.json").read_text())
    assert read["errors"] == [] and read["warnings"] == []
    assert len(read["clips"]) == 10 and read["clips"] == read["named"]
    assert read["keys"] == sorted(clip_key(clip) for clip in read["clips"])
    assert read["version"].endswith(index["digest"][:16])
    assert "@context" not in done.stderr


def test_the_croissant_is_the_same_for_the_same_shards(project: Project) -> None:
    path = write_croissant(project, DATASET)
    before = path.read_bytes()
    assert write_croissant(project, DATASET).read_bytes() == before


def test_without_shards_one_line_says_what_to_run(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(SettingsError, match="has no shards yet; run: cals run --dataset talks --to shards"):
        write_croissant(project, DATASET)
    with pytest.raises(SettingsError, match="no dataset 'tolks'"):
        write_croissant(project, "tolks")


def test_openlineage_events_hold_each_materialisation_with_its_versions(
    two_runs: tuple[Project, MadeRun, MadeRun], tmp_path: Path
) -> None:
    project, first, second = two_runs
    path = tmp_path / "events.jsonl"
    rows = ledger.read(project.home)
    assert export_to_file(project, path) == 2 * len(rows)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    complete = {event["run"]["runId"]: event for event in events if event["eventType"] == "COMPLETE"}
    started = {event["run"]["runId"]: event for event in events if event["eventType"] == "START"}
    assert complete.keys() == started.keys() == {str(UUID(row["materialization_id"])) for row in rows}
    for run, shards in ((first, first.versions["shards"]), (second, second.versions["shards"])):
        (row,) = (row for row in rows if row["data_version"] == run.versions["generator|cals"])
        event = complete[str(UUID(row["materialization_id"]))]
        read = {one["name"]: one["facets"]["version"]["datasetVersion"] for one in event["inputs"]}
        assert event["job"]["name"] == f"generator/{DATASET}/cals" and read[f"shards/{DATASET}"] == shards
        (output,) = event["outputs"]
        assert output["facets"]["version"]["datasetVersion"] == row["data_version"]
        assert started[event["run"]["runId"]]["outputs"] == []
        tags = {tag["key"]: tag["value"] for tag in event["run"]["facets"]["tags"]["tags"]}
        assert tags["code_version"] == row["code_version"] and json.loads(tags["settings"]) == {"seed": 1}


def test_openlineage_events_reach_a_server(two_runs: tuple[Project, MadeRun, MadeRun]) -> None:
    got: list[dict[str, object]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        assert export_to_url(two_runs[0], url) == len(got)
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(ValueError, match="did not take the events"):
        export_to_url(two_runs[0], url)


def test_cards_hold_metrics_terms_and_withdrawals(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    run = MadeRun(project, "first").make_all()
    data = write_dataset_card(project, DATASET).read_text()
    for text in (run.versions["shards"], "| train | 4 |", "iBUG 300-W", "not stated", "cals forget"):
        assert text in data
    forget(project, f"{DATASET}/train/1", "the speaker asked for it")
    cards = {path.parent.parent.name: path.read_text() for path in write_model_cards(project, DATASET)}
    assert set(cards) == {"cals", "sync_encoder", "audio_to_lip", "lse_evaluator"}
    for text in (
        run.versions["generator|cals"],
        "| PSNR (dB) | higher | 30 | not measured |",
        "which was withdrawn",
    ):
        assert text in cards["cals"]
    with pytest.raises(SettingsError, match="no dataset"):
        write_model_cards(project, "none")


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("grid", "CC BY 4.0"),
        ("lrw", "non-commercial research"),
        ("lrs2", "non-commercial research"),
        ("folder", "not known"),
    ],
)
def test_terms_follow_the_layout(tmp_path: Path, layout: str, text: str) -> None:
    project = make_project(tmp_path)
    entry = replace(project.datasets[DATASET], layout=layout)
    assert text in licence_of(project, entry).note
    sample = replace(entry, root=project.home.root / "sample" / "lrs2")
    assert "public domain" in licence_of(project, sample).note


def test_the_commands_print_their_result_or_one_line(
    two_runs: tuple[Project, MadeRun, MadeRun],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CALS_CONFIG", str(two_runs[0].config_path))
    monkeypatch.setenv("CALS_HOME", str(two_runs[0].home.root))

    def cals(*words: str) -> str:
        arguments = make_parser().parse_args(words)
        assert arguments.command(arguments) == 0
        return capsys.readouterr().out

    assert json.loads(cals("trace", f"{DATASET}/train/2", "--json"))["direction"] == "up"
    assert "superseded: " in cals("trace", f"{DATASET}/train/2", "--down")
    assert "nothing to remove" in cals("gc")
    assert json.loads(cals("gc", "--json"))["removed"] is False
    assert cals("export", "croissant").strip().endswith("croissant.json")
    assert "events in" in cals("export", "openlineage")
    assert "README.md" in cals("export", "cards", "--dataset", DATASET)
    with pytest.raises(ValueError, match="--out and --url are for openlineage"):
        cals("export", "cards", "--out", "x")
