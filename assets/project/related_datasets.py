"""What ``cals.yaml`` says of the other datasets that a dataset names: ``train_on`` and ``base``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cals_models.declarations.declared import did_you_mean
from cals_models.methods.registry import METHODS

if TYPE_CHECKING:
    from assets.project.settings import Dataset, Project


def check_related(project: Project, name: str) -> None:
    """Checks a dataset's ``train_on`` and ``base``.

    Raises:
        ValueError: no such dataset, or one that can't be trained on or adapted.
    """
    _check_train_on(project.datasets, name)
    _check_base(project.datasets, name)
    _check_crops(project, name)


def _check_train_on(datasets: dict[str, Dataset], name: str) -> None:
    others = {other for other in datasets if other != name}
    for wanted in datasets[name].train_on:
        where = f"datasets.{name}.train_on"
        if wanted == name:
            raise ValueError(f"{where}: {name} reads its own train split anyway; name other datasets")
        if wanted not in others:
            known = ", ".join(sorted(others)) or "none"
            raise ValueError(f"{where}: no dataset {wanted!r}{did_you_mean(wanted, others)}; others: {known}")


def _check_base(datasets: dict[str, Dataset], name: str) -> None:
    """The base is another dataset, of the same profile, and has no base itself."""
    dataset, where = datasets[name], f"datasets.{name}.base"
    if dataset.base is None:
        return
    others = {other for other in datasets if other != name}
    if dataset.base not in others:
        known = ", ".join(sorted(others)) or "none"
        near = did_you_mean(dataset.base, others)
        raise ValueError(f"{where}: no other dataset {dataset.base!r}{near}; others: {known}")
    base = datasets[dataset.base]
    if base.base is not None:
        raise ValueError(
            f"{where}: {base.name} adapts the models of {base.base} itself; name {base.base} instead"
        )
    lacking = [name for name in dataset.methods if METHODS[name].is_trained and name not in base.methods]
    if lacking:
        raise ValueError(
            f"{where}: {base.name} has no generators of {', '.join(lacking)}; give {name} methods of "
            f"{', '.join(base.methods)}"
        )
    if base.profile != dataset.profile:
        raise ValueError(
            f"{where}: {base.name} has profile {base.profile}, its networks are of other sizes; give {name} that profile"
        )


def _check_crops(project: Project, name: str) -> None:
    """A dataset is trained along with others, and adapts the models of a base, at one size of crops."""
    dataset = project.datasets[name]
    named = [("train_on", other) for other in dataset.train_on]
    named += [] if dataset.base is None else [("base", dataset.base)]
    for key, other in named:
        own, theirs = (project.stage_settings(one, "face_crops").crop_px for one in (name, other))
        if own != theirs:
            trained = ", ".join(method for method in dataset.methods if METHODS[method].is_trained)
            raise ValueError(
                f"datasets.{name}.{key}: {other} has crops of {theirs} px, {name} of {own} px, and a "
                f"generator ({trained}) draws one size; give both the same face_crops.crop_px"
            )
