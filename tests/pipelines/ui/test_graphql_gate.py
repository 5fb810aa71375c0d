"""Hostile requests to Dagster's pages: none changes anything; what Dagster's own pages send goes through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pytest

from pipelines.ui.graphql_gate import MOST_BYTES, GraphqlGate
from pipelines.web.door import Door, Rules
from tests.support.dagster_pages import ASSET, WIPE, dagster_pages, is_wiped
from tests.support.live_server import ask, connect, live_server, request

JSON, OWN, EVIL = "application/json", "http://localhost", "http://evil.example"
BODY = json.dumps({"query": WIPE}).encode()
QUERY = json.dumps({"query": "{ version }"}).encode()
TWO = json.dumps(
    {"query": "query A { version } " + WIPE.replace("mutation", "mutation B"), "operationName": "B"}
).encode()
HIDDEN = json.dumps({"query": "fragment F on Query { version } # {\n" + WIPE}).encode()
BY_URL = f"/graphql?query={quote(WIPE)}"
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Protocol": "graphql-ws",
}  # fmt: skip
# What is sent -> the status that comes back.
HOSTILE = {
    "a link on any page": (request(f"GET {BY_URL}", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"), 405),
    "a link that somebody types": (request(f"GET {BY_URL}"), 405),
    "an image": (request(f"GET {BY_URL}", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image"), 403),
    "a slash more": (request(f"GET {BY_URL.replace('graphql', 'graphql/')}"), 405),
    "an escaped path": (request(f"GET {BY_URL.replace('graphql', 'graph%71l')}"), 405),
    "HEAD": (request(f"HEAD {BY_URL}"), 405),
    "fetch by GET": (request(f"GET {BY_URL}", Origin=EVIL), 403),
    "a form": (request("POST /graphql", BODY, Origin=EVIL, Content_Type="text/plain"), 403),
    "a form of an old browser": (request("POST /graphql", BODY, Content_Type="text/plain"), 415),
    "a form with the query in its URL": (request(f"POST {BY_URL}", b"a=1", Content_Type="application/x-www-form-urlencoded"), 415),
    "a form without a type": (request(f"POST {BY_URL}"), 415),
    "application/graphql": (request("POST /graphql", WIPE.encode(), Content_Type="application/graphql", Origin=OWN), 415),
    "a type that only mentions JSON": (request("POST /graphql", BODY, Content_Type="text/plain; application/json"), 415),
    "JSON of another site": (request("POST /graphql", BODY, Content_Type=JSON, Origin=EVIL), 403),
    "JSON of another port": (request("POST /graphql", BODY, Content_Type=JSON, Origin="http://localhost:8080"), 403),
    "JSON of a sandboxed frame": (request("POST /graphql", BODY, Content_Type=JSON, Origin="null"), 403),
    "JSON of nobody": (request("POST /graphql", BODY, Content_Type=JSON), 403),
    "JSON without Origin, from another site": (request("POST /graphql", BODY, Content_Type=JSON, Sec_Fetch_Site="cross-site"), 403),
    "one operation of two": (request("POST /graphql", TWO, Content_Type=JSON), 403),
    "behind a comment": (request("POST /graphql", HIDDEN, Content_Type=JSON), 403),
    "a rebound name": (request("POST /graphql", BODY, Content_Type=JSON, Host="evil.example", Origin=EVIL), 403),
    "a rebound name, reading": (request("GET /server_info", Host="evil.example"), 403),
    "a preflight": (request("OPTIONS /graphql", Origin=EVIL, Access_Control_Request_Method="POST"), 403),
    "a preflight without Origin": (request("OPTIONS /graphql"), 405),
    "a websocket of another site": (request("GET /graphql", Origin=EVIL, **UPGRADE), 403),
    "a websocket to a rebound name": (request("GET /graphql", Host="evil.example", Origin=EVIL, **UPGRADE), 403),
    "a materialization by form": (request("POST /report_asset_materialization/mels?data_version=x", Content_Type="text/plain"), 415),
    "a materialization of another site": (request("POST /report_asset_materialization/mels", b"{}", Content_Type=JSON, Origin=EVIL), 403),
    "no JSON": (request("POST /graphql", b"{", Content_Type=JSON, Origin=OWN), 400),
    "deep JSON": (request("POST /graphql", b"[" * 200_000, Content_Type=JSON, Origin=OWN), 400),
    "a list": (request("POST /graphql", b"[1]", Content_Type=JSON, Origin=OWN), 400),
    "a number for a query": (request("POST /graphql", b'{"query": 7}', Content_Type=JSON, Origin=OWN), 400),
    "no GraphQL": (request("POST /graphql", b'{"query": "{"}', Content_Type=JSON, Origin=OWN), 400),
    "deep GraphQL": (request("POST /graphql", json.dumps({"query": "{a" * 9000}).encode(), Content_Type=JSON), 403),
    "a long body": (request("POST /graphql", b" " * (MOST_BYTES + 1), Content_Type=JSON, Origin=OWN), 413),
    "two hosts": (request("GET /server_info", host="evil.example"), 400),
    "a path out of the folder of logs": (request("GET /logs/..%2f..%2f..%2f..%2fetc%2fpasswd"), 500),
    "a cookie for a token": (request("POST /graphql", BODY, Content_Type=JSON, Cookie="cals_ui_=x"), 403),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", 400),
    "a target elsewhere": (request("GET http://evil.example/graphql", Host="localhost"), 404),
}  # fmt: skip


@dataclass(frozen=True)
class Pages:
    port: int
    instance: dg.DagsterInstance


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with dagster_pages(tmp_path_factory.mktemp("dagster")) as (app, instance):
        door = Door(GraphqlGate(app, read_only=False), Rules(json_only=True))
        with live_server(door) as port:
            yield Pages(port, instance)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_changes_nothing(pages: Pages, name: str) -> None:
    sent, expected = HOSTILE[name]
    status, answer = ask(pages.port, sent)
    assert status == expected, answer[:600]
    assert "access-control-allow-origin" not in answer.lower() and "root:" not in answer
    assert not is_wiped(pages.instance)
    assert pages.instance.get_latest_data_version_record(ASSET) is not None


def test_what_own_pages_send_goes_through(pages: Pages) -> None:
    status, answer = ask(pages.port, request("POST /graphql", QUERY, Content_Type=JSON, Origin=OWN))
    assert status == 200 and '{"data":{"version":' in answer
    assert ask(pages.port, request("POST /graphql", QUERY, Content_Type=JSON))[0] == 200  # a program
    page = ask(pages.port, request("GET /assets/mels", Accept="text/html"))
    assert page[0] == 200 and "x-frame-options: sameorigin" in page[1].lower()
    assert ask(pages.port, request("GET /graphql", Accept="text/html"))[0] == 200
    opening = request("GET /graphql", Origin=OWN, **UPGRADE)
    with connect(pages.port) as client:
        client.sendall(opening)
        assert client.recv(4096).startswith(b"HTTP/1.1 101")


def test_read_only_pages_show_and_change_nothing(tmp_path: Path) -> None:
    with dagster_pages(tmp_path, read_only=True) as (app, instance):
        door = Door(GraphqlGate(app, read_only=True), Rules(json_only=True))
        with live_server(door) as port:
            own = {"Content_Type": JSON, "Origin": OWN}
            assert ask(port, request("POST /graphql", QUERY, **own))[0] == 200
            assert ask(port, request("POST /graphql", BODY, **own))[0] == 403
            assert ask(port, request("POST /graphql", TWO, **own))[0] == 403
            assert ask(port, request("POST /report_asset_materialization/mels", b"{}", **own))[0] == 403
        assert not is_wiped(instance)


def test_mutations_of_own_pages_are_carried_out(tmp_path: Path) -> None:
    with dagster_pages(tmp_path) as (app, instance):
        with live_server(Door(GraphqlGate(app, read_only=False), Rules(json_only=True))) as port:
            assert ask(port, request("POST /graphql", BODY, Content_Type=JSON, Origin=OWN))[0] == 200
        assert is_wiped(instance)
