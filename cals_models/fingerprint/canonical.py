"""The canonical text of code: what a program says, without comments, docstrings, formatting and names of modules.

It omits what differs between the syntax trees of Python 3.11, 3.12 and 3.13.
"""

from __future__ import annotations

import ast
import hashlib
import re

from cals_models.fingerprint.rooms import PACKAGES

REFERENCE = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+:\w+")
"""A definition named by a string, ``module:name``."""

_OMITTED = ("ctx", "kind", "type_comment", "type_params")
_WITH_DOCSTRING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
_SQL_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\s+", re.S)


def canonical(node: object) -> str:
    """The canonical text of a syntax tree."""
    if isinstance(node, ast.AST):
        if isinstance(node, ast.Import | ast.ImportFrom):  # what they name is resolved, wherever it lies
            return f"(import {' '.join(sorted(alias.asname or alias.name for alias in node.names))})"
        parts = [type(node).__name__]
        for name, value in ast.iter_fields(node):
            if name in _OMITTED or value is None or value == []:
                continue
            if name == "body" and isinstance(node, _WITH_DOCSTRING):
                value = without_docstrings(value)
            parts.append(f"{name}={canonical(value)}")
        return f"({' '.join(parts)})"
    if isinstance(node, list):
        return f"[{' '.join(canonical(item) for item in node)}]"
    if isinstance(node, str) and REFERENCE.fullmatch(node):
        return f"ref:{node.partition(':')[2]}"
    return ascii(node)


def without_docstrings(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements without those that are only a text: docstrings, also those below an attribute."""
    return [statement for statement in body if not _is_text(statement)]


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def canonical_sql(text: str) -> str:
    """SQL without comments; white space counts as one blank, and in quotes as it is."""
    parts: list[str] = []
    end = 0
    for match in _SQL_TOKEN.finditer(text):
        parts += [text[end : match.start()]] if match.start() > end else []
        if match[0][0] in "'\"":
            parts.append(match[0])
        elif parts and parts[-1] != " ":
            parts.append(" ")
        end = match.end()
    return "".join([*parts, text[end:]]).strip()


def digest(*lines: str) -> str:
    """32 hex digits over some texts."""
    return hashlib.sha256("\0".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:32]
