"""``cals.yaml``: the datasets, and for each of them the settings of every stage."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from assets.project.atomic_files import replacing
from assets.project.digests import digest_of
from assets.project.graph import STAGES, load
from assets.project.home import Home
from assets.project.layouts import LAYOUTS
from cals_models.config.profiles import PROFILES
from cals_models.methods.registry import METHODS

CONFIG_NAME = "cals.yaml"
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,40}")


class SettingsError(ValueError):
    """Something in ``cals.yaml`` (or asked of it) is wrong: where, what, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One entry of ``datasets`` in ``cals.yaml``.

    Args:
        name: lower-case identifier; the Dagster partition.
        layout: how the folder is organised, one of ``layouts.LAYOUTS``.
        root: folder of the raw data; never written to.
        profile: ``tiny`` or ``paper``.
        num_buckets: number of clip buckets, fixed when the dataset is added.
        methods: methods that are trained, rendered and scored.
        to: the asset that the dataset is made up to unless a command names another; None is the report.
        train_on: other datasets whose train splits its trainings read too.
        options: options of the layout.
        settings: overrides, stage -> field -> value.
    """

    name: str
    layout: str
    root: Path
    profile: str
    num_buckets: int
    methods: tuple[str, ...]
    to: str | None = None
    train_on: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Project:
    """What ``cals.yaml`` says, and where what is made goes."""

    config_path: Path
    home: Home
    datasets: dict[str, Dataset]
    settings: dict[str, dict[str, Any]]

    def dataset(self, name: str) -> Dataset:
        if name not in self.datasets:
            known = ", ".join(sorted(self.datasets)) or "none"
            raise SettingsError(
                f"{self.config_path}: no dataset {name!r}{_near(name, self.datasets)}; known: {known}"
            )
        return self.datasets[name]

    @property
    def methods(self) -> dict[str, tuple[str, ...]]:
        """Dataset -> its methods."""
        return {name: dataset.methods for name, dataset in self.datasets.items()}

    def stage_settings(self, dataset: str, stage: str) -> Any:
        """The stage's settings dataclass: its defaults, the profile, the project's and the dataset's overrides."""
        entry = self.dataset(dataset)
        values = dict(PROFILES[entry.profile].get(stage, {}))
        values |= self.settings.get(stage, {})
        values |= entry.settings.get(stage, {})
        cls = settings_class(stage)
        try:
            return cls(**{key: _as_declared(value) for key, value in values.items()})
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{self.config_path}: settings of {stage} for {dataset}: {error}") from error

    def settings_values(self, dataset: str, stage: str) -> dict[str, Any]:
        """The stage's settings as plain data; those of ``clips`` include the dataset's layout and buckets."""
        values = dataclasses.asdict(self.stage_settings(dataset, stage))
        if stage == "clips":
            entry = self.dataset(dataset)
            values |= {"layout": entry.layout, "options": entry.options, "num_buckets": entry.num_buckets}
        return values

    def settings_digest(self, dataset: str, stage: str) -> str:
        return digest_of(self.settings_values(dataset, stage))


def settings_class(stage: str) -> Any:
    """The settings dataclass that the graph names for a stage."""
    return load(STAGES[stage].settings)


def find_config(given: str | Path | None = None) -> Path:
    """``cals.yaml``: the one given, or the first found from the working directory upwards."""
    if given is not None:
        path = Path(given).expanduser().absolute()
        if not path.is_file():
            raise SettingsError(f"--config {given}: no such file; give the path of a {CONFIG_NAME}")
        return path
    if "CALS_CONFIG" in os.environ:
        return find_config(os.environ["CALS_CONFIG"])
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise SettingsError(
        f"no {CONFIG_NAME} in {here} or above it; go to the project's folder or give --config PATH"
    )


