"""The import contracts of pyproject.toml: each holds, and each fails when it is broken on purpose."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.worked_examples import copy_project

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("assets", "cals_models", "pipelines")
LINT = "from importlinter.cli import lint_imports_command as run; run()"

# file -> line added to it, and what the report says of it
BROKEN = {
    "assets_imports_pipelines": (
        "assets/project/home.py",
        "import pipelines.runner",
        "assets is not allowed to import pipelines",
    ),
    "cals_models_imports_assets": (
        "cals_models/losses.py",
        "import assets.project.home",
        "cals_models is not allowed to import assets",
    ),
    "cals_models_imports_dagster": (
        "cals_models/losses.py",
        "import dagster",
        "cals_models is not allowed to import dagster",
    ),
    "a_stage_imports_dagster": (
        "assets/mels/asset.py",
        "import dagster",
        "assets.mels is not allowed to import dagster",
    ),
    "a_room_of_assets_imports_upwards": (
        "assets/clips/shots.py",
        "import assets.report.page",
        "assets.clips is not allowed to import assets.report",
    ),
    "a_room_of_cals_models_imports_upwards": (
        "cals_models/shards/shard_format.py",
        "import cals_models.training.engine",
        "cals_models.shards is not allowed to import cals_models.training",
    ),
    "what_computes_imports_bookkeeping": (
        "assets/mels/mel.py",
        "import assets.project.source_versions",
        "assets.mels is not allowed to import assets.project.source_versions",
    ),
    "a_loose_module_in_assets": ("assets/helpers.py", "", "assets.helpers"),
    "a_loose_module_in_cals_models": ("cals_models/helpers.py", "", "cals_models.helpers"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("contracts") / "cals")


def lint(project: Path) -> tuple[int, str]:
    """Exit status and report of import-linter, its line breaks taken out."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_all_contracts_hold(project: Path) -> None:
    status, report = lint(project)
    assert status == 0 and "6 kept, 0 broken" in report


@pytest.mark.parametrize(("file", "line", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_contract_fails_and_is_named(project: Path, file: str, line: str, words: str) -> None:
    path = project / file
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        status, report = lint(project)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert status == 1 and words in report, report


def test_assets_has_no_loose_module() -> None:
    assert [path.name for path in (PROJECT / "assets").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("package", PACKAGES)
def test_an_init_is_a_docstring_of_two_lines(package: str) -> None:
    """What lives there and what may be touched, nothing else."""
    for path in sorted((PROJECT / package).rglob("__init__.py")):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(statements) == 1 and ast.get_docstring(ast.Module(statements, [])), path
        docstring = ast.get_docstring(ast.Module(statements, [])) or ""
        assert len([line for line in docstring.splitlines() if line.strip()]) == 2, path


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_of_modules_is_a_package(package: str) -> None:
    folders = {path.parent for path in (PROJECT / package).rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
