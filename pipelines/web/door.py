"""Who may ask an app for what, decided before the app, which others wrote, sees the request.

A page of any web site can send requests to a server on loopback, and by DNS rebinding even read the answers. So the name
that a request asks for must be one of ours, what changes something must come from a page of the same server, and other
sites' pages may neither embed ours nor load parts of them. Off loopback everyone needs the token besides.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit

import psutil
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
READING = ("GET", "HEAD")
COOKIE_DAYS = 30
ADDED_HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a door lets through.

    Args:
        hosts: names and addresses under which browsers may ask, lower case, without port.
        token: needed for everything, unless empty.
        json_only: what changes something is a POST of JSON; nothing else is.
    """

    hosts: frozenset[str] = LOCAL_NAMES
    token: str = field(default="", repr=False)
    json_only: bool = False


class Door:
    """ASGI middleware that answers by itself what its rules don't let through."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._cookie = "cals_ui_" + hashlib.sha256(rules.token.encode()).hexdigest()[:10]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        answer = self._answer(asked)
        if answer is None:
            await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)
        elif scope["type"] == "http":
            await answer(scope, receive, _with_headers(send))
        else:  # not accepted: the server answers the handshake with 403
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _answer(self, asked: HTTPConnection) -> Response | None:
        """The rejection of a request, or the answer to a login; None for what the app is to answer."""
        if host_name(asked.headers.get("host", "")) not in self._rules.hosts:
            return _rejected(403, "This server is not known by that name.")
        if self._rules.token and not self._is_known(asked):
            return self._login(asked)
        method = asked.scope.get("method", "websocket")
        if not _is_from_own_page(asked, may_navigate=method in READING):
            return _rejected(403, "Requests are taken from this server's own pages only.")
        if self._rules.json_only and method not in (*READING, "websocket"):
            if method != "POST":
                return _rejected(405, "What changes something is a POST.")
            if media_type(asked.headers) != "application/json":
                return _rejected(415, "What changes something is a POST of application/json.")
        return None

    def _is_known(self, asked: HTTPConnection) -> bool:
        scheme, _, credentials = asked.headers.get("authorization", "").partition(" ")
        given = [asked.cookies.get(self._cookie, "")]
        if scheme.lower() == "bearer":
            given.append(credentials.strip())
        return any(self._is_token(text) for text in given)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._rules.token.encode())

    def _login(self, asked: HTTPConnection) -> Response:
        """Takes the token of the printed address out of the URL and into a cookie."""
        query = parse_qsl(asked.url.query, keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if asked.scope.get("method") != "GET" or not given or not self._is_token(given[0]):
            return _rejected(401, "Open the whole address that `cals ui` printed: it ends with a token.")
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + asked.url.path.lstrip("/")  # `//host` would lead elsewhere
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
        is_https = asked.url.scheme == "https"
        answer.set_cookie(
            self._cookie,
            self._rules.token,
            max_age=COOKIE_DAYS * 86_400,
            httponly=True,
            samesite="lax",
            secure=is_https,
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port and brackets; empty where it is malformed."""
    if any(sign in host for sign in "@/\\?#, \t"):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def media_type(headers: Headers) -> str:
    """The media type of a body, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def states_own_page(headers: Headers) -> bool:
    """Whether the browser itself says that a page of this server sent the request."""
    return "origin" in headers or headers.get("sec-fetch-site") == "same-origin"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names(host: str, further: Iterable[str] = ()) -> frozenset[str]:
    """Names under which browsers may ask a server that listens on ``host``.

    Args:
        further: of the machine, as a proxy or a name server calls it.
    """
    names = {*LOCAL_NAMES, host.lower(), *(name.lower() for name in further)}
    if not is_loopback(host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        addresses = (entry.address for entries in psutil.net_if_addrs().values() for entry in entries)
        names |= {address.partition("%")[0].lower() for address in addresses}
    return frozenset(names)


def _is_from_own_page(asked: HTTPConnection, *, may_navigate: bool) -> bool:
    origin = asked.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == asked.headers["host"].lower()
    site = asked.headers.get("sec-fetch-site", "none")
    is_opened = (
        asked.headers.get("sec-fetch-mode") == "navigate"
        and asked.headers.get("sec-fetch-dest") == "document"
    )
    return site in ("same-origin", "none") or (may_navigate and is_opened)


def _rejected(status: int, text: str) -> Response:
    return PlainTextResponse(f"{status} {HTTPStatus(status).phrase}: {text}\n", status_code=status)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ADDED_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
