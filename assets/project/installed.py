"""What is installed here: versions of libraries, digests of files that packages ship, Python and the platform."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Collection
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from assets.project.code_cache import remembered
from cals_models.references import PackageFile

NOT_INSTALLED = "not installed"


@cache
def installed_version(distribution: str) -> str:
    """The installed version of a distribution."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return NOT_INSTALLED


def library_versions(modules: Collection[str]) -> dict[str, str]:
    """Distribution -> installed version, of those that provide some top-level modules.

    A module that no distribution provides stands for itself.
    """
    provided = remembered("distributions", _installed_state(), _distributions)
    found = {name for module in modules for name in provided.get(module, (module,))}
    if any(installed_version(name) == NOT_INSTALLED for name in found):
        provided = _distributions()  # a package was exchanged for another one of the same module
        found = {name for module in modules for name in provided.get(module, (module,))}
    return {name: installed_version(name) for name in sorted(found)}


def _distributions() -> dict[str, list[str]]:
    """Top-level module -> distributions that installed a file of it.

    ``packages_distributions`` trusts ``top_level.txt``, which leaves modules out, and reads all metadata.
    """
    found: dict[str, set[str]] = {}
    for folder in _package_folders():
        for record in sorted(folder.glob("*.dist-info/RECORD")):
            name = re.sub(r"[-_.]+", "-", record.parent.name.partition("-")[0]).lower()
            for line in record.read_text(encoding="utf-8").splitlines():
                path, _, _ = line.partition(",")
                if path.endswith((".py", ".so", ".pyd")):
                    found.setdefault(path.partition("/")[0].partition(".")[0], set()).add(name)
    return {module: sorted(names) for module, names in sorted(found.items())}


def _package_folders() -> list[Path]:
    return [Path(name) for name in sys.path if "-packages" in name and Path(name).is_dir()]


def _installed_state() -> str:
    """Changes when a package is installed, upgraded or removed: each has a folder of its own beside the modules."""
    return " ".join(f"{folder} {folder.stat().st_mtime_ns}" for folder in _package_folders())


def package_file_digests(files: Collection[tuple[str, str]]) -> dict[str, str]:
    """``package/path`` -> digest, of files that packages ship; known ones are read again only when size or time changed."""
    return {f"{package}/{path}": _package_file_digest(PackageFile(package, path)) for package, path in files}


def _package_file_digest(file: PackageFile) -> str:
    path = file.find()
    if path is None:
        return "missing"
    status = path.stat()

    def digest() -> str:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:16]

    return remembered(f"file {path}", f"{status.st_size} {status.st_mtime_ns}", digest)


def platform_versions() -> dict[str, str]:
    """Python and the platform, as the ledger records them beside libraries."""
    return {"python": platform.python_version(), "platform": platform.platform()}