def load_project(config: str | Path | None = None, home: Path | None = None) -> Project:
    """Reads and checks ``cals.yaml``.

    Raises:
        SettingsError: unreadable YAML, or an unknown key, dataset name, layout, profile, method or stage.
    """
    path = find_config(config)
    try:
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except (YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise SettingsError(f"{path}: expected a mapping with the keys datasets and settings")
    _check_keys(path, "the file", raw, {"datasets", "settings"})
    root = home or Path(os.environ.get("CALS_HOME") or path.parent / ".cals")
    place = Home(root.expanduser().absolute())
    entries = _mapping(path, "datasets", raw)
    project = Project(
        config_path=path,
        home=place,
        datasets={name: _dataset(path, place, name, entry) for name, entry in entries.items()},
        settings=_stage_overrides(path, "settings", raw),
    )
    for name in project.datasets:
        _check_train_on(path, project.datasets, name)
        for stage in {*project.settings, *project.datasets[name].settings}:
            project.stage_settings(name, stage)
    return project


def _dataset(path: Path, home: Home, name: str, entry: Any) -> Dataset:
    where = f"datasets.{name}"
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name) or "__" in name:
        raise SettingsError(
            f"{path}: dataset name {name!r}: use lower-case letters, digits and single underscores"
        )
    if not isinstance(entry, dict):
        raise SettingsError(f"{path}: {where}: expected a mapping with layout and root")
    known = {f.name for f in dataclasses.fields(Dataset)} - {"name"}
    _check_keys(path, where, entry, known)
    for key in ("layout", "root"):
        if key not in entry:
            raise SettingsError(f"{path}: {where}: {key} is missing")
    profile = _one_of(path, f"{where}.profile", entry.get("profile", "paper"), PROFILES)
    num_buckets = entry.get("num_buckets", 8)
    if not isinstance(num_buckets, int) or num_buckets < 1:
        raise SettingsError(
            f"{path}: {where}.num_buckets is {num_buckets!r}; give a whole number of 1 or more"
        )
    methods = entry.get("methods") or list(METHODS)
    root = Path(str(entry["root"]).replace("$CALS_HOME", str(home.root))).expanduser()
    return Dataset(
        name=name,
        layout=_one_of(path, f"{where}.layout", entry["layout"], LAYOUTS),
        root=(path.parent / root).absolute(),
        profile=profile,
        num_buckets=num_buckets,
        methods=tuple(_one_of(path, f"{where}.methods", method, METHODS) for method in methods),
        to=_one_of(path, f"{where}.to", entry["to"], STAGES) if "to" in entry else None,
        train_on=_names(path, f"{where}.train_on", entry.get("train_on")),
        options=_mapping(path, "options", entry),
        settings=_stage_overrides(path, f"{where}.settings", entry),
    )


def _names(path: Path, where: str, value: Any) -> tuple[str, ...]:
    names = [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SettingsError(f"{path}: {where} is {value!r}; give a list of names of datasets, such as [grid]")
    return tuple(dict.fromkeys(names))


def _check_train_on(path: Path, datasets: dict[str, Dataset], name: str) -> None:
    others = {other for other in datasets if other != name}
    for wanted in datasets[name].train_on:
        where = f"datasets.{name}.train_on"
        if wanted == name:
            raise SettingsError(
                f"{path}: {where}: {name} reads its own train split anyway; name other datasets"
            )
        if wanted not in others:
            known = ", ".join(sorted(others)) or "none"
            raise SettingsError(
                f"{path}: {where}: no dataset {wanted!r}{_near(wanted, others)}; others: {known}"
            )


def _stage_overrides(path: Path, where: str, holder: dict[str, Any]) -> dict[str, dict[str, Any]]:
    overrides = _mapping(path, "settings", holder)
    for stage, values in overrides.items():
        _one_of(path, where, stage, STAGES)
        if not isinstance(values, dict):
            raise SettingsError(f"{path}: {where}.{stage}: expected a mapping of settings")
        names = {f.name for f in dataclasses.fields(settings_class(stage))}
        _check_keys(path, f"{where}.{stage}", values, names)
    return overrides


def _mapping(path: Path, key: str, holder: dict[str, Any]) -> dict[str, Any]:
    value = holder.get(key) or {}
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: {key}: expected a mapping")
    return value


def _check_keys(path: Path, where: str, values: dict[str, Any], known: set[str]) -> None:
    for key in values:
        if key not in known:
            raise SettingsError(
                f"{path}: {where}: no such key {key!r}{_near(str(key), known)}; known: {', '.join(sorted(known))}"
            )


def _one_of(path: Path, where: str, value: Any, known: Any) -> str:
    if value not in known:
        raise SettingsError(
            f"{path}: {where}: unknown {value!r}{_near(str(value), known)}; one of {', '.join(known)}"
        )
    return str(value)


def _near(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _as_declared(value: Any) -> Any:
    return tuple(_as_declared(v) for v in value) if isinstance(value, list) else value


def add_dataset(config_path: Path, name: str, entry: dict[str, Any]) -> None:
    """Adds a dataset to ``cals.yaml``, keeping the file's comments and order.

    Raises:
        SettingsError: the name is taken by other data; the same entry again is accepted.
    """
    yaml = YAML()
    document = yaml.load(config_path.read_text(encoding="utf-8")) or {}
    datasets = document.get("datasets")
    if datasets is None:
        datasets = document["datasets"] = {}
    if name in datasets and any(datasets[name].get(k) != v for k, v in entry.items() if k != "num_buckets"):
        raise SettingsError(
            f"{config_path}: dataset {name!r} is there already with other data; choose another name"
        )
    if name not in datasets:
        datasets[name] = entry
    with replacing(config_path) as temporary, temporary.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
