"""Which requests reach an app behind a door, and what the door answers to the others."""

from __future__ import annotations

import asyncio

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message
from starlette.websockets import WebSocket

from pipelines.web.door import Door, Rules, host_name, is_loopback, own_names

TOKEN = "t" * 32
JSON = {"content-type": "application/json"}
OWN = {"origin": "http://localhost:3000"}
EVERY = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"reached {request.url.path}")


APP = Starlette(routes=[Route("/{path:path}", answer, methods=EVERY)])


def send(rules: Rules, method: str = "GET", url: str = "/", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def sending() -> Response:
        transport = ASGITransport(app=Door(APP, rules))
        async with AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
            return await client.request(method, url, headers=named)

    return asyncio.run(sending())


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:3000", "LOCALHOST:1", "127.0.0.1:8888", "[::1]:3000", "[::1]", "localhost."],
)
def test_local_names_are_answered(host: str) -> None:
    assert send(Rules(), host=host).text == "reached /"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:3000", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example",
        "evil.example@localhost", "localhost@evil.example", "localhost/evil", "127.0.0.2", "10.0.0.1:3000", "[::2]:3000",
        "[::1", "0.0.0.0:3000", "localhost, evil.example", "local host", "", "2130706433", "0x7f000001",
    ],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    """By DNS rebinding a name of a stranger leads here; the browser sends that name."""
    assert send(Rules(), host=host).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "http://localhost:8888"},
        {"origin": "http://localhost"}, {"origin": "file://"}, {"origin": "http://localhost:3000.evil.example"},
        {"origin": "http://evil.example?localhost:3000"}, {"origin": "chrome-extension://abc"},
        {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_pages_of_others_reach_nothing(method: str, headers: dict[str, str]) -> None:
    """Another port of this machine is another site too: whoever serves there is not who serves here."""
    rejected = send(Rules(), method, **headers)
    assert rejected.status_code == 403 and "access-control-allow-origin" not in rejected.headers


def test_a_link_may_be_followed_but_not_embedded_and_not_posted() -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert send(Rules(), **link).status_code == 200
    assert send(Rules(), **link | {"sec_fetch_dest": "iframe"}).status_code == 403
    assert send(Rules(), "POST", **link).status_code == 403
    headers = send(Rules()).headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", JSON, 200),
        ("POST", JSON | OWN, 200),
        ("POST", {"content-type": "Application/JSON; charset=utf-8"}, 200),
        ("GET", {}, 200),
        ("POST", {}, 415),
        ("POST", {"content-type": "text/plain"} | OWN, 415),
        ("POST", {"content-type": "text/plain; application/json"}, 415),
        ("POST", {"content-type": "application/x-www-form-urlencoded"}, 415),
        ("POST", {"content-type": "application/graphql"}, 415),
        ("PUT", JSON, 405),
        ("DELETE", JSON, 405),
        ("OPTIONS", {}, 405),
    ],
)
def test_what_changes_something_is_a_post_of_json(method: str, headers: dict[str, str], status: int) -> None:
    given = {name.replace("-", "_"): value for name, value in headers.items()}
    assert send(Rules(json_only=True), method, **given).status_code == status


def test_a_token_is_needed_and_moves_from_the_url_into_a_cookie() -> None:
    rules = Rules(token=TOKEN)
    for url in ("/", "/?token=wrong", "/?token=", "/?token=ü"):
        assert send(rules, url=url).status_code == 401
    assert send(rules, authorization="Bearer wrong").status_code == 401
    assert send(rules, "POST", f"/?token={TOKEN}").status_code == 401
    assert send(rules, authorization=f"Bearer {TOKEN}").text == "reached /"
    login = send(rules, url=f"/runs?token={TOKEN}&page=2")
    assert login.status_code == 303 and login.headers["location"] == "/runs?page=2"
    cookie = login.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and TOKEN in cookie
    assert send(rules, cookie=cookie.partition(";")[0]).text == "reached /"
    assert send(rules, url=f"http://localhost:3000//evil.example/?token={TOKEN}").headers["location"] == (
        "/evil.example/"
    )


def test_a_token_does_not_open_the_door_to_pages_of_others() -> None:
    rules = Rules(token=TOKEN)
    given = {"authorization": f"Bearer {TOKEN}"}
    assert send(rules, **given, origin="http://evil.example").status_code == 403
    assert send(rules, **given, host="evil.example").status_code == 403


@pytest.mark.parametrize(
    ("headers", "reached"),
    [
        ([(b"host", b"localhost")], True),
        ([(b"host", b"localhost:3000"), (b"origin", b"http://localhost:3000")], True),
        ([(b"host", b"localhost:3000"), (b"origin", b"http://evil.example")], False),
        ([(b"host", b"evil.example"), (b"origin", b"http://evil.example")], False),
        ([], False),
    ],
)
def test_websockets_are_opened_by_own_pages_only(headers: list[tuple[bytes, bytes]], reached: bool) -> None:
    sent = list[Message]()

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        await WebSocket(scope, receive, send).accept()  # type: ignore[arg-type]

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def keep(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "headers": headers, "path": "/graphql", "query_string": b"", "scheme": "ws"}
    asyncio.run(Door(app, Rules())(scope, receive, keep))  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.accept" if reached else "websocket.close"]


def test_names_of_this_machine() -> None:
    assert own_names("127.0.0.1") == {"localhost", "127.0.0.1", "::1"}
    elsewhere = own_names("0.0.0.0", ["Box.Lab"])
    assert {"localhost", "127.0.0.1", "box.lab"} < elsewhere
    assert host_name("[::1]:3000") == "::1" and host_name("a b") == "" and host_name("[::1") == ""
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "127.8.0.1")] == [True] * 4
    assert [is_loopback(h) for h in ("0.0.0.0", "::", "10.0.0.1", "box.lab")] == [False] * 4
