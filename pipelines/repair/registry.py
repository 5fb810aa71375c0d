"""Compares the ledger's models with MLflow: each needs its run, its registered version, and an alias on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assets.project.settings import Project
from assets.store.current_model import find_current_model
from assets.store.ledger import Heads
from assets.store.mlflow_tracking import RUN_FILE, VERSION_FILE, alias_of, registered_name
from pipelines.lineage.ledger_graph import MODEL_ASSETS, Row, label, partition
from pipelines.model_registry import open_registry, registered_versions_of
from pipelines.repair.current_rows import current_rows
from pipelines.repair.flaw import Flaw

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True, kw_only=True)
class _Registry:
    """MLflow's registry: a client, and (model name, version) -> hash of its weights, oldest version first."""

    client: MlflowClient
    weights: dict[tuple[str, str], str]

    def has_run(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return str(self.client.get_run(run_id).info.lifecycle_stage) == "active"
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def version_at(self, name: str, alias: str) -> str | None:
        from mlflow.exceptions import MlflowException

        try:
            return str(self.client.get_model_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def find_unregistered(project: Project, heads: Heads, busy: Collection[str] = ()) -> Iterator[Flaw]:
    """Models of the ledger that MLflow lacks, in whole or in part.

    Args:
        heads: latest ledger row of each partition.
        busy: datasets on which a run is working, which are skipped.
    """
    rows = [
        (row, folder)
        for row in current_rows(project, heads, busy)
        if row["asset"] in MODEL_ASSETS and row["mlflow_run_id"]
        if (folder := _folder(project, row)) is not None
    ]
    if not rows:
        return
    client = open_registry(project)
    registry = None
    if client is not None:
        found = sorted(registered_versions_of(client), key=lambda version: int(version.version))
        weights = {(one.name, str(one.version)): one.tags.get("weights_sha256", "") for one in found}
        registry = _Registry(client=client, weights=weights)
    for row, folder in rows:
        yield from _flaws_of(registry, row, folder)


def _folder(project: Project, row: Row) -> Path | None:
    """Folder of the row's model; None without a result or with another model, which ``outputs`` reports."""
    folder = find_current_model(project.home.model(row["asset"], row["dataset"], row["method"]))
    if folder is None:
        return None
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return folder if result.get("weights_sha256") == row["data_version"] else None


def _flaws_of(registry: _Registry | None, row: Row, folder: Path) -> Iterator[Flaw]:
    name, alias = registered_name(row["asset"]), alias_of(row["dataset"], row["method"])
    if registry is None or not registry.has_run(row["mlflow_run_id"]):
        run = row["mlflow_run_id"][:8]
        yield _lost(
            row, f"the ledger names MLflow run {run}, which MLflow lacks", folder, RUN_FILE, VERSION_FILE
        )
        return
    versions = [
        version
        for (model, version), weights in registry.weights.items()
        if (model, weights) == (name, row["data_version"])
    ]
    if not versions:
        text = f"the ledger has model {row['data_version'][:12]}, which MLflow's registry lacks"
        yield _lost(row, text, folder, VERSION_FILE)
        return
    pointed = registry.version_at(name, alias)
    if pointed not in versions:
        at = f"version {pointed}" if pointed else "nothing"
        yield Flaw(
            kind="mlflow_differs",
            text=f"{label(row)}: the alias {alias} of {name} points at {at}; its model is version {versions[-1]}",
            remedy="pointed at it",
            mend=partial(registry.client.set_registered_model_alias, name, alias, versions[-1]),
        )


def _lost(row: Row, text: str, folder: Path, *names: str) -> Flaw:
    def forget() -> None:
        for name in names:
            (folder / name).unlink(missing_ok=True)

    return Flaw(
        kind="mlflow_differs",
        text=f"{label(row)}: {text}",
        remedy="to be registered again from the stored training",
        mend=forget,
        remake=(partition(row),),
    )
