"""``cals ui`` starts nothing on a port that is in use."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pipelines.ui import HOST, serve
from tests.support.lineage_home import make_project


@pytest.mark.parametrize("option", ["--port", "--mlflow-port"])
def test_a_port_in_use_is_one_line(tmp_path: Path, option: str) -> None:
    project = make_project(tmp_path)
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.bind((HOST, 0))
        taken.listen()
        used, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        ports = (used, other) if option == "--port" else (other, used)
        with pytest.raises(
            ValueError, match=rf"port {used} on 127\.0\.0\.1 is in use .*; give another with {option}"
        ):
            serve(project, *ports)
    assert not project.home.root.exists()
