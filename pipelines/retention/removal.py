"""One removal of ``cals gc``, and the check that protects raw data and everything outside the home."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assets.project.home import Home
from assets.project.settings import Project


class RemovalForbidden(RuntimeError):
    """The plan holds a path that must not be removed: an error of this program, not of the user."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One thing to remove.

    Args:
        kind: ``left_over_file``, ``gone_dataset``, ``old_model``, ``unfinished_training``, ``old_code``,
            ``old_contents``, ``old_version``, ``old_render`` or ``forgotten``.
        name: a path relative to the home, or a Dagster run.
        why: why nothing needs it.
        num_bytes: size on disk; 0 if it is not a file.
        path: file or folder; None if ``act`` removes it.
        act: removes what is not a file.
    """

    kind: str
    name: str
    why: str
    num_bytes: int = 0
    path: Path | None = None
    act: Callable[[], object] | None = None

    def as_json(self) -> dict[str, object]:
        return {"kind": self.kind, "name": self.name, "why": self.why, "bytes": self.num_bytes}


def of_path(project: Project, path: Path, kind: str, why: str) -> Removal:
    """Removal of a file or folder of the home."""
    name = path.relative_to(project.home.root).as_posix()
    return Removal(kind=kind, name=name, why=why, num_bytes=size_of(path), path=path)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size if path.exists() else 0
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())


def files_of(removal: Removal) -> list[Path]:
    """The files that a removal takes away."""
    path = removal.path
    if path is None or path.is_symlink() or not path.is_dir():
        return [path] if path is not None else []
    return [file for file in path.rglob("*") if not file.is_dir()]


def remove(project: Project, removal: Removal) -> None:
    """Carries out a removal.

    Raises:
        RemovalForbidden: the path is outside the home, or contains or is part of raw data.
    """
    if removal.act is not None:
        removal.act()
    if removal.path is None:
        return
    check_removable(project, removal.path)
    if removal.path.is_dir() and not removal.path.is_symlink():
        shutil.rmtree(removal.path)
    else:
        removal.path.unlink(missing_ok=True)


def check_removable(project: Project, path: Path) -> None:
    """Raises ``RemovalForbidden`` for raw data and for paths outside the home."""
    home, real = project.home.root.resolve(), path.parent.resolve() / path.name
    if not real.is_relative_to(home) or real == home:
        raise RemovalForbidden(f"{path}: is not below {home}; nothing outside it is removed")
    raw = [dataset.root.resolve() for dataset in project.datasets.values()] + [Home(home).sample_corpus]
    for root in raw:
        if real.is_relative_to(root) or root.is_relative_to(real):
            raise RemovalForbidden(
                f"{path}: holds or belongs to the raw data in {root}; raw data is never removed"
            )
