"""MLflow's model registry, where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assets.project.settings import Project
from assets.store.mlflow_tracking import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def open_registry(project: Project) -> MlflowClient | None:
    """A client of the project's MLflow; None where nothing was tracked yet, so that reading creates no database."""
    if not (project.home.mlflow / "mlflow.db").exists() and "MLFLOW_TRACKING_URI" not in os.environ:
        return None
    return Tracking(project.home.mlflow).client()


def registered_versions_of(client: MlflowClient) -> Iterator[ModelVersion]:
    """Every model version in the registry."""
    token = None
    while True:
        page = client.search_model_versions(page_token=token)
        yield from page
        token = page.token
        if not token:
            return
