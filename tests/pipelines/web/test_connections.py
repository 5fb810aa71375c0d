"""Clients that don't keep up are dropped, and never keep others out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from pipelines.web import connections
from pipelines.web.connections import listen
from tests.support.live_server import ask, connect, live_server, request, seconds_until_closed

WHOLE = request("GET /")


async def read(request: Request) -> Response:
    try:
        return PlainTextResponse(f"{len(await request.body())} bytes")
    except ClientDisconnect:
        return PlainTextResponse("gone")


async def slow(_: Request) -> Response:
    await asyncio.sleep(1.5)
    return PlainTextResponse("slow")


async def endless(_: Request) -> Response:
    async def pieces() -> Iterator[bytes]:  # type: ignore[misc]
        while True:
            yield b"x" * 65536

    return StreamingResponse(pieces())  # type: ignore[arg-type]


APP = Starlette(
    routes=[
        Route("/", read, methods=["GET", "POST"]),
        Route("/slow", slow),
        Route("/endless", endless),
    ]
)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with limits of a second or less."""
    for name, value in {"HEADERS_S": 0.6, "BODY_S": 0.8, "CHECK_S": 0.2, "UNREAD_S": 0.8}.items():
        monkeypatch.setattr(connections, name, value)
    with live_server(APP, most_connections=12) as port:
        yield port


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n", WHOLE[:-2], b"\r\n" * 3],
)
def test_headers_that_do_not_come_are_not_waited_for(port: int, begun: bytes) -> None:
    with connect(port) as client:
        client.sendall(begun)
        assert seconds_until_closed(client) < 5


def test_a_client_that_sends_a_byte_now_and_then_is_dropped(port: int) -> None:
    with connect(port) as client, pytest.raises(ConnectionError):
        for byte in WHOLE * 3:
            client.sendall(bytes([byte]))
            time.sleep(0.15)
        pytest.fail("every byte was taken")


def test_a_body_that_does_not_come_is_not_waited_for(port: int) -> None:
    with connect(port) as client:
        client.sendall(request("POST /", b"", Content_Length="5000") + b"begin")
        assert seconds_until_closed(client) < 5


def test_an_answer_that_nobody_reads_is_dropped(port: int) -> None:
    with connect(port) as client:
        client.sendall(request("GET /endless"))
        time.sleep(3)
        received, began = 0, time.monotonic()
        try:
            while (piece := client.recv(1 << 20)) and time.monotonic() - began < 10:
                received += len(piece)
        except ConnectionError:
            pass
        assert time.monotonic() - began < 10, f"{received} bytes and no end"


def test_a_slow_answer_and_a_fast_body_are_not_dropped(port: int) -> None:
    assert ask(port, request("GET /slow"))[0] == 200
    status, text = ask(port, request("POST /", b"x" * 300_000))
    assert status == 200 and text.endswith("300000 bytes")
    with connect(port) as client:  # the connection is used again after a pause
        for _ in range(3):
            client.sendall(request("GET /", Connection="keep-alive"))
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.7)


def test_half_sent_requests_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times as many as there is room for, well before their time is over."""
    with live_server(APP, most_connections=12) as port:
        half = [connect(port) for _ in range(36)]
        for client in half:
            client.sendall(WHOLE[:-2])
        for _ in range(5):
            assert ask(port, WHOLE)[0] == 200
        for client in half:
            client.close()


def test_a_port_in_use_is_one_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        used = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {used} on 127\.0\.0\.1 can't be had .*another with --x"):
            listen("127.0.0.1", used, "--x")
