"""``cals doctor``: checks the machine, the settings and the home, with a remedy for whatever is wrong."""

from __future__ import annotations

import importlib
import platform
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.project.installed import installed_version
from assets.project.settings import Project, SettingsError, load_project
from assets.store.user_sql import user_view_problems
from pipelines.instance import LEAST_FREE_GIB, free_bytes
from pipelines.ui.ports import DAGSTER_PORT, MLFLOW_PORT

if TYPE_CHECKING:
    from pipelines.repair.flaw import Flaw

LIBRARIES = {
    "torch": "torch",
    "torchaudio": "torchaudio",
    "dagster": "dagster",
    "webdataset": "webdataset",
    "av": "av",
    "dlib-bin": "dlib",
    "face-alignment": "face_alignment",
    "opencv-python-headless": "cv2",
    "duckdb": "duckdb",
    "mlflow": "mlflow",
    "pandas": "pandas",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check.

    Args:
        subject: what was checked.
        ok: False if something that the project needs can't work as it is.
        text: what was found.
        remedy: what to do; empty if nothing is needed.
    """

    subject: str
    ok: bool
    text: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        sign = "ok  " if self.ok else "BAD "
        return f"{sign} {self.subject}: {self.text}" + (f"  -> {self.remedy}" if self.remedy else "")


def examine() -> list[Finding]:
    """Checks everything a run needs; changes nothing."""
    findings = [_python(), *(_library(name, module) for name, module in LIBRARIES.items())]
    findings += [
        _devices(),
        _dlib_weights(),
        _fan_weights(),
        _port(DAGSTER_PORT, "Dagster"),
        _port(MLFLOW_PORT, "MLflow"),
    ]
    try:
        project = load_project()
    except SettingsError as error:
        return [
            *findings,
            Finding(subject="cals.yaml", ok=False, text=str(error), remedy="correct that entry"),
        ]
    checks: list[Callable[[Project], list[Finding]]] = [_settings, _disk, _roots, _own_sql, _consistency]
    for check in checks:
        findings += check(project)
    return findings


def _python() -> Finding:
    found = platform.python_version()
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(subject="python", ok=ok, text=found, remedy="" if ok else "use Python 3.11, 3.12 or 3.13")


def _library(name: str, module: str) -> Finding:
    version = installed_version(name)
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:
        remedy = f"install it again: pip install --force-reinstall --no-deps {name}"
        return Finding(
            subject=name, ok=False, text=f"{version}: {' '.join(str(error).split())}", remedy=remedy
        )
    return Finding(subject=name, ok=True, text=version)


def _devices() -> Finding:
    import torch

    from cals_models.precision import has_bf16

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Finding(subject="devices", ok=True, text=f"{len(names)} GPU: {', '.join(names)}")
    bf16 = has_bf16(torch.device("cpu"))
    text = (
        f"no GPU; {torch.get_num_threads()} CPU threads, bf16 {'in hardware' if bf16 else 'not in hardware'}"
    )
    return Finding(
        subject="devices", ok=True, text=text, remedy="profile tiny trains on CPU; paper wants a GPU"
    )


def _dlib_weights() -> Finding:
    from assets.faces.backends.dlib import predictor_path

    try:
        path = predictor_path()
    except (ValueError, OSError) as error:
        return Finding(
            subject="dlib landmarks", ok=False, text=str(error), remedy="pip install face-recognition-models"
        )
    return Finding(subject="dlib landmarks", ok=True, text=str(path))


def _fan_weights() -> Finding:
    from assets.faces.backends.face_networks import REMEDY, weight_files

    missing = [path for path in weight_files() if not path.exists()]
    if not missing:
        return Finding(subject="face-alignment weights", ok=True, text="present")
    return Finding(
        subject="face-alignment weights",
        ok=True,
        text=f"not present: {', '.join(path.name for path in missing)}",
        remedy=f"{REMEDY}; they belong into {missing[0].parent}",
    )


def _port(port: int, who: str) -> Finding:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        used = probe.connect_ex(("127.0.0.1", port)) == 0
    text = "in use" if used else "free"
    return Finding(
        subject=f"port {port} ({who})", ok=True, text=text, remedy="cals ui --port" if used else ""
    )


def _settings(project: Project) -> list[Finding]:
    return [
        Finding(subject="cals.yaml", ok=True, text=f"{project.config_path}: {len(project.datasets)} datasets")
    ]


def _disk(project: Project) -> list[Finding]:
    free = free_bytes(project.home.root) / (1 << 30)
    ok = free >= LEAST_FREE_GIB
    remedy = "" if ok else "free some space, or set CALS_HOME to another disk"
    return [Finding(subject="disk", ok=ok, text=f"{project.home.root}: {free:.1f} GiB free", remedy=remedy)]


def _roots(project: Project) -> list[Finding]:
    found = []
    for name, dataset in project.datasets.items():
        exists = Path(dataset.root).is_dir()
        sample = dataset.root.is_relative_to(project.home.sample_corpus)
        remedy = "" if exists else "cals demo generates it" if sample else "correct root in cals.yaml"
        text = f"{dataset.root}" if exists else f"{dataset.root} does not exist"
        found.append(Finding(subject=f"dataset {name}", ok=exists or sample, text=text, remedy=remedy))
    return found


def _own_sql(project: Project) -> list[Finding]:
    """Files of the project's own SQL that became no view at the last publish."""
    return [
        Finding(subject="view", ok=False, text=problem, remedy="correct that file; cals run publishes it")
        for problem in user_view_problems(project.home)
    ]


def _consistency(project: Project) -> list[Finding]:
    """Compares ledger, files, warehouse, Dagster's storage and MLflow's with each other; changes nothing."""
    if not (project.home.dagster / "dagster.yaml").exists() and not project.home.parts.exists():
        return [Finding(subject="consistency", ok=True, text="nothing was materialised yet")]
    from pipelines.instance import open_storage
    from pipelines.repair.repair import find_flaws

    with open_storage(project.home) as instance:
        flaws = find_flaws(project, instance)
    if not flaws:
        text = "ledger, files, warehouse, Dagster and MLflow agree"
        return [Finding(subject="consistency", ok=True, text=text)]
    return [_finding(flaw) for flaw in flaws]


def _finding(flaw: Flaw) -> Finding:
    remedy = f"cals run mends it: {flaw.remedy}" if flaw.can_be_mended else flaw.remedy
    return Finding(subject=flaw.kind, ok=False, text=flaw.text, remedy=remedy)


def examine_deep(project: Project) -> list[Finding]:
    """Reads every file of the home that the ledger answers for, and compares it with its record; changes nothing."""
    from pipelines.repair.deep import find_deep_flaws

    if not project.home.parts.exists():
        return [Finding(subject="integrity", ok=True, text="nothing was materialised yet")]
    flaws = list({flaw.text: flaw for flaw in find_deep_flaws(project)}.values())
    if not flaws:
        return [Finding(subject="integrity", ok=True, text="all files hold the bytes that were recorded")]
    return [_finding(flaw) for flaw in flaws]
