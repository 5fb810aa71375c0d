"""Which code each stage executes: every stage's function on a small generated corpus, under a profiler.

    python -m tests.support.traced_stages

It writes ``tests/assets/project/executed.json``: stage -> the definitions of `assets` and `cals_models` whose code ran, in
this process and in the training's, and the names of their modules' top levels that this code reads. Fingerprints are
checked against it (`tests/assets/project/test_what_runs.py`): it comes from running, not from reading the source.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from cals_models.fingerprint.rooms import is_bookkeeping

PROJECT = Path(__file__).resolve().parents[2]
RECORD = PROJECT / "tests" / "assets" / "project" / "executed.json"
FOLDERS = tuple(f"{PROJECT / package}{os.sep}" for package in ("assets", "cals_models"))
TRACE_FOLDER = "CALS_TRACE_FOLDER"
SITE = """
import atexit, os, sys, threading
if os.environ.get("CALS_TRACE_FOLDER"):
    sys.path.insert(0, {project!r})
    from tests.support.traced_stages import start, write
    start()
    atexit.register(write)
"""
CONFIG = """
settings:
  sync_encoder: {steps: 2, validate_every_steps: 2, validation_clips: 2, checkpoint_every_steps: 1}
  lse_evaluator: {steps: 2, validate_every_steps: 2, validation_clips: 2}
  audio_to_lip: {steps: 2, validate_every_steps: 2, validation_clips: 2}
  generator: {steps: 2, validate_every_steps: 2, validation_clips: 2}
datasets:
  small: {layout: lrs2, root: corpus/lrs2, profile: tiny, num_buckets: 2, methods: [ground_truth, copy_reference, wav2lip, cals]}
"""

_codes: set[CodeType] = set()


def start() -> None:
    """Notes each function of the project that is called from now on."""
    import threading

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code not in _codes and code.co_filename.startswith(FOLDERS):
            _codes.add(code)

    sys.setprofile(note)
    threading.setprofile(note)


def write() -> None:
    """Writes what a child process executed."""
    sys.setprofile(None)
    folder = Path(os.environ[TRACE_FOLDER])
    (folder / f"{os.getpid()}.json").write_text(json.dumps(sorted(executed())))


def executed() -> set[str]:
    """``module:name`` of the top-level definitions that ran, and of the names of a top level that their code reads."""
    found = set()
    for code in _codes:
        module = Path(code.co_filename).relative_to(PROJECT).with_suffix("").as_posix().replace("/", ".")
        own = code.co_qualname.partition(".")[0]
        is_function = code.co_flags & CO_OPTIMIZED  # bodies of classes and modules run when they are imported
        if is_function and not is_bookkeeping(module):
            found.add(f"{module}:{own}")
            found |= {
                f"{home}:{name}"
                for name in code.co_names
                for home in defining(module, name)
                if not is_bookkeeping(home)
            }
    return found


@cache
def _top_level(module: str) -> list[ast.stmt]:
    path = PROJECT.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text()).body if path.is_file() else []


def defining(module: str, name: str) -> Iterator[str]:
    """The module whose top level binds a name that code of ``module`` reads: that one, or the one it is imported from."""
    for node in _top_level(module):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            yield module
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("assets.", "cals_models.")):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    yield from defining(node.module or "", alias.name)


@contextmanager
def traced(folder: Path) -> Iterator[set[str]]:
    """Notes what runs inside, here and in processes that are started."""
    found: set[str] = set()
    _codes.clear()
    os.environ[TRACE_FOLDER] = str(folder)
    start()
    try:
        yield found
    finally:
        sys.setprofile(None)
        del os.environ[TRACE_FOLDER]
        found |= executed()
        for path in folder.glob("*.json"):
            found |= set(json.loads(path.read_text()))
            path.unlink()


class NoTracking:
    """Stands in for MLflow, whose code is not the project's."""

    def start_run(self, *arguments: Any) -> str:
        return "run"

    def register(self, *arguments: Any) -> str:
        return "1"

    def is_finished(self, run_id: str) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: None


def trace_stages(folder: Path) -> dict[str, list[str]]:
    """Computes every stage in a folder and returns what each of them executed."""
    from assets.project.graph import STAGES
    from assets.sample_corpus.corpus import make_sample_corpus
    from assets.stage.run import StageRun
    from assets.store import ledger
    from assets.workers.clip_pool import PoolSettings
    from cals_models.references import load
    from tests.support.small_project import CORPUS

    make_sample_corpus(folder / "corpus", settings=CORPUS)
    (folder / "cals.yaml").write_text(CONFIG)
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(SITE.format(project=str(PROJECT)))
    (folder / "trace").mkdir()
    os.environ |= {"PYTHONPATH": str(folder / "site"), "CALS_HOME": str(folder / "home")}
    from assets.project.settings import load_project

    record: dict[str, set[str]] = {name: set() for name in STAGES}
    for stage in STAGES.values():
        project = load_project(folder / "cals.yaml", folder / "home")
        dataset = project.dataset("small")
        for method in dataset.methods if stage.by_method else (None,):
            run = StageRun(
                stage=stage.name, project=project, dataset=dataset, method=method, pool=PoolSettings(num_workers=0),
                heads=ledger.heads(project.home), dagster_run_id="", tracking=NoTracking(), log=lambda line: None,
            )  # fmt: skip
            inputs = run.inputs()
            with traced(folder / "trace") as found:
                result = load(stage.asset).compute({stage.name: run})[stage.name]
            record[stage.name] |= found
            entry = ledger.Entry(
                asset=stage.name, dataset="small", method=method, data_version=result.data_version,
                code_version=run.code.digest, settings=run.settings_values, inputs=inputs, dagster_run_id="",
                duration_s=1.0, counts=result.counts,
            )  # fmt: skip
            ledger.append(project.home, entry, run.code)
        print(stage.name, len(record[stage.name]), flush=True)
    return {name: sorted(found) for name, found in record.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        record = trace_stages(Path(temporary))
    RECORD.write_text(json.dumps(record, indent=0) + "\n")


if __name__ == "__main__":
    main()
