"""``cals ui``: what it says of two servers that start, answer, fail and end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from assets.workers.child_process import child_environment
from pipelines.ui.ports import HOST
from pipelines.ui.serving import Offer, serve
from tests.support.lineage_home import make_project

pytestmark = pytest.mark.timeout(120)
# `cals ui` with stand-ins for the two servers
PROGRAM = """
import sys
from pathlib import Path
from assets.project.settings import load_project
from pipelines.ui import serving
real = serving._servers
def stand_ins(project, offer):
    servers = real(project, offer)
    for server in servers:
        server.module, server.health = "tests.support.stand_in_servers", "/health"
    return servers
serving._servers = stand_ins
ports = [int(word) for word in sys.argv[1:3]]
sys.exit(serving.serve(load_project(), serving.Offer(host="127.0.0.1", port=ports[0], mlflow_port=ports[1])))
"""


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind((HOST, 0))
        other.bind((HOST, 0))
        return one.getsockname()[1], other.getsockname()[1]


class Running:
    """`cals ui` in a process of its own; ``lines_until`` reads what it says."""

    def __init__(self, folder: Path, dagster: str, mlflow: str) -> None:
        make_project(folder)
        self.ports = free_ports()
        doing = {str(self.ports[0]): dagster, str(self.ports[1]): mlflow}
        self.home = folder / ".cals"
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, self.ports)],
            cwd=folder,
            env=child_environment(
                CALS_CONFIG=str(folder / "cals.yaml"),
                CALS_HOME=str(self.home),
                CALS_STAND_IN=json.dumps(doing),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def lines_until(self, words: str) -> str:
        """Everything that was said so far, once ``words`` are among it."""
        assert self.process.stdout is not None
        while words not in self.said:
            line = self.process.stdout.readline()
            assert line, f"{words!r} was not said:\n{self.said}"
            self.said += line
        return self.said

    def interrupt(self, sign: int = signal.SIGINT) -> int:
        self.process.send_signal(sign)
        return self.process.wait(60)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_addresses_are_told_when_they_answer(tmp_path: Path, sign: int) -> None:
    running = Running(tmp_path, "late", "serve")
    dagster, mlflow = (f"http://127.0.0.1:{port}" for port in running.ports)
    said = running.lines_until(f"MLflow: {mlflow}")
    assert dagster not in said
    assert "CALS_STAND_IN" not in said and str(running.home / "ui" / "dagster.log") in said
    running.lines_until(f"Dagster: {dagster}")
    running.lines_until("its daemon ended")
    assert running.interrupt(sign) == 0
    for port in running.ports:
        with pytest.raises(OSError):
            socket.create_connection((HOST, port), timeout=2).close()
    log = (running.home / "ui" / "dagster.log").read_text()
    assert log.startswith(f"began in {running.home / 'ui' / 'empty'}\n")


def test_a_server_that_fails_is_told_with_its_last_words_and_the_other_goes_on(tmp_path: Path) -> None:
    running = Running(tmp_path, "serve", "die")
    said = running.lines_until("no such table: runs")
    assert "MLflow ended with exit status 1; Dagster goes on" in said
    running.lines_until(f"Dagster: http://127.0.0.1:{running.ports[0]}")
    assert running.interrupt() == 1, "not everything was there until it was interrupted"


def test_it_ends_when_both_have_ended(tmp_path: Path) -> None:
    running = Running(tmp_path, "die_later", "die")
    said = running.lines_until("Dagster ended with exit status 7")
    assert "goes on" not in said.splitlines()[-1]
    assert running.process.wait(60) == 1


def test_impossible_ports_and_addresses_are_one_line(tmp_path: Path) -> None:
    project, good = make_project(tmp_path), free_ports()[0]
    for host, port, says in (
        (HOST, 0, "--port 0: give a port from 1 to 65535"),
        (HOST, 70_000, "port 70000 on 127.0.0.1 can't be had .*; give another with --port"),
        ("203.0.113.7", good, "on 203.0.113.7 can't be had"),
        ("no.such.host.invalid", good, "on no.such.host.invalid can't be had"),
    ):
        with pytest.raises(ValueError, match=says):
            serve(project, Offer(host=host, port=port, mlflow_port=good))


@pytest.mark.parametrize("option", ["--port", "--mlflow-port"])
def test_a_port_in_use_is_one_line(tmp_path: Path, option: str) -> None:
    project = make_project(tmp_path)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        used, other = taken.getsockname()[1], free_ports()[0]
        ports = (used, other) if option == "--port" else (other, used)
        with pytest.raises(
            ValueError, match=rf"port {used} on 127\.0\.0\.1 can't be had .*; give another with {option}"
        ):
            serve(project, Offer(host=HOST, port=ports[0], mlflow_port=ports[1]))
    assert not project.home.root.exists()


def test_a_short_token_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALS_UI_TOKEN", "secret")
    one, other = free_ports()
    with pytest.raises(ValueError, match="CALS_UI_TOKEN has 6 letters; give 20 or more"):
        serve(make_project(tmp_path), Offer(host="0.0.0.0", port=one, mlflow_port=other))
    assert "secret" not in os.environ.get("CALS_UI_TOKEN", "")
