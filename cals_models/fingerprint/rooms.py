"""Which rooms hold bookkeeping: a reference into one of them ends there, so that its code is in no fingerprint.

The rule. What comes out of a bookkeeping room decides no byte of an output without being digested by itself: settings and
inputs (each has a data version), places (paths), a process to compute in, a row of the ledger. What decides bytes lies
elsewhere, and counts because the stage's asset function reaches it. The import contracts of ``pyproject.toml`` hold both
sides: these rooms import no room of a stage, and what computes imports only their few modules of plain types and places.
"""

from __future__ import annotations

PACKAGES = ("assets", "cals_models", "pipelines")
BOOKKEEPING_ROOMS = (
    "assets.project",  # what cals.yaml asks for, the table of stages, paths of the home
    "assets.stage",  # how a stage's function becomes a Dagster asset and a row of the ledger
    "assets.workers",  # the processes that clips are computed in, progress bars
    "cals_models.declarations",  # the check of settings; the values that pass are digested
    "cals_models.fingerprint",  # this digest
    "cals_models.terminal",  # progress bars of a training
)


def is_project(module: str) -> bool:
    """Whether a dotted name is in one of the project's packages."""
    return module.partition(".")[0] in PACKAGES


def is_bookkeeping(module: str) -> bool:
    """Whether a module lies in a bookkeeping room."""
    return any(module == room or module.startswith(f"{room}.") for room in BOOKKEEPING_ROOMS)
