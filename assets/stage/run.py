"""Input and result of a stage's function; no Dagster here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.project.chosen_code import chosen_code
from assets.project.code_version import CodeVersion, code_version
from assets.project.graph import STAGES, source_names, stage_code
from assets.project.home import Home
from assets.project.settings import Dataset, Project, SettingsError
from assets.project.source_versions import TRAIN_ON, base_input, source_version, train_on_input
from assets.stage.split_versions import split_version, splits_read
from assets.store.forced_clips import NOTHING_FORCED, ForcedClips
from assets.store.ledger import Heads, ImportedFrom
from assets.workers.clip_pool import PoolSettings
from cals_models.digests import digest_of
from cals_models.fingerprint.trainings import TRAINING, training_scope


class MissingInput(ValueError):
    """A stage was requested before its input was computed."""


@dataclass(frozen=True)
class Preview:
    """An image that a stage shows in its metadata, as PNG bytes."""

    png: bytes


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """Result of an asset check.

    Args:
        name: one of the names that the stage declares.
        blocking: a failure stops the stages below.
        description: what was found; of a failed check also what to do.
    """

    name: str
    passed: bool
    description: str
    blocking: bool = True


@dataclass(kw_only=True)
class StageResult:
    """Result of a stage.

    Args:
        data_version: digest of the content; stages below rerun only if it changed.
        num_clips: accepted clips; None for a stage that is not computed clip by clip.
        counts: small numbers for ledger and metadata.
        previews: by name; shown in Dagster and stored for the report.
        facts: other metadata.
        imported_from: set for a model that another machine trained.
    """

    data_version: str
    num_clips: int | None = None
    counts: dict[str, float | int] = field(default_factory=dict)
    previews: dict[str, Preview] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    checks: list[CheckOutcome] = field(default_factory=list)
    mlflow_run_id: str | None = None
    device: str = "cpu"
    imported_from: ImportedFrom | None = None


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One stage working on one dataset (and method).

    Args:
        heads: latest ledger row of each partition when the run started.
        tracking: MLflow.
        log: writes a line to the run's log.
        forced: clips to compute again although they are up to date.
    """

    stage: str
    project: Project
    dataset: Dataset
    method: str | None
    pool: PoolSettings
    heads: Heads
    dagster_run_id: str
    tracking: Any
    log: Callable[[str], None]
    forced: ForcedClips = NOTHING_FORCED

    @property
    def home(self) -> Home:
        return self.project.home

    @property
    def code(self) -> CodeVersion:
        return stage_code(self.stage)

    @property
    def chosen(self) -> CodeVersion:
        """Code that the partition chooses by name, such as a layout or a method."""
        return chosen_code(self.project, self.stage, self.dataset.name, self.method)

    @property
    def code_digest(self) -> str:
        """Digest of all code of the partition: the stage's, and what it chooses."""
        return digest_of(self.code.digest, self.chosen.digest)[:16]

    @property
    def training_code(self) -> str:
        """Digest of the code of the training process alone, with its libraries."""
        return code_version([TRAINING], training_scope(self.stage)).digest

    @property
    def settings(self) -> Any:
        return self.project.stage_settings(self.dataset.name, self.stage, self.method)

    @property
    def settings_values(self) -> dict[str, Any]:
        return self.project.settings_values(self.dataset.name, self.stage, self.method)

    def made_already(self) -> dict[str, Any] | None:
        """The partition's latest ledger row, if it is of the present code, settings and inputs."""
        row = self.heads.get((self.stage, self.dataset.name, self.method))
        if row is None or row["code_version"] != self.code.digest:
            return None
        try:
            return row if json.loads(row["inputs_json"]) == self.inputs() else None
        except MissingInput:
            return None

    @property
    def version(self) -> str:
        """Digest of code and settings; with a clip's input digest the key of its row."""
        deciding = self.project.deciding_values(self.dataset.name, self.stage, self.method)
        return digest_of(self.code_digest, deciding)[:16]

    @property
    def folder(self) -> Path:
        return self.home.stage(self.stage, self.dataset.name)

    def head(self, asset: str, method: str | None = None, *, dataset: str | None = None) -> dict[str, Any]:
        """Latest ledger row of an input, of this dataset or of another.

        Raises:
            MissingInput: there is none yet.
        """
        name = dataset or self.dataset.name
        row = self.heads.get((asset, name, method))
        if row is None:
            what = f"{asset} of {name}" + (f", method {method}" if method else "")
            raise MissingInput(f"{self.stage}: {what} was never made; run: cals run --dataset {name}")
        return row

    def inputs(self) -> dict[str, str]:
        """Data version of each input: of stages from the ledger, of sources as they are now."""
        versions = {}
        for dep in STAGES[self.stage].deps:
            for method in self.methods_of(dep):
                name = f"{dep}|{method}" if method else dep
                versions[name] = self.head(dep, method)["data_version"]
        for source in source_names(STAGES[self.stage]):
            if source == TRAIN_ON:
                for name in self.dataset.train_on:
                    versions[train_on_input(name)] = self.head("shards", dataset=name)["data_version"]
                continue
            versions[source] = source_version(self.project, source, self.dataset.name, self.method)
        for name, (asset, base, method) in base_input(STAGES[self.stage], self.dataset, self.method).items():
            versions[name] = self.head(asset, method, dataset=base)["data_version"]
        return versions

    def parts_read(self) -> dict[str, str]:
        """Version of what is read of an input, of those that are read in part."""
        versions = {}
        for name, (other, splits) in splits_read(STAGES[self.stage], self.dataset.train_on).items():
            dataset = other or self.dataset.name
            version = self.head("shards", dataset=dataset)["data_version"]
            versions[name] = split_version(self.home, dataset, version, splits)
        return versions

    def methods_of(self, dep: str) -> tuple[str | None, ...]:
        """Methods of a dependency that this run reads."""
        return needed_methods(STAGES[dep].by_method, self.method, self.dataset.methods)


def needed_methods(
    dep_by_method: bool, method: str | None, methods: tuple[str, ...]
) -> tuple[str | None, ...]:
    """Methods of a dependency that a stage reads: none, its own, or all of the dataset's."""
    if not dep_by_method:
        return (None,)
    return (method,) if method else methods


def require_method(dataset: Dataset, method: str | None) -> None:
    if method is not None and method not in dataset.methods:
        raise SettingsError(
            f"method {method!r} is not among the methods of {dataset.name} ({', '.join(dataset.methods)}); "
            "add it to its methods in cals.yaml"
        )
