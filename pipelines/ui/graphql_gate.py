"""Dagster's GraphQL: queries and mutations are POSTs of JSON, mutations from own pages alone, none where it is read-only.

Dagster itself takes mutations by GET too, so that a link on any page could wipe an asset.
"""

from __future__ import annotations

import json
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.web.door import READING, states_own_page

PATH = "/graphql"
MOST_BYTES = 8 << 20
MOST_TOKENS = 20_000


class GraphqlGate:
    """ASGI middleware in front of Dagster's app, behind a `Door` with ``json_only``.

    Args:
        read_only: nothing that changes something is let through.
    """

    def __init__(self, app: ASGIApp, *, read_only: bool) -> None:
        self._app = app
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] in READING:
            is_playground = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
            if scope["path"].rstrip("/") == PATH and not is_playground:
                await _rejected(405, "GraphQL is a POST of JSON.")(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            return  # the client is gone
        rejection = self._rejection(scope["path"], headers, body)
        if rejection is not None:
            await rejection(scope, _replay(body, receive), send)
        else:
            await self._app(scope, _replay(body, receive), send)

    def _rejection(self, path: str, headers: Headers, body: bytes) -> Response | None:
        if len(body) > MOST_BYTES:
            return _rejected(413, f"The body is longer than {MOST_BYTES >> 20} MiB.")
        if path.rstrip("/") != PATH:
            return _rejected(403, "This is read-only.") if self._read_only else None
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return _rejected(400, "The body is no JSON.")
        if not isinstance(request, dict) or not isinstance(request.get("query"), str):
            return _rejected(400, 'The body is no {"query": ...}.')
        if not _changes_something(request):
            return None
        if self._read_only:
            return _rejected(403, "This is read-only.")
        if states_own_page(headers) or "authorization" in headers:
            return None
        return _rejected(403, "Mutations are taken from this server's own pages: Origin is missing.")


def _changes_something(request: dict[str, Any]) -> bool:
    """Whether a GraphQL document has an operation other than a query."""
    try:
        document = parse(request["query"], no_location=True, max_tokens=MOST_TOKENS)
    except (GraphQLError, RecursionError):
        return True  # what can't be read is let through by nobody who may not change things
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return any(node.operation != OperationType.QUERY for node in operations)


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, cut off a byte beyond the limit; None where the client left before its end."""
    body = bytearray()
    while len(body) <= MOST_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return given.pop() if given else await receive()

    return replaying


def _rejected(status: int, text: str) -> Response:
    return PlainTextResponse(f"{status}: {text}\n", status_code=status)
