"""Code and files that are named by strings instead of imported, in forms that fingerprints follow.

A string ``module:name`` counts as a reference wherever it stands. Of the entries of `Choices` and `ByStage` only those
count that a partition or a stage uses. Files are named by `PackageFile` and `project_folder`, with literal arguments.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Choices(dict[str, str]):
    """A table, name -> ``module:name`` (or module), of which each partition uses the entry that it chooses.

    For a stage that declares the choice (``assets.project.graph``) the chosen entry alone counts, as the partition's source
    ``code/<stage>``, so that a new entry makes nothing stale. For any other code all entries count.
    """


class ByStage(dict[str, str]):
    """A table, stage -> ``module:name`` (or module): in a stage's code version its own entry counts, and no other."""


def load(reference: str) -> Any:
    """What ``module:name``, or ``module``, names; imports the module."""
    module, _, name = reference.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, name) if name else loaded


@dataclass(frozen=True)
class PackageFile:
    """A file that an installed package ships, such as weights: its digest is part of the code that names it.

    Args:
        package: as it is imported; it is found without being imported.
        path: of the file in that package.
    """

    package: str
    path: str

    def place(self) -> Path | None:
        """Where the file is to be; None where the package is missing."""
        spec = importlib.util.find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        return Path(folders[0]) / self.path if folders else None

    def find(self) -> Path | None:
        """The file's path; None where the package or the file is missing."""
        path = self.place()
        return path if path is not None and path.is_file() else None


def project_folder(path: str, *parts: str) -> Path:
    """A folder of text files of the project: the files in it, or in these parts of it, count as the code that names it."""
    return PROJECT_ROOT / path
