"""The raw files of a dataset as they are now."""

from __future__ import annotations

from pathlib import Path

from assets.project.settings import Project, SettingsError
from assets.raw_videos.layouts.registry import reads
from assets.raw_videos.scan import Scan, scan
from assets.store.withdrawals import version_without_forgotten


def scan_dataset(project: Project, name: str) -> Scan:
    """Hashes the files that a dataset's layout reads; those known by (path, size, mtime) are not read again.

    Raises:
        SettingsError: the root does not exist or is not a folder.
    """
    dataset = project.dataset(name)
    cache = project.home.stage("raw_videos", name) / "scan.parquet"
    try:
        return scan(dataset.root, reads(dataset.layout), cache)
    except (FileNotFoundError, NotADirectoryError) as error:
        nearest = _nearest_folder(dataset.root)
        raise SettingsError(
            f"{project.config_path}: datasets.{name}.root: {dataset.root} is not a folder "
            f"(the nearest that exists is {nearest}); correct root, or make the folder available"
        ) from error


def raw_files_version(project: Project, dataset: str) -> str:
    """Data version of the observed source ``raw_videos``: digest over (relative path, content hash), less withdrawals.

    Raises:
        SettingsError: the root does not exist or is not a folder.
    """
    found = scan_dataset(project, dataset)
    return version_without_forgotten(project.home, found.digest, found.table["sha256"])


def _nearest_folder(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.exists())
