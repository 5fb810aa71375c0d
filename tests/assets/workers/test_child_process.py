"""Nothing that lies in the working directory is imported by the project's child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.workers.child_process import child_environment, import_paths
from cals_models.references import PROJECT_ROOT
from tests.support.planted_modules import plant_modules, write_cals_script

SPAWNING = (
    "import multiprocessing, os, sys\n"
    "from pipelines.cli import main\n"
    "def work(_): return 7\n"
    "def begin():\n"
    "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(work, [0]))\n"
    "    return 0\n"
    "main.main = begin\n"
    "if __name__ == '__main__': main.entry()\n"
)


@pytest.fixture
def messy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A working directory with planted modules, and the file that names those imported."""
    folder = tmp_path / "messy"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder, plant_modules(folder)


def test_paths_are_absolute_and_never_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/given", "own", "", "/given"]))
    paths = import_paths()
    entries = paths["PYTHONPATH"].split(os.pathsep)
    assert [e for e in entries if e != str(PROJECT_ROOT)] == ["/given", os.path.abspath("own")]
    assert paths["PYTHONSAFEPATH"] == "1"
    assert child_environment(X="1")["X"] == "1"


def test_a_child_imports_the_project_and_no_planted_module(messy: tuple[Path, Path]) -> None:
    _, caught = messy
    modules = "import http, json, logging, socket, pipelines, sys; print(pipelines.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", modules], env=child_environment(), capture_output=True, text=True
    )
    assert done.stdout.strip() == str(PROJECT_ROOT / "pipelines" / "__init__.py"), done.stderr
    assert not caught.exists()


def test_worker_processes_of_a_command_import_no_planted_module(
    tmp_path: Path, messy: tuple[Path, Path]
) -> None:
    """``multiprocessing`` starts its children with ``python -c``: also they would look here first."""
    _, caught = messy
    script = write_cals_script(tmp_path)
    script.write_text(SPAWNING)
    given = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"} | {"PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)], env=given, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[7]", done.stderr
    assert not caught.exists()
