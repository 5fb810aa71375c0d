"""A home after one run, and a Dagster instance beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.project.settings import Project
from assets.store import ledger
from assets.store.file_digests import FileDigests
from assets.store.published_file import close_to_writers, parts_digest, record_published
from tests.support.lineage_home import DATASET, SyntheticRun, make_project


@pytest.fixture(scope="module")
def dagster_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dagster")


@pytest.fixture(scope="module")
def instance(dagster_folder: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(dagster_folder)) as made:
        made.add_dynamic_partitions("dataset", [DATASET])
        yield made


def publish_by_name(home: Home) -> None:
    """A file in the database's place, on record as what was published from the present parts."""
    write_text(home.database, "published")
    close_to_writers(home.database)
    record_published(home, parts_digest(home, FileDigests(root=home.root)), ledger.tips(home))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One run's outputs, with a database published after them; bucket files are not part of it."""
    made = make_project(tmp_path)
    SyntheticRun(made, "first").make_all()
    publish_by_name(made.home)
    return made


@pytest.fixture
def recorded(tmp_path: Path) -> Project:
    """The same, with rows that name the digests of their files."""
    made = make_project(tmp_path)
    SyntheticRun(made, "first", records_files=True).make_all()
    publish_by_name(made.home)
    return made
