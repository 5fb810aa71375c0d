"""MLflow's pages inside our door, in one process: ``python -m pipelines.ui.mlflow_server``.

``mlflow server`` starts four workers and kills those that don't answer within five seconds, which on a busy machine is all
of them. Its app is the same; its own check of Host stays on.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, cast

from starlette.responses import PlainTextResponse

from assets.project.settings import load_project
from pipelines.ui.server_options import ServerOptions
from pipelines.web.connections import listen, serve_app
from pipelines.web.door import READING, Door

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

ARTIFACTS = "mlflow-artifacts:/"
ASSISTANT = "/ajax-api/3.0/mlflow/assistant"
"""Runs programs on the machine of the server; nothing here asks for that."""
ASKING = ("/search", "/graphql")
"""Ends of paths that MLflow's pages post a question to."""


def main() -> None:
    options = ServerOptions.from_environment()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        app = open_app(load_project().home.mlflow, options)
        gated = MlflowGate(app, read_only=options.read_only)
        serve_app(
            Door(gated, options.rules(json_only=False)), listen(options.host, options.port, "--mlflow-port")
        )


class MlflowGate:
    """ASGI middleware: no assistant, and where it is read-only nothing that changes something."""

    def __init__(self, app: ASGIApp, *, read_only: bool) -> None:
        self._app = app
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, method = scope["path"].rstrip("/"), scope["method"]
            if ASSISTANT in path:
                await PlainTextResponse("403: There is no assistant here.\n", 403)(scope, receive, send)
                return
            if self._read_only and method not in READING and not (method == "POST" and path.endswith(ASKING)):
                await PlainTextResponse("403: This is read-only.\n", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def open_app(folder: Path, options: ServerOptions) -> ASGIApp:
    """MLflow's app on the SQLite file and the artifacts of ``folder``."""
    from mlflow.server import constants

    folder.mkdir(parents=True, exist_ok=True)
    store = f"sqlite:///{folder / 'mlflow.db'}"
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: ARTIFACTS,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: str(folder / "artifacts"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(_host_patterns(options.names)),
        "_MLFLOW_SGI_NAME": "uvicorn",
    }
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(store, store, ARTIFACTS)
    from mlflow.server.fastapi_app import app

    return cast("ASGIApp", app)


def _host_patterns(names: tuple[str, ...]) -> list[str]:
    """The names as MLflow matches them: with brackets around IPv6 addresses, without and with a port."""
    hosts = [f"[{name}]" if ":" in name else name for name in names]
    return [*hosts, *(f"{host.replace('[', '[[]', 1)}:*" for host in hosts)]


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
