"""What is let through to MLflow's app; the app itself answers in test_ui_proof.py."""

from __future__ import annotations

import asyncio

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pipelines.ui.mlflow_server import ASSISTANT, MlflowGate, _host_patterns

API = "/ajax-api/2.0/mlflow"


async def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("reached")


APP = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])


def status(method: str, path: str, *, read_only: bool) -> int:
    async def sending() -> int:
        transport = ASGITransport(app=MlflowGate(APP, read_only=read_only))
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.request(method, path)).status_code

    return asyncio.run(sending())


@pytest.mark.parametrize("path", [f"{ASSISTANT}/message", f"{ASSISTANT}", f"/{ASSISTANT}/config/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_there_is_no_assistant(method: str, path: str) -> None:
    assert status(method, f"http://localhost{path}", read_only=False) == 403


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("GET", "/", True),
        ("GET", f"{API}/runs/get?run_id=1", True),
        ("POST", f"{API}/runs/search", True),
        ("POST", f"{API}/runs/create", False),
        ("POST", f"{API}/runs/delete", False),
        ("POST", f"{API}/runs/log-metric", False),
        ("DELETE", f"{API}/registered-models/delete", False),
        ("PATCH", f"{API}/model-versions/update", False),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/search", False),
    ],
)
def test_read_only_pages_search_and_change_nothing(method: str, path: str, shown: bool) -> None:
    assert status(method, path, read_only=True) == (200 if shown else 403)
    assert status(method, path, read_only=False) == 200


def test_hosts_as_mlflow_matches_them() -> None:
    from mlflow.server.security_utils import is_allowed_host_header

    patterns = _host_patterns(("localhost", "127.0.0.1", "::1"))
    for host in ("localhost", "localhost:5000", "127.0.0.1:1", "[::1]", "[::1]:5000"):
        assert is_allowed_host_header(patterns, host)
    for host in ("evil.example", "localhost.evil.example", "10.0.0.1:5000", ""):
        assert not is_allowed_host_header(patterns, host)
