"""Code versions: comments and formatting do not count, a changed function does, and closures hold."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assets.project.code_version import INFRASTRUCTURE, PROJECT_ROOT, code_version
from assets.project.graph import STAGES, stage_code
from assets.project.layouts import LAYOUTS
from cals_models import source_code
from cals_models.source_code import closure
from cals_models.training.stages import STAGE_MODULES, code_roots

SOURCE = '''
"""Module."""
from math import floor
import os

LIMIT = 3

def area(width: float, height: float) -> float:
    """Area of a rectangle."""
    return width * height  # square metres

class Box:
    """A box."""
    side: int = 2
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr(source_code, "PROJECT_ROOT", tmp_path)
    return tmp_path / "assets" / "thing.py"


def digest(path: Path, source: str) -> str:
    path.write_text(source)
    return code_version(("assets.thing",), ()).digest


def test_comments_docstrings_formatting_and_import_order_do_not_count(project: Path) -> None:
    changed = SOURCE.replace("# square metres", "# m2").replace("Area of a rectangle", "Surface")
    changed = changed.replace("width * height", "(width\n        * height)").replace("A box.", "Box.")
    changed = changed.replace("from math import floor\nimport os", "import os\nfrom math import floor")
    assert changed != SOURCE
    assert digest(project, changed) == digest(project, SOURCE)


@pytest.mark.parametrize(
    "old, new",
    [("width * height", "width + height"), ("LIMIT = 3", "LIMIT = 4"), ("side: int = 2", "side: int = 3")],
)
def test_changed_code_counts(project: Path, old: str, new: str) -> None:
    assert digest(project, SOURCE.replace(old, new)) != digest(project, SOURCE)


def test_the_change_is_named(project: Path) -> None:
    project.write_text(SOURCE)
    before = code_version(("assets.thing",), ())
    project.write_text(SOURCE.replace("width * height", "width + height"))
    after = code_version(("assets.thing",), ())
    assert after.changed_since(before.definitions, before.libraries) == ["assets.thing.area changed"]


def test_a_library_change_is_named() -> None:
    now = code_version((), ("torch",))
    assert now.changed_since({}, {"torch": "1.0"}) == [f"torch 1.0 -> {now.libraries['torch']}"]


def test_a_root_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"assets\.nothing"):
        code_version(("assets.nothing",), ())


def test_canonical_form_ignores_what_differs_between_python_versions() -> None:
    function = ast.parse("def f(x): return x").body[0]
    text = source_code._canonical(function)
    assert "type_params" not in text and "ctx" not in text


@pytest.mark.parametrize("name", STAGES)
def test_closure_covers_what_the_stage_loads(name: str) -> None:
    """Loads the stage's roots in a fresh interpreter: every project module seen there is in the closure."""
    roots = STAGES[name].roots
    code = (
        f"import sys, json\nfor m in {list(roots)!r}: __import__(m)\n"
        "print(json.dumps([m for m in sys.modules if m.split('.')[0] in ('assets', 'cals_models', 'pipelines')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    packages = {m for m in loaded if (PROJECT_ROOT.joinpath(*m.split(".")) / "__init__.py").is_file()}
    missing = loaded - packages - set(closure(roots, INFRASTRUCTURE)) - INFRASTRUCTURE
    infrastructure_needs = (
        set(closure(tuple(sorted(INFRASTRUCTURE & loaded)), INFRASTRUCTURE))
        if INFRASTRUCTURE & loaded
        else set()
    )
    assert missing <= infrastructure_needs, sorted(missing - infrastructure_needs)


def test_infrastructure_exists() -> None:
    """A name left in the list after its module was renamed would hide nothing; keep the list honest."""
    assert [name for name in INFRASTRUCTURE if source_code.module_path(name) is None] == []


def test_stage_code_has_definitions() -> None:
    assert "assets.mels.mel.log_mel" in stage_code("mels").definitions
    assert not any(name.startswith("assets.faces") for name in stage_code("mels").definitions)


@pytest.mark.parametrize("module", LAYOUTS.values())
def test_a_changed_layout_makes_clips_stale(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layouts are loaded by name, not imported: the table itself must bring them into the fingerprint."""
    shutil.copytree(PROJECT_ROOT / "assets", tmp_path / "assets")
    shutil.copytree(PROJECT_ROOT / "cals_models", tmp_path / "cals_models")
    monkeypatch.setattr(source_code, "PROJECT_ROOT", tmp_path)
    stage = STAGES["clips"]
    before = code_version(stage.roots, stage.libraries)
    path = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    path.write_text(
        path.read_text().replace(
            "def fits(path: str) -> bool:\n", "def fits(path: str) -> bool:\n    path = path.strip()\n"
        )
    )
    after = code_version(stage.roots, stage.libraries)
    assert after.changed_since(before.definitions, before.libraries) == [f"{module}.fits changed"]


@pytest.mark.parametrize("stage", sorted(STAGE_MODULES))
def test_a_training_and_the_graph_name_the_same_code(stage: str) -> None:
    """Else a model trained elsewhere could never be imported, or other code could be."""
    assert STAGES[stage].roots == code_roots(stage)
    assert "cals_models.training.result.write_result" in stage_code(stage).definitions
