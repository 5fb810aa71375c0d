"""``cals.yaml``: the datasets, and for each of them the settings of every stage."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from assets.project.atomic_files import replacing
from assets.project.bounded_yaml import TooNested, read_bounded
from assets.project.code_cache import keep_in
from assets.project.graph import STAGES
from assets.project.home import Home
from assets.project.layouts import LAYOUT_OPTIONS, LAYOUTS
from assets.project.related_datasets import check_related
from assets.project.settings_gate import check_keys, checked_fields
from assets.project.settings_names import (
    methods_with_settings,
    profile_values,
    settings_class,
    settings_name,
)
from cals_models.config.profiles import PROFILES
from cals_models.declarations.bounds import Count, OneOf, Pattern
from cals_models.declarations.declared import deciding_values, did_you_mean
from cals_models.declarations.settings import Settings
from cals_models.digests import digest_of
from cals_models.methods.registry import DEFAULT_METHODS, METHODS
from cals_models.references import load

WEIGHTS_SUFFIX = "_weights"
"""End of the names of settings that hold the path of a file."""
CONFIG_NAME = "cals.yaml"
USER_SQL = "sql/user"
NAME_PATTERN = re.compile("(?!.*__)[a-z][a-z0-9_]{0,40}")
DatasetName = Annotated[str, Pattern(regex=".*", text="the name of a dataset", plural="names of datasets")]
MAY_BE_EMPTY = ("methods", "to", "train_on", "base", "options", "settings")
"""Keys of a dataset that read the same empty and left out."""


class SettingsError(ValueError):
    """Something in ``cals.yaml``, or requested of it, is wrong: where, what, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Dataset(Settings):
    """One entry of ``datasets`` in ``cals.yaml``.

    Args:
        name: lower-case identifier; the Dagster partition.
        layout: how the folder is organised.
        root: folder of the raw data; never written to. ``$CALS_HOME`` stands for the project's home.
        profile: settings of the trainings: ``tiny`` (CPU, minutes) or ``paper`` (GPU).
        num_buckets: number of clip buckets, fixed when the dataset is added.
        methods: methods that are trained, rendered and scored; if left out, the controls and the rows of Table 1.
        to: the asset up to which the dataset is materialised unless a command names another; the report if left out.
        train_on: other datasets whose train splits its trainings read too.
        base: another dataset whose models this one adapts: its sync encoder and f_theta are taken as they are, and generators
            continue from its generators.
        options: options of the layout.
        settings: overrides, stage or method -> field -> value.
    """

    name: str
    layout: Annotated[str, OneOf(LAYOUTS)]
    root: Path
    profile: Annotated[str, OneOf(PROFILES)] = "paper"
    num_buckets: Count = 8
    methods: tuple[Annotated[str, OneOf(METHODS)], ...] = ()
    to: Annotated[str, OneOf(STAGES)] | None = None
    train_on: tuple[DatasetName, ...] = ()
    base: DatasetName | None = None
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Project:
    """``cals.yaml`` as read, and the home that holds its outputs."""

    config_path: Path
    home: Home
    datasets: dict[str, Dataset]
    settings: dict[str, dict[str, Any]]

    def dataset(self, name: str) -> Dataset:
        if name not in self.datasets:
            known = ", ".join(sorted(self.datasets)) or "none"
            raise SettingsError(
                f"{self.config_path}: no dataset {name!r}{did_you_mean(name, self.datasets)}; known: {known}"
            )
        return self.datasets[name]

    @property
    def methods(self) -> dict[str, tuple[str, ...]]:
        """Dataset -> its methods."""
        return {name: dataset.methods for name, dataset in self.datasets.items()}

    def stage_settings(self, dataset: str, stage: str, method: str | None = None) -> Any:
        """The stage's settings dataclass: its defaults, the profile, the project's and the dataset's overrides.

        A method that declares settings of its own has them in place of the stage's. Weights that lie beside ``cals.yaml`` have their whole path: runs and servers work elsewhere.

        Raises:
            SettingsError: settings that contradict each other, or no such dataset.
        """
        declared = self._declared(dataset, settings_name(stage, method))
        given = {f.name: getattr(declared, f.name) for f in dataclasses.fields(declared)}
        beside = {
            name: str(self.config_path.parent / value)
            for name, value in given.items()
            if name.endswith(WEIGHTS_SUFFIX) and value and _is_file(self.config_path.parent / value)
        }
        return dataclasses.replace(declared, **beside) if beside else declared

    def _declared(self, dataset: str, name: str) -> Any:
        """The settings of a name as they stand in ``cals.yaml``: a copied project has the same."""
        entry = self.dataset(dataset)
        values = profile_values(entry.profile, name)
        values |= self.settings.get(name, {})
        values |= entry.settings.get(name, {})
        try:
            return settings_class(name)(**values)
        except ValueError as error:
            within = name in entry.settings or name not in self.settings
            where = f"datasets.{dataset}.settings.{name}" if within else f"settings.{name}, for {dataset}"
            raise SettingsError(f"{self.config_path}: {where}: {error}") from error

    def settings_values(self, dataset: str, stage: str, method: str | None = None) -> dict[str, Any]:
        """The stage's settings as plain data; those of ``clips`` include the dataset's layout and buckets."""
        declared = self._declared(dataset, settings_name(stage, method))
        return dataclasses.asdict(declared) | self._of_dataset(dataset, stage)

    def deciding_values(self, dataset: str, stage: str, method: str | None = None) -> dict[str, Any]:
        """The values among `settings_values` that decide what the stage computes."""
        declared = self._declared(dataset, settings_name(stage, method))
        return deciding_values(declared) | self._of_dataset(dataset, stage)

    def _of_dataset(self, dataset: str, stage: str) -> dict[str, Any]:
        if stage != "clips":
            return {}
        entry = self.dataset(dataset)
        return {"layout": entry.layout, "options": entry.options, "num_buckets": entry.num_buckets}

    def settings_digest(self, dataset: str, stage: str, method: str | None = None) -> str:
        return digest_of(self.deciding_values(dataset, stage, method))


