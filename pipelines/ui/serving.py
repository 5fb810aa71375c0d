"""Starts Dagster's and MLflow's servers, says when each answers and when one ended, and ends both when interrupted."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assets.workers.child_process import child_environment
from pipelines.ui.server_options import ServerOptions
from pipelines.web.connections import listen
from pipelines.web.door import is_loopback, own_names

if TYPE_CHECKING:
    from assets.project.settings import Project

TOKEN_VARIABLE = "CALS_UI_TOKEN"
LEAST_TOKEN_LETTERS = 20
POLL_S = 0.5
ASK_LIMIT_S = 5.0
TELL_EVERY_S = 30.0
STOP_WAIT_S = 30.0
LOG_LINES_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Offer:
    """How the pages are offered.

    Args:
        host: address to listen on; elsewhere than loopback everyone needs a token, which ``CALS_UI_TOKEN`` may hold.
        port: of Dagster.
        mlflow_port: of MLflow.
        read_only: nothing can be changed.
        names: further names of this machine, under which browsers may ask.
    """

    host: str
    port: int
    mlflow_port: int
    read_only: bool = False
    names: Sequence[str] = ()


@dataclass(kw_only=True)
class Server:
    """One of the two, and what was seen of it."""

    name: str
    module: str
    health: str
    options: ServerOptions
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    answers: bool = False
    has_ended: bool = False

    @property
    def address(self) -> str:
        host = self.options.host
        host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        suffix = f"/?token={self.options.token}" if self.options.token else ""
        return f"http://{host}:{self.options.port}{suffix}"

    def start(self, project: Project, folder: Path) -> None:
        """Starts it in a folder of ours: Dagster and uvicorn import from the working directory."""
        environment = child_environment(
            CALS_CONFIG=str(project.config_path),
            CALS_HOME=str(project.home.root),
            MLFLOW_DISABLE_TELEMETRY="true",
            PYTHONUNBUFFERED="1",
            **self.options.to_environment(),
        )
        Path(self.options.notices).unlink(missing_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )

    def asks_well(self) -> bool:
        """Whether it answers a question about its health."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.options.host, self.options.host)
        asking = http.client.HTTPConnection(host, self.options.port, timeout=ASK_LIMIT_S)
        headers = {"Authorization": f"Bearer {self.options.token}"} if self.options.token else {}
        try:
            asking.request("GET", self.health, headers=headers)
            return asking.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asking.close()

    def notice(self) -> str:
        """What it has to say to whoever started it; each thing once."""
        path = Path(self.options.notices)
        if not path.exists():
            return ""
        text = path.read_text(encoding="utf-8")
        path.unlink()
        return text.strip()

    def tail(self) -> str:
        """The last lines that it wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "".join(f"\n    {line}" for line in lines if line.strip())


def serve(project: Project, offer: Offer) -> int:
    """Serves both until interrupted; one that ends is told, and the other goes on.

    Returns:
        The exit status: 0 if both were there until they were interrupted.

    Raises:
        ValueError: a port is in use, or the token is too short.
    """
    for port, option in ((offer.port, "--port"), (offer.mlflow_port, "--mlflow-port")):
        if not port:
            raise ValueError(f"{option} 0: give a port from 1 to 65535")
        listen(offer.host, port, option).close()
    servers = _servers(project, offer)
    folder = project.home.root / "ui" / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupt)
    started = list[Server]()
    try:
        for server in servers:
            server.start(project, folder)
            started.append(server)
        _tell_start(servers, offer)
        _watch(servers)
    except KeyboardInterrupt:
        return 0 if not any(server.has_ended for server in servers) else 1
    finally:
        _end(started)
    return 1


def _servers(project: Project, offer: Offer) -> list[Server]:
    token = "" if is_loopback(offer.host) and not os.environ.get(TOKEN_VARIABLE) else _token()
    names = tuple(sorted(own_names(offer.host, offer.names)))
    logs = project.home.root / "ui"

    def server(name: str, module: str, health: str, port: int) -> Server:
        options = ServerOptions(
            host=offer.host,
            port=port,
            names=names,
            token=token,
            read_only=offer.read_only,
            notices=str(logs / f"{name.lower()}.notice"),
        )
        return Server(
            name=name, module=module, health=health, options=options, log=logs / f"{name.lower()}.log"
        )

    return [
        server("Dagster", "pipelines.ui.dagster_server", "/server_info", offer.port),
        server("MLflow", "pipelines.ui.mlflow_server", "/health", offer.mlflow_port),
    ]


def _token() -> str:
    given = os.environ.pop(TOKEN_VARIABLE, "")
    if given and len(given) < LEAST_TOKEN_LETTERS:
        raise ValueError(
            f"{TOKEN_VARIABLE} has {len(given)} letters; give {LEAST_TOKEN_LETTERS} or more, or none for a new token"
        )
    return given or secrets.token_urlsafe(32)


def _tell_start(servers: Sequence[Server], offer: Offer) -> None:
    logs = " and ".join(str(server.log) for server in servers)
    print(f"starting Dagster and MLflow (Ctrl-C ends both); they write to {logs}", flush=True)
    if not is_loopback(offer.host):
        print(
            "whoever has the token can use them; the connection is not encrypted: put it behind a proxy with TLS",
            flush=True,
        )


def _watch(servers: Sequence[Server]) -> None:
    """Tells what becomes of the servers, until none is left."""
    began_s = told_s = time.monotonic()
    while any(not server.has_ended for server in servers):
        for server in servers:
            if server.has_ended:
                continue
            status = server.process.poll()
            if status is not None:
                server.has_ended = True
                others = [other.name for other in servers if not other.has_ended]
                rest = f"; {' and '.join(others)} goes on" if others else ""
                print(
                    f"{server.name} ended with exit status {status}{rest}. The end of {server.log}:{server.tail()}",
                    file=sys.stderr,
                    flush=True,
                )
                continue
            if notice := server.notice():
                print(notice, file=sys.stderr, flush=True)
            if not server.answers and server.asks_well():
                server.answers = True
                print(f"{server.name}: {server.address}", flush=True)
        now_s = time.monotonic()
        waiting = [server.name for server in servers if not server.answers and not server.has_ended]
        if waiting and now_s - told_s >= TELL_EVERY_S:
            told_s = now_s
            print(f"{' and '.join(waiting)}: still starting, {now_s - began_s:.0f} s so far", flush=True)
        time.sleep(POLL_S)


def _end(servers: Sequence[Server]) -> None:
    """Interrupts the servers and the runs in their process groups; what is left after a while is killed."""
    for server in servers:
        _signal_group(server, signal.SIGINT)
    limit_s = time.monotonic() + STOP_WAIT_S
    for server in servers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(max(0.1, limit_s - time.monotonic()))
        _signal_group(server, signal.SIGKILL)
        server.process.wait()


def _signal_group(server: Server, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.process.pid, sign)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
