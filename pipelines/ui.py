"""``cals ui``: Dagster's and MLflow's own pages, on loopback. The command line reads the ports: it imports nothing heavy."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assets.project.settings import Project

HOST = "127.0.0.1"
DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
STOP_WAIT_S = 10.0


def serve(project: Project, port: int, mlflow_port: int) -> int:
    """Serves both until interrupted; when one exits, the other is stopped.

    Raises:
        ValueError: a port is in use.
    """
    from pipelines.instance import open_instance, shipped_file

    for wanted, option in ((port, "--port"), (mlflow_port, "--mlflow-port")):
        _require_free(wanted, option)
    open_instance(project).dispose()
    tracking = project.home.mlflow
    tracking.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "CALS_CONFIG": str(project.config_path)}
    dagster = [sys.executable, "-m", "dagster", "dev", "-w", str(shipped_file("workspace.yaml"))]
    mlflow = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        f"sqlite:///{tracking / 'mlflow.db'}",
    ]
    mlflow += ["--artifacts-destination", str(tracking / "artifacts")]
    processes = [
        subprocess.Popen([*dagster, "-h", HOST, "-p", str(port)], env=environment),
        subprocess.Popen([*mlflow, "--host", HOST, "--port", str(mlflow_port)], env=environment),
    ]
    print(
        f"Dagster: http://{HOST}:{port}   MLflow: http://{HOST}:{mlflow_port}   (Ctrl-C ends both)",
        flush=True,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(STOP_WAIT_S)
    return 1


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ValueError(
                f"port {port} on {HOST} is in use ({error.strerror}); give another with {option}"
            ) from error
