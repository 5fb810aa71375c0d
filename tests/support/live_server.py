"""An app served to real sockets from a thread, and raw requests to it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from pipelines.web.connections import TimedConnection, listen


@contextlib.contextmanager
def live_server(app: ASGIApp, *, most_connections: int = 200) -> Iterator[int]:
    """Serves as ``serve_app`` does; yields the port."""
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        http=TimedConnection,
        log_level="critical",
        limit_concurrency=most_connections,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def connect(port: int, timeout_s: float = 20.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)


def request(head: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes: ``head`` is ``GET /path``; Host is localhost unless given."""
    named = {"Host": "localhost", "Connection": "close"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    if body or head.startswith("POST"):
        named.setdefault("Content-Length", str(len(body)))
    lines = [f"{head} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(port: int, sent: bytes) -> tuple[int, str]:
    """Status and everything else that comes back for one request; 0 where the connection ends without an answer."""
    with connect(port) as client:
        client.sendall(sent)
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                received += piece
    status = received.split(b" ", 2)[1:2]
    return (int(status[0]) if status else 0), received.decode("latin-1")


def seconds_until_closed(client: socket.socket) -> float:
    """How long the server keeps a connection open on which nothing more is sent."""
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while client.recv(65536):
            pass
    return time.monotonic() - began
