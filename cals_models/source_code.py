"""A fingerprint of source code: a digest of each top-level definition in the modules that some roots import.

Comments, docstrings, formatting and the order of imports do not count. The canonical form omits what differs between the
syntax trees of Python 3.11, 3.12 and 3.13, so that a fingerprint is the same on each of them, and on the machine that
trained a model as on the one that imports it.
"""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("assets", "cals_models", "pipelines")
# Modules that decide how a training is requested and reported, not its result.
INFRASTRUCTURE = frozenset(
    {
        "cals_models.config.audio_to_lip",
        "cals_models.config.bounds",
        "cals_models.config.declared",
        "cals_models.config.generator",
        "cals_models.config.lip_motion_units",
        "cals_models.config.lse_evaluator",
        "cals_models.config.profiles",
        "cals_models.config.settings",
        "cals_models.config.stages",
        "cals_models.config.sync_encoder",
        "cals_models.config.training",
        "cals_models.source_code",
        "cals_models.training.__main__",
        "cals_models.training.progress_bar",
    }
)


def module_path(module: str) -> Path | None:
    """Source file of a project module; None if there is no module of that name."""
    base = PROJECT_ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _tree(path: Path, size: int, mtime_ns: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def parse(module: str) -> ast.Module:
    """Syntax tree of a project module, parsed once as long as its file does not change.

    Raises:
        ValueError: no such module.
    """
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
        else:  # imports are statements, so expressions, most of a tree, are not walked
            for block in ("body", "orelse", "finalbody", "handlers", "cases"):
                statements = getattr(node, block, ())
                waiting += statements if isinstance(statements, list) else ()


@cache
def _imports_of(module: str, path: Path, size: int, mtime_ns: int) -> tuple[str, ...]:
    """Modules of the project that a module imports."""
    own = (name for name in _imported(parse(module)) if name.split(".")[0] in PACKAGES)
    return tuple(name for name in dict.fromkeys(own) if module_path(name) is not None)


def closure(roots: Collection[str], without: Collection[str] = INFRASTRUCTURE) -> list[str]:
    """Modules of the project that the roots import, directly or not, sorted.

    Args:
        roots: dotted names; they belong to the result.
        without: modules to omit, together with what only they import.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module in found or module in without or module.split(".")[0] not in PACKAGES:
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


def definitions_of(roots: Collection[str], without: Collection[str] = INFRASTRUCTURE) -> dict[str, str]:
    """``module.name`` -> digest of that top-level definition, for all modules that the roots import.

    Raises:
        ValueError: a root does not exist.
    """
    definitions: dict[str, str] = {}
    for root in roots:
        parse(root)
    for module in closure(roots, without):
        path = module_path(module)
        assert path is not None
        stat = path.stat()
        definitions |= _definitions(module, path, stat.st_size, stat.st_mtime_ns)
    return definitions
