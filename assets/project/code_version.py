"""Code versions: a fingerprint of the code that a stage reaches, its libraries, and files that packages ship."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from assets.project.code_cache import remembered
from assets.project.installed import library_versions, package_file_digests
from cals_models.fingerprint.closure import Scope
from cals_models.fingerprint.fingerprint import Fingerprint, fingerprint, sources
from cals_models.fingerprint.source_tree import SourceTree
from cals_models.references import PROJECT_ROOT as PROJECT_ROOT

ANY_STAGE = Scope(every_stage=True)
SOURCE_FOLDERS = ("assets", "cals_models", "pipelines", "sql")


@dataclass(frozen=True)
class CodeVersion:
    """Fingerprint of a stage.

    Args:
        digest: 16 hex digits over all that the code says, its libraries and the files of packages.
        definitions: ``module.name``, or the path of a file -> digest of that definition or file itself.
        libraries: distribution -> installed version, of those that the code imports.
    """

    digest: str
    definitions: Mapping[str, str]
    libraries: Mapping[str, str]

    def changed_since(self, definitions: Mapping[str, str], libraries: Mapping[str, str]) -> list[str]:
        """Differences from an earlier fingerprint, such as ``assets.mels.mel.log_mel changed`` or ``torch 2.11 -> 2.12``."""
        words = [f"{name} {verb}" for name, verb in self.changed_definitions(definitions).items()]
        for name in sorted({*self.libraries, *libraries}):
            old, new = libraries.get(name, "none"), self.libraries.get(name, "none")
            if old != new:
                words.append(f"{name} {old} -> {new}")
        return words

    def changed_definitions(self, before: Mapping[str, str]) -> dict[str, str]:
        """Name -> ``changed``, ``new`` or ``removed``; a definition that only moved is not among them."""
        gone = {name: of for name, of in before.items() if name not in self.definitions}
        new = {name: of for name, of in self.definitions.items() if name not in before}
        moved = {(_own_name(n), of) for n, of in gone.items()} & {(_own_name(n), of) for n, of in new.items()}
        verbs = {name: "removed" for name, of in gone.items() if (_own_name(name), of) not in moved}
        verbs |= {name: "new" for name, of in new.items() if (_own_name(name), of) not in moved}
        verbs |= {name: "changed" for name, of in self.definitions.items() if before.get(name, of) != of}
        return dict(sorted(verbs.items()))


def _own_name(label: str) -> str:
    return label.rpartition(".")[2]


def code_version(references: Collection[str], scope: Scope = ANY_STAGE) -> CodeVersion:
    """The fingerprint of the code that starts at some definitions.

    Args:
        references: ``module:name``, or ``module`` for all of it.
        scope: which entries of tables count; all by default.

    Raises:
        ValueError: a reference names no module of the project.
    """
    found = project_fingerprint(tuple(references), scope)
    libraries = library_versions(found.modules)
    files = package_file_digests(found.package_files)
    lines = [found.digest, *(f"{k}={v}" for k, v in sorted({**libraries, **files}.items()))]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return CodeVersion(digest=digest, definitions={**found.definitions, **files}, libraries=libraries)


def project_fingerprint(references: tuple[str, ...], scope: Scope) -> Fingerprint:
    """The fingerprint of code of this project as it is on disk; from the last one where no file changed."""
    tables = ",".join(sorted(scope.chosen_elsewhere))
    subject = f"code {scope.stage} {scope.every_stage} {tables} {' '.join(references)}"

    def find_out() -> dict[str, Any]:
        return fingerprint(_tree(source_state()), references, scope).as_plain()

    return Fingerprint.from_plain(remembered(subject, source_state(), find_out))


@cache
def source_state() -> str:
    """Digest over every source file, by content; once a process, since its code is loaded once."""
    return _read_state()


def _read_state() -> str:
    state = hashlib.sha256()
    for folder in SOURCE_FOLDERS:
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            if path.suffix != ".pyc" and path.is_file():
                state.update(path.relative_to(PROJECT_ROOT).as_posix().encode() + b"\0")
                state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


@cache
def _tree(state: str) -> SourceTree:
    return SourceTree(PROJECT_ROOT)


def source_texts(code: CodeVersion, names: Collection[str] | None = None) -> dict[str, str]:
    """Name -> source, of definitions and files of a code version of this project, all by default.

    Nothing where a file was edited since this process took its fingerprints.
    """
    if _read_state() != source_state():
        return {}
    wanted = code.definitions if names is None else [name for name in names if name in code.definitions]
    return sources(_tree(source_state()), wanted)
