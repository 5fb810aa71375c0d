"""Mutants of a module's source: one statement of one definition changed so that it says something else."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator


def statements_of(tree: ast.Module, name: str) -> list[ast.stmt]:
    """All statements of a top-level definition that a mutant can change, those inside others too."""
    own = [node for node in tree.body if name in _names(node)]
    inner = [node for top in own for node in ast.walk(top) if isinstance(node, ast.stmt)]
    return [
        node
        for node in inner
        if not _is_text(node) and not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)
    ]


def mutant(text: str, name: str, number: int, rng: random.Random) -> str:
    """The source with one statement of a definition mutated.

    Args:
        number: of the statement, as `statements_of` lists them.
        rng: chooses among the ways in which this statement can change.
    """
    tree = ast.parse(text)
    target = statements_of(tree, name)[number]
    ways = [way for way in (_constant, _operator, _condition, _result, _call) if way(copy.deepcopy(target))]
    if ways:
        assert rng.choice(ways)(target)
    else:
        _repeat(tree, target)
    return ast.unparse(ast.fix_missing_locations(tree))


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [
        part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)
    ]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _own(node: ast.stmt) -> Iterator[ast.expr]:
    """Expressions of a statement itself, without those of statements inside it and without annotations."""
    waiting: list[ast.AST] = [
        child
        for field, value in ast.iter_fields(node)
        if field
        not in ("body", "orelse", "finalbody", "handlers", "annotation", "args", "returns", "decorator_list")
        for child in (value if isinstance(value, list) else [value])
        if isinstance(child, ast.AST)
    ]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ast.JoinedStr):  # its parts are texts
            continue
        if isinstance(current, ast.expr):
            yield current
        waiting += [child for child in ast.iter_child_nodes(current) if not isinstance(child, ast.stmt)]


def _constant(node: ast.stmt) -> bool:
    for part in _own(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, bool | int | float | str):
            value = part.value
            part.value = (
                not value if isinstance(value, bool) else value + ("x" if isinstance(value, str) else 1)
            )
            return True
    return False


def _operator(node: ast.stmt) -> bool:
    for part in _own(node):
        if isinstance(part, ast.BinOp):
            part.op = ast.Sub() if isinstance(part.op, ast.Add) else ast.Add()
            return True
        if isinstance(part, ast.Compare):
            part.ops[0] = ast.NotEq() if isinstance(part.ops[0], ast.Eq) else ast.Eq()
            return True
    return False


def _condition(node: ast.stmt) -> bool:
    if isinstance(node, ast.If | ast.While | ast.Assert):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return True
    return False


def _result(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return) and node.value is not None:
        node.value = ast.Tuple([node.value], ast.Load())
        return True
    return False


def _call(node: ast.stmt) -> bool:
    for part in _own(node):
        if isinstance(part, ast.Call) and (part.args or part.keywords):
            part.args, part.keywords = (
                part.args[:-1] if part.args else [],
                part.keywords[:-1] if not part.args else part.keywords,
            )
            return True
    return False


def _repeat(tree: ast.Module, target: ast.stmt) -> None:
    """Does a statement twice: a definition gets one more statement at its end."""
    body = getattr(target, "body", None)
    extra = ast.Expr(ast.Call(ast.Name("print", ast.Load()), [], []))
    if isinstance(body, list):
        body.append(extra)
        return
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and any(child is target for child in block):
                block.insert(next(i for i, child in enumerate(block) if child is target) + 1, extra)
                return
