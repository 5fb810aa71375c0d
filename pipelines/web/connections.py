"""Connections whose clients have to keep up: a request that comes too slowly, or an answer that nobody reads, is dropped.

uvicorn waits for the rest of a request without limit, and counts such connections among those at work, so that a few
hundred half-sent requests would keep everyone out.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 15.0
"""Time to send the headers of a request."""
BODY_S, LEAST_BYTES_PER_S = 30.0, 1000.0
"""After so long, a request must have come at this rate on average."""
CHECK_S = 5.0
UNREAD_S = 60.0
"""Time to read an answer on (what the operating system buffers not counted)."""
MOST_CONNECTIONS = 200
GRACE_S = 5
"""Time that open connections have when the server is interrupted."""
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class TimedConnection(H11Protocol):
    """A connection of uvicorn that ends when its client does not keep up.

    When there is no room for another connection, the one that has been waiting for its client for longest makes room.
    """

    _began_s = 0.0
    _num_bytes = 0
    _check: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the next step is the client's: no request was sent, or not all of it."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    @property
    def waits_since_s(self) -> float:
        return self._began_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._make_room()
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        if self._check is None:
            self._begin()
        self._num_bytes += len(data)
        super().data_received(data)
        if not self.is_waiting:
            self._stop_check()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._stop_check()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self._stop_unread()
        self.flow.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_check()
        self._stop_unread()
        super().connection_lost(exc)

    def _stop_check(self) -> None:
        if self._check is not None:
            self._check.cancel()
            self._check = None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _begin(self) -> None:
        self._began_s, self._num_bytes = self.loop.time(), 0
        self._check = self.loop.call_later(HEADERS_S, self._require_progress)

    def _require_progress(self) -> None:
        self._check = None
        if self.transport.is_closing() or not self.is_waiting:
            return
        elapsed_s = self.loop.time() - self._began_s
        has_headers = self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete
        is_fast = elapsed_s < BODY_S or self._num_bytes >= LEAST_BYTES_PER_S * elapsed_s
        if has_headers and is_fast:
            self._check = self.loop.call_later(CHECK_S, self._require_progress)
        else:
            self.drop()

    def drop(self) -> None:
        """Ends the connection; says why where no answer was begun."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _make_room(self) -> None:
        if self.limit_concurrency is None or len(self.connections) < self.limit_concurrency - 1:
            return
        waiting = [
            other for other in self.connections if isinstance(other, TimedConnection) and other.is_waiting
        ]
        if waiting:
            longest = min(waiting, key=lambda other: other.waits_since_s)
            longest.drop()
            self.connections.discard(longest)


def serve_app(app: ASGIApp, listening: socket.socket) -> None:
    """Serves an app on a listening socket until the process is interrupted.

    Raises:
        KeyboardInterrupt: by SIGINT, when what was under way has ended.
    """
    config = uvicorn.Config(
        app,
        http=TimedConnection,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """A listening socket.

    Args:
        port: 0 takes a free one.
        option: of the command, with which another port is given.

    Raises:
        ValueError: the port is in use, or the address is not this machine's.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"port {port} on {host} can't be had ({why}); give another with {option}") from error
