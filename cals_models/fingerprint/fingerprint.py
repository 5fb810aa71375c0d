"""The fingerprint of some code: a digest, and what it consists of, so that a change can be named and shown."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cals_models.fingerprint.canonical import canonical_sql, digest
from cals_models.fingerprint.closure import Closure, Scope, closure, own_text, source_of
from cals_models.fingerprint.rooms import is_project
from cals_models.fingerprint.source_tree import WHOLE, Definition, Outside, SourceTree


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Fingerprint of the code that some roots reach. Libraries and files of packages are named, not yet looked up.

    Args:
        digest: 32 hex digits over the definitions and project files, wherever they lie.
        definitions: ``module.name`` of a definition, or path of a project file -> digest of itself.
        modules: top-level modules of libraries that the code imports.
        package_files: package and path of files that installed packages ship.
        tables: `Choices` that the code reads and of which no entry was followed.
    """

    digest: str
    definitions: Mapping[str, str]
    modules: tuple[str, ...] = ()
    package_files: tuple[tuple[str, str], ...] = ()
    tables: tuple[str, ...] = ()

    def as_plain(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Fingerprint:
        files = tuple((package, path) for package, path in plain["package_files"])
        return Fingerprint(
            digest=plain["digest"],
            definitions=plain["definitions"],
            modules=tuple(plain["modules"]),
            package_files=files,
            tables=tuple(plain["tables"]),
        )


def fingerprint(tree: SourceTree, references: Collection[str], scope: Scope) -> Fingerprint:
    """The fingerprint of the code that starts at some definitions.

    Args:
        references: ``module:name``, or ``module`` for all of it.
        scope: which entries of tables count.

    Raises:
        ValueError: a reference names no module of the project.
    """
    roots = [t for text in references for t in tree.reference(text) if isinstance(t, Definition)]
    found = closure(tree, roots, scope)
    files = _project_files(tree, found)
    lines = sorted(
        [*(found.digests[root] for root in roots), *(f"{name} {of}" for name, of in files.items())]
    )
    packages = {arguments for form, arguments in found.files if form == "PackageFile"}
    return Fingerprint(
        digest=digest(*lines),
        definitions=_own_digests(tree, found) | files,
        modules=tuple(sorted(_libraries(found.outside) | {arguments[0] for arguments in packages})),
        package_files=tuple(sorted((arguments[0], arguments[1]) for arguments in packages)),
        tables=tuple(sorted(found.tables)),
    )


def sources(tree: SourceTree, names: Collection[str]) -> dict[str, str]:
    """The source of definitions, or the text of project files, by their names in a fingerprint; of those that exist."""
    texts: dict[str, str] = {}
    for name in names:
        module, _, own = name.rpartition(".")
        path = tree.root / name
        if "/" in name:
            texts |= {name: path.read_text(encoding="utf-8", errors="replace")} if path.is_file() else {}
        elif tree.module(module) is not None:
            definition = Definition(module, own)
            if tree.has(definition):
                texts[name] = source_of(tree, definition)
    return texts


def _own_digests(tree: SourceTree, found: Closure) -> dict[str, str]:
    """Digest of each definition itself, with the names, but not the contents, of what it refers to."""
    labels: dict[str, list[str]] = {}
    for definition, edges in found.edges.items():
        if definition.name == WHOLE:
            continue
        names = sorted({f"{words}={target.name}" for words, target in edges if not _is_effect(words)})
        labels.setdefault(definition.label, []).append(digest(own_text(tree, definition), *names))
    return {label: digest(*sorted(some))[:16] for label, some in sorted(labels.items())}


def _is_effect(words: str) -> bool:
    return words == "<module>"


def _libraries(outside: Collection[str]) -> set[str]:
    tops = {Outside(name).name.partition(".")[0] for name in outside if name.replace(".", "").isidentifier()}
    return {top for top in tops if not is_project(top) and top not in sys.stdlib_module_names}


def _project_files(tree: SourceTree, found: Closure) -> dict[str, str]:
    digests = {}
    for form, arguments in sorted(found.files):
        if form == "project_folder":
            folder, *parts = arguments
            folders = [tree.root / folder / part for part in parts or [""]]
            for path in sorted(path for place in folders for path in place.rglob("*") if path.is_file()):
                if "__pycache__" not in path.parts and path.suffix != ".py":
                    digests[path.relative_to(tree.root).as_posix()] = _file_digest(path)
    return digests


def _file_digest(path: Path) -> str:
    if path.suffix == ".sql":
        return digest(canonical_sql(path.read_text(encoding="utf-8")))[:16]
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
