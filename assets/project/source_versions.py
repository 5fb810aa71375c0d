"""Data versions of observed sources: raw files, settings, chosen code, the offset probe, ratings, other datasets' shards."""

from __future__ import annotations

from assets.project.chosen_code import chosen_code
from assets.project.graph import STAGES, Stage
from assets.project.settings import Dataset, Project
from assets.project.sources import SOURCES
from cals_models.methods.registry import METHODS
from cals_models.references import load

TRAIN_ON = "train_on"


def source_version(project: Project, source: str, dataset: str, method: str | None = None) -> str:
    """The present data version of an observed source for a dataset.

    Args:
        source: a key of ``sources.SOURCES``, ``settings/<stage>`` or ``code/<stage>``.
        method: of the partition that reads it; only what `is_by_method` depends on it.
    """
    kind, _, stage = source.partition("/")
    if kind == "settings":
        return project.settings_digest(dataset, stage, method)
    if kind == "code":
        return chosen_code(project, stage, dataset, method if STAGES[stage].by_method else None).digest
    version: str = load(SOURCES[source].version)(project, dataset)
    return version


def is_by_method(source: str) -> bool:
    """Whether an observed source has a version for each method of a dataset."""
    kind, _, stage = source.partition("/")
    if kind == "settings":
        return STAGES[stage].settings_by_method
    return kind == "code" and STAGES[stage].by_method


def observed_versions(project: Project, source: str) -> dict[tuple[str, str | None], str]:
    """The present data version of an observed source for each dataset that has one, and where it differs each method."""
    reads_root = source in SOURCES and SOURCES[source].reads_root
    return {
        (name, method): source_version(project, source, name, method)
        for name, dataset in project.datasets.items()
        if not reads_root or dataset.root.is_dir()
        for method in (dataset.methods if is_by_method(source) else (None,))
    }


def base_version(project: Project, dataset: str) -> str:
    """Data version of the observed source ``base``: what adapts a base's models needs no test clips."""
    return project.dataset(dataset).base or "none"


def base_input(stage: Stage, dataset: Dataset, method: str | None) -> dict[str, tuple[str, str, str | None]]:
    """The base's model that a training of the dataset starts from: name in the ledger -> asset, dataset, method."""
    is_control = method is not None and not METHODS[method].is_trained
    if dataset.base is None or not stage.continues_base or is_control:
        return {}
    name = f"{stage.name}@{dataset.base}"
    return {f"{name}|{method}" if method else name: (stage.name, dataset.base, method)}


def train_on_input(dataset: str) -> str:
    """Name by which the ledger knows the shards of another dataset as an input of a training."""
    return f"shards@{dataset}"
