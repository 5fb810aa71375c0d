"""What a piece of code names, and when: now, or later when a function is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from cals_models.fingerprint.canonical import REFERENCE

Chain = tuple[str, ...]
"""A dotted name as it is written: ``np.random.default_rng`` in parts."""

TABLE_FORMS = ("Choices", "ByStage")
"""Forms of a literal table of references (`cals_models.references`)."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Imported:
    """What an import binds to a name.

    Args:
        module: absolute dotted name.
        name: in that module; None for the module itself.
        for_types: the import stands under ``if TYPE_CHECKING``, so that nothing is loaded.
    """

    module: str
    name: str | None
    for_types: bool = False


@dataclass
class Mentions:
    """What a statement names.

    Args:
        chains: dotted names -> whether they are only read later, when a function is called.
        strings: references of the form ``module:name``.
        calls: calls whose arguments are all literal texts.
        tables: literal tables of references inside it; their strings are not among `strings`.
        imports: imports inside it, by the name that they bind.
        calls_at_import: something is called when the module is imported.
    """

    chains: dict[Chain, bool] = field(default_factory=dict)
    strings: set[str] = field(default_factory=set)
    calls: set[tuple[Chain, tuple[str, ...]]] = field(default_factory=set)
    tables: list[ast.Call] = field(default_factory=list)
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    calls_at_import: bool = False


def bound_by(
    node: ast.Import | ast.ImportFrom, module: str, is_package: bool, for_types: bool = False
) -> Iterator[tuple[str, Imported]]:
    """The names that an import binds, with what they name; relative imports are resolved."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield bound, Imported(alias.name if alias.asname else bound, None, for_types)
            if not alias.asname and bound != alias.name:  # the parts below are loaded too
                yield bound, Imported(alias.name, None, for_types)
        return
    origin = node.module or ""
    if node.level:
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + is_package]
        origin = ".".join([*parts, origin] if origin else parts)
    if origin != "__future__":
        for alias in node.names:
            yield alias.asname or alias.name, Imported(origin, alias.name, for_types)


class Visitor:
    """Notes which names a statement reads, and when."""

    def __init__(self, found: Mentions, module: str, is_package: bool) -> None:
        self.found = found
        self.module, self.is_package = module, is_package

    def visit(self, node: ast.AST, *, deferred: bool) -> None:
        if (chain := chain_of(node)) is not None:
            self.found.chains[chain] = self.found.chains.get(chain, True) and deferred
        elif isinstance(node, _FUNCTIONS):
            self._visit_function(node, deferred)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, imported in bound_by(node, self.module, self.is_package):
                self.found.imports.setdefault(name, []).append(imported)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and REFERENCE.fullmatch(node.value):
                self.found.strings.add(node.value)
        elif isinstance(node, ast.Call) and is_table(node):
            self._note_call(node, deferred)
            self.found.tables.append(node)
            self.visit(node.func, deferred=deferred)
        else:
            if isinstance(node, ast.Call):
                self._note_call(node, deferred)
            if isinstance(node, ast.AnnAssign):
                self._visit_annotation(node.annotation, deferred)
            for child in ast.iter_child_nodes(node):
                self.visit(child, deferred=deferred)

    def _visit_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, deferred: bool
    ) -> None:
        for part in (*getattr(node, "decorator_list", ()), *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part, deferred=deferred)
        arguments = node.args
        every = (
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        )
        for annotation in (*(a.annotation for a in every if a), getattr(node, "returns", None)):
            if annotation is not None:
                self._visit_annotation(annotation, deferred)
        body = node.body if isinstance(node.body, list) else [node.body]
        for child in body:
            self.visit(child, deferred=True)

    def _visit_annotation(self, node: ast.AST, deferred: bool) -> None:
        """An annotation may be written in quotes."""
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isascii():
                try:
                    self.visit(ast.parse(part.value, mode="eval"), deferred=True)
                except SyntaxError:
                    continue  # a text in Literal[...] or Annotated[...]
        self.visit(node, deferred=deferred)

    def _note_call(self, node: ast.Call, deferred: bool) -> None:
        self.found.calls_at_import |= not deferred
        chain = chain_of(node.func)
        texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
        if chain and node.args and len(texts) == len(node.args) and all(isinstance(t, str) for t in texts):
            self.found.calls.add((chain, tuple(str(text) for text in texts)))


def is_table(node: ast.Call) -> bool:
    """Whether a call makes a literal table of references."""
    return (chain_of(node.func) or ("",))[-1] in TABLE_FORMS


def chain_of(node: ast.AST) -> Chain | None:
    """The parts of a dotted name; None for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None
