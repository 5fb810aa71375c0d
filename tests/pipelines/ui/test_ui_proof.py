"""`cals ui` as a whole, in a working directory full of planted modules: both servers, asked by friend and stranger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from cals_models.references import PROJECT_ROOT
from tests.pipelines.ui.test_serving import free_ports
from tests.support.dagster_pages import WIPE
from tests.support.lineage_home import make_project
from tests.support.live_server import ask, request
from tests.support.planted_modules import plant_modules, write_cals_script

JSON, EVIL = "application/json", "http://evil.example"
START_S = 500.0


@pytest.mark.proof
@pytest.mark.timeout(700)
def test_two_servers_start_answer_and_end_among_planted_modules(tmp_path: Path) -> None:
    folder = tmp_path / "messy"
    folder.mkdir()
    make_project(folder)
    caught = plant_modules(folder)
    (folder / ".env").write_text("PYTHONHOME=/nowhere\n")
    dagster, mlflow = free_ports()
    own = {
        k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_", "PYTHON"))
    }
    words = [str(write_cals_script(tmp_path)), "ui", "--port", str(dagster), "--mlflow-port", str(mlflow)]
    said = tmp_path / "said.txt"
    with said.open("w") as out:
        running = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env=own | {"PYTHONPATH": str(PROJECT_ROOT)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        limit = time.monotonic() + START_S
        addresses = [f"Dagster: http://127.0.0.1:{dagster}\n", f"MLflow: http://127.0.0.1:{mlflow}\n"]
        while not all(address in said.read_text() for address in addresses):
            assert running.poll() is None and time.monotonic() < limit, said.read_text()
            time.sleep(0.5)
        assert "arning" not in said.read_text()
        _check_dagster(dagster)
        _check_mlflow(mlflow)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0, said.read_text()
    finally:
        running.kill()
    assert not caught.exists(), caught.read_text()


def _check_dagster(port: int) -> None:
    own = {"Host": f"localhost:{port}", "Content_Type": JSON, "Origin": f"http://localhost:{port}"}
    locations = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } shouldShowNux }"
    status, answer = ask(port, request("POST /graphql", json.dumps({"query": locations}).encode(), **own))
    assert status == 200 and '"LOADED"' in answer and '"shouldShowNux":false' in answer
    body = json.dumps({"query": WIPE}).encode()
    assert ask(port, request(f"GET /graphql?query={quote(WIPE)}"))[0] == 405
    assert ask(port, request("POST /graphql", body, **own | {"Origin": EVIL}))[0] == 403
    assert (
        ask(port, request("POST /graphql", body, Host="evil.example", Content_Type=JSON, Origin=EVIL))[0]
        == 403
    )
    assert ask(port, request("POST /graphql", body, Content_Type="text/plain"))[0] == 415
    assert ask(port, request("POST /graphql", body, **own))[0] == 200


def _check_mlflow(port: int) -> None:
    search, create = "/ajax-api/2.0/mlflow/experiments/search", "/ajax-api/2.0/mlflow/experiments/create"
    own = {"Host": f"localhost:{port}", "Content_Type": JSON}
    body = json.dumps({"name": "of a stranger"}).encode()
    for stranger in (
        own | {"Origin": EVIL},
        own | {"Origin": "null"},
        own | {"Origin": "http://localhost:1"},
        own | {"Host": "evil.example", "Origin": EVIL},
        own | {"Sec_Fetch_Site": "same-site"},
    ):
        assert ask(port, request(f"POST {create}", body, **stranger))[0] == 403
    assert ask(port, request("OPTIONS " + create, Origin=EVIL))[0] == 403
    for method in ("GET", "PUT", "POST"):
        assert ask(port, request(f"{method} /ajax-api/3.0/mlflow/assistant/config", b"{}", **own))[0] == 403
    status, answer = ask(port, request(f"POST {search}", b'{"max_results": 10}', **own))
    assert status == 200 and "of a stranger" not in answer
    assert ask(port, request("GET /"))[0] == 200
