"""Code versions by themselves: a fingerprint of a stage's own source closure within the project.

Comments, docstrings, formatting and the order of imports do not count. The canonical form leaves out what
differs between the syntax trees of Python 3.11, 3.12 and 3.13, so that a fingerprint travels between them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("assets", "cals_models", "pipelines")
# How work is run and where it is put, not what comes out of it.
INFRASTRUCTURE = frozenset({
    "assets.buckets",
    "assets.clip_pool",
    "assets.graph",
    "assets.home",
    "assets.ledger",
    "assets.observed_source",
    "assets.partitions",
    "assets.progress",
    "assets.rejection",
    "assets.rejections",
    "assets.resources",
    "assets.settings",
    "assets.stage_asset",
    "assets.tables",
    "assets.sources",
    "assets.stage_run",
    "assets.tracking",
    "assets.trained_model",
    "assets.training_process",
    "assets.versions",
    "assets.warehouse",
    "cals_models.config",
    "cals_models.training.__main__",
})  # fmt: skip


@dataclass(frozen=True)
class CodeVersion:
    """Fingerprint of a stage.

    Args:
        digest: 16 hex digits over definitions and libraries.
        definitions: ``module.name`` -> digest of that top-level definition.
        libraries: distribution -> installed version, of those that decide the stage's output.
    """

    digest: str
    definitions: dict[str, str]
    libraries: dict[str, str]

    def changed_since(self, definitions: dict[str, str], libraries: dict[str, str]) -> list[str]:
        """What differs from an earlier fingerprint, in words."""
        words = []
        for name in sorted({*self.definitions, *definitions}):
            if self.definitions.get(name) != definitions.get(name):
                verb = (
                    "removed"
                    if name not in self.definitions
                    else "new"
                    if name not in definitions
                    else "changed"
                )
                words.append(f"{name} {verb}")
        for name in sorted({*self.libraries, *libraries}):
            old, new = libraries.get(name, "none"), self.libraries.get(name, "none")
            if old != new:
                words.append(f"{name} {old} -> {new}")
        return words


def module_path(module: str) -> Path | None:
    """Source file of a project module, or None when there is none of that name."""
    base = PROJECT_ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _tree(path: Path, size: int, mtime_ns: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _parse(module: str) -> ast.Module:
    path = module_path(module)
    if path is None:
        raise ValueError(f"no module {module} under {PROJECT_ROOT}; a stage's source roots must exist")
    stat = path.stat()
    return _tree(path, stat.st_size, stat.st_mtime_ns)


def _imported(tree: ast.Module) -> Iterator[str]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:  # imports are statements: expressions, most of a tree, need no look
            for block in ("body", "orelse", "finalbody", "handlers", "cases"):
                held = getattr(node, block, ())
                waiting += held if isinstance(held, list) else ()


@cache
def _imports_of(module: str, path: Path, size: int, mtime_ns: int) -> tuple[str, ...]:
    """Modules of the project that a module names in its imports; some of them are names in modules."""
    own = (name for name in _imported(_parse(module)) if name.split(".")[0] in PACKAGES)
    return tuple(name for name in dict.fromkeys(own) if module_path(name) is not None)


def closure(roots: tuple[str, ...]) -> list[str]:
    """Modules of the project that the roots import, directly or not, without the infrastructure."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module in found or module in INFRASTRUCTURE or module.split(".")[0] not in PACKAGES:
            continue
        path = module_path(module)
        if path is None:
            continue
        found.add(module)
        stat = path.stat()
        waiting.extend(_imports_of(module, path, stat.st_size, stat.st_mtime_ns))
    return sorted(found)


def _canonical(node: object) -> str:
    if isinstance(node, ast.AST):
        parts = [type(node).__name__]
        for name, value in ast.iter_fields(node):
            if name in ("ctx", "kind", "type_comment", "type_params") or value is None or value == []:
                continue
            if (
                name == "body"
                and isinstance(value, list)
                and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
            ):
                value = _without_docstring(value)
            parts.append(f"{name}={_canonical(value)}")
        return f"({' '.join(parts)})"
    if isinstance(node, list):
        return f"[{' '.join(_canonical(item) for item in node)}]"
    return repr(node)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:]
    return body


def _name_of(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    return "<module>"


@cache
def _definitions(module: str, path: Path, size: int, mtime_ns: int) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    imports = []
    for statement in _without_docstring(_tree(path, size, mtime_ns).body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            origin = getattr(statement, "module", "")
            if origin != "__future__":
                imports += [f"{origin}:{alias.name}:{alias.asname}" for alias in statement.names]
        else:
            texts.setdefault(_name_of(statement), []).append(_canonical(statement))
    texts["<imports>"] = sorted(imports)
    return {
        f"{module}.{name}": hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        for name, parts in texts.items()
        if parts
    }


def installed_version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def code_version(
    roots: tuple[str, ...], libraries: tuple[str, ...], texts: tuple[str, ...] = ()
) -> CodeVersion:
    """The fingerprint of the code that starts at ``roots``.

    Args:
        roots: modules in which the stage's work starts, e.g. ``("assets.mels.mels",)``.
        libraries: distributions whose version decides the output.
        texts: globs of files that are not Python and decide the output too, e.g. ``("sql/**/*.sql",)``.

    Raises:
        ValueError: a root does not exist.
    """
    definitions: dict[str, str] = {}
    for root in roots:
        _parse(root)
    for module in closure(roots):
        path = module_path(module)
        assert path is not None
        stat = path.stat()
        definitions |= _definitions(module, path, stat.st_size, stat.st_mtime_ns)
    for path in sorted(path for glob in texts for path in PROJECT_ROOT.glob(glob)):
        definitions[str(path.relative_to(PROJECT_ROOT))] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    versions = {name: installed_version(name) for name in libraries}
    lines = [f"{k}={v}" for k, v in sorted({**definitions, **versions}.items())]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return CodeVersion(digest=digest, definitions=definitions, libraries=versions)
