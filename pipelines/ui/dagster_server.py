"""Dagster's pages inside our door, with its daemon and one code server for both: ``python -m pipelines.ui.dagster_server``.

Does what ``dagster dev`` does, except that no web server of Dagster's own listens.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from dagster import DagsterInstance, __version__
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.instance.ref import InstanceRef
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_shared.serdes import serialize_value
from dagster_shared.yaml_utils import load_yaml_from_path
from dagster_webserver.app import create_app_from_workspace_process_context

from assets.project.settings import Project, load_project
from pipelines.instance import open_instance, prepare_dagster_home, shipped_file
from pipelines.ui.graphql_gate import GraphqlGate
from pipelines.ui.server_options import ServerOptions
from pipelines.web.connections import listen, serve_app
from pipelines.web.door import Door

START_LIMIT_S = 1800
OWN_SETTINGS = {
    "code_servers": {"local_startup_timeout": START_LIMIT_S, "reload_timeout": START_LIMIT_S},
    "nux": {"enabled": False},
}
"""Settings of the instance where the home's ``dagster.yaml`` says nothing: patience, and no pop-up for a newsletter."""
STATEMENT_LIMIT_MS, RECYCLE_S, OVERFLOW = 60_000, 3600, 20
POLL_MS = 2000
DAEMON_WAIT_S = 20.0


def main() -> None:
    options = ServerOptions.from_environment()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _interrupt)
    warnings.simplefilter("ignore")  # what Dagster says of its own code is not for who looks at its pages
    with contextlib.suppress(KeyboardInterrupt):
        serve_dagster(load_project(), options)


def serve_dagster(project: Project, options: ServerOptions) -> None:
    """Serves until interrupted.

    Raises:
        ValueError: the port is in use.
    """
    open_instance(project).dispose()
    notices = Path(options.notices)
    with (
        _open_patient_instance(project) as instance,
        _workspace(instance) as workspace,
        _daemon(instance, workspace, notices),
    ):
        instance.optimize_for_webserver(STATEMENT_LIMIT_MS, RECYCLE_S, OVERFLOW)
        target = WorkspaceFileTarget(paths=[str(workspace)])
        with WorkspaceProcessContext(
            instance, target, version=__version__, read_only=options.read_only
        ) as context:
            app = create_app_from_workspace_process_context(context, live_data_poll_rate=POLL_MS)
            gated = GraphqlGate(app, read_only=options.read_only)
            serve_app(Door(gated, options.rules(json_only=True)), listen(options.host, options.port))


@contextlib.contextmanager
def _open_patient_instance(project: Project) -> Iterator[DagsterInstance]:
    folder = prepare_dagster_home(project.home)
    chosen = load_yaml_from_path(str(folder / "dagster.yaml"))
    assert isinstance(chosen, dict)
    own = {name: value for name, value in OWN_SETTINGS.items() if name not in chosen}
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=own)) as instance:
        yield instance


@contextlib.contextmanager
def _workspace(instance: DagsterInstance) -> Iterator[Path]:
    """Starts the code server, and yields a workspace file that names its socket."""
    target = WorkspaceFileTarget(paths=[str(shipped_file("workspace.yaml"))])
    with (
        ProxyServerManager(instance, target, code_server_log_level="WARNING") as servers,
        tempfile.TemporaryDirectory(prefix="cals-ui-") as folder,
    ):
        path = Path(folder) / "workspace.yaml"
        path.write_text(json.dumps({"load_from": list(servers.get_code_server_specs())}), encoding="utf-8")
        yield path


@contextlib.contextmanager
def _daemon(instance: DagsterInstance, workspace: Path, notices: Path) -> Iterator[None]:
    """Runs the daemon (sensors, queued runs); its end is told, and does not end the pages."""
    words = [sys.executable, "-m", "dagster._daemon", "run", "--log-level", "warning"]
    words += ["--instance-ref", serialize_value(instance.get_ref()), "--workspace", str(workspace)]
    daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    is_ending = threading.Event()

    def tell() -> None:
        status = daemon.wait()
        if not is_ending.is_set():
            notices.write_text(
                f"Dagster's daemon ended with exit status {status}: sensors and queued runs stand still until `cals ui` "
                "is started again; the pages go on\n",
                encoding="utf-8",
            )

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        is_ending.set()
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(DAEMON_WAIT_S)
        daemon.kill()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
