"""OpenLineage events agree with the ledger and reach a server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest

from assets.project.home_id import home_id
from assets.project.settings import Project
from assets.store import ledger
from pipelines.exports.openlineage import export_to_file, export_to_url
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, SyntheticRun, SyntheticRun]:
    made = make_project(tmp_path_factory.mktemp("lineage"))
    first, second = SyntheticRun(made, "first"), SyntheticRun(made, "second", (f"{DATASET}/train/1",))
    return made, first.make_all(), second.make_all()


def test_openlineage_events_hold_each_materialisation_with_its_versions(
    two_runs: tuple[Project, SyntheticRun, SyntheticRun], tmp_path: Path
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
        assert event["job"]["namespace"] == output["namespace"] == f"cals:{home_id(project.home)}"
        tags = {tag["key"]: tag["value"] for tag in event["run"]["facets"]["tags"]["tags"]}
        assert tags["code_version"] == row["code_version"] and json.loads(tags["settings"]) == {"seed": 1}


def test_openlineage_events_reach_a_server(two_runs: tuple[Project, SyntheticRun, SyntheticRun]) -> None:
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
