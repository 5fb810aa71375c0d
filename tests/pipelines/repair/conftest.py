"""A home after one run, and a Dagster instance beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from assets.project.atomic_files import write_text
from assets.project.settings import Project
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


@pytest.fixture(scope="module")
def dagster_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture(scope="module")
def instance(dagster_folder: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(dagster_folder)) as made:
        made.add_dynamic_partitions("dataset", [DATASET])
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One run's outputs, with a database published after them; bucket files are not part of it."""
    made = make_project(tmp_path)
    SyntheticRun(made, "first").make_all()
    write_text(made.home.database, "published")
    return made