def _is_file(path: Path) -> bool:
    """Whether there is such a file; False for what can't be the name of one."""
    try:
        return path.is_file()
    except OSError:
        return False


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
        SettingsError: unreadable YAML; an unknown key, dataset, layout, profile, method or stage; a setting of a wrong
            type or out of its bounds; settings of a stage that contradict each other.
    """
    path = find_config(config)
    raw = _read_yaml(path)
    root = home or Path(os.environ.get("CALS_HOME") or path.parent / ".cals")
    try:
        check_keys("the file", raw, {"datasets", "settings", "user_sql"})
        place = Home(root.expanduser().absolute(), _user_sql(path, raw))
        keep_in(place.root / "cache")
        entries = _mapping("datasets", raw.get("datasets"))
        datasets = {name: _dataset(path, place, name, entry) for name, entry in entries.items()}
        overrides = _stage_overrides("settings", raw.get("settings"))
        project = Project(config_path=path, home=place, datasets=datasets, settings=overrides)
        for name in datasets:
            check_related(project, name)
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error
    for name, dataset in datasets.items():
        for given in {*overrides, *dataset.settings}:
            project._declared(name, given)
    return project


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        raw = read_bounded(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = " ".join(" ".join(str(part) for part in (error.context, error.problem) if part).split())
        remedy = "; keep one of them" if isinstance(error, DuplicateKeyError) else ""
        raise SettingsError(f"{path}: not readable as YAML: {at}{what}{remedy}") from error
    except (YAMLError, UnicodeDecodeError, TooNested) as error:
        raise SettingsError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise SettingsError(f"{path}: expected a mapping with the keys datasets and settings")
    return raw


def _user_sql(path: Path, raw: dict[str, Any]) -> Path:
    """The folder of the project's own SQL, relative to ``cals.yaml``; one that is given must exist."""
    given = raw.get("user_sql")
    if given is not None and not isinstance(given, str):
        raise ValueError(f"user_sql: expected the path of a folder, not {given!r}")
    folder = (path.parent / Path(given or USER_SQL).expanduser()).absolute()
    if given is not None and not folder.is_dir():
        raise ValueError(f"user_sql: {folder} is no folder; make it, or leave the key out ({USER_SQL})")
    return folder


def _dataset(path: Path, home: Home, name: Any, entry: Any) -> Dataset:
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"dataset name {name!r}: use lower-case letters, digits and single underscores")
    where = f"datasets.{name}"
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected a mapping with layout and root")
    left_out = {key for key in MAY_BE_EMPTY if entry.get(key) is None}
    given = {key: value for key, value in entry.items() if key not in left_out}
    checked = checked_fields(Dataset, given, where, without=("name",))
    root = Path(checked.pop("root").replace("$CALS_HOME", str(home.root))).expanduser()
    checked["methods"] = tuple(dict.fromkeys(checked.get("methods", ()))) or DEFAULT_METHODS
    checked["train_on"] = tuple(dict.fromkeys(checked.get("train_on", ())))
    checked["settings"] = _stage_overrides(f"{where}.settings", checked.get("settings"))
    if options := checked.get("options"):
        checked["options"] = _checked_options(f"{where}.options", options)
    return Dataset(name=name, root=(path.parent / root).absolute(), **checked)


def _checked_options(where: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that are given, as their fields hold them."""
    cls = load(LAYOUT_OPTIONS)
    values = checked_fields(cls, options, where)
    try:
        held = cls(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return {name: getattr(held, name) for name in values}


def _stage_overrides(where: str, given: Any) -> dict[str, dict[str, Any]]:
    overrides, known = {}, [*STAGES, *methods_with_settings()]
    for stage, values in _mapping(where, given).items():
        if stage not in known:
            near = did_you_mean(stage, known)
            raise ValueError(f"{where}: unknown {stage!r}{near}; one of {', '.join(known)}")
        if values is None:
            raise ValueError(f"{where}.{stage} is empty; give a mapping of settings, or leave it out")
        overrides[stage] = checked_fields(
            settings_class(stage), _mapping(f"{where}.{stage}", values), f"{where}.{stage}"
        )
    return overrides


def _mapping(where: str, value: Any) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a mapping, not {value!r}")
    return value


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
