"""The code of a training, by which one that was done on another machine is compared with one that would be done here."""

from __future__ import annotations

from functools import cache

from cals_models.fingerprint.closure import Scope
from cals_models.fingerprint.fingerprint import Fingerprint, fingerprint
from cals_models.fingerprint.source_tree import SourceTree
from cals_models.references import PROJECT_ROOT, load

METHODS = "cals_models.methods.registry:METHOD_MODULES"
TRAINING = "cals_models.training.__main__:train_job"
"""What a training process computes; how it is asked to is left out."""


def training_scope(stage: str) -> Scope:
    """What counts of the code of trainings for a stage: not the other stages', and no method: it is an input by itself."""
    return Scope(stage=stage, chosen_elsewhere=frozenset({METHODS}))


@cache
def training_code(stage: str, method: str | None) -> Fingerprint:
    """Fingerprint of the code that trains a stage, for a generator with that of its method; computed once a process."""
    chosen = [load(METHODS)[method]] if method is not None else []
    return fingerprint(SourceTree(PROJECT_ROOT), [TRAINING, *chosen], training_scope(stage))
