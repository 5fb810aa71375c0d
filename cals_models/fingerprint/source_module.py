"""One module, parsed: its statements, which names each binds and mentions, and what its imports name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from cals_models.fingerprint.canonical import REFERENCE, canonical, without_docstrings

Chain = tuple[str, ...]
"""A dotted name as it is written: ``np.random.default_rng`` in parts."""

TABLE_FORMS = ("Choices", "ByStage")
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


@dataclass(frozen=True)
class Table:
    """A literal table of references.

    Args:
        form: ``Choices`` or ``ByStage``.
        entries: name -> reference.
    """

    form: str
    entries: dict[str, str]


@dataclass
class Mentions:
    """What a statement names.

    Args:
        chains: dotted names -> whether they are only read later, when a function is called.
        strings: references of the form ``module:name``.
        calls: calls whose arguments are all literal texts.
        imports: imports inside it, by the name that they bind.
        calls_at_import: something is called when the module is imported.
    """

    chains: dict[Chain, bool] = field(default_factory=dict)
    strings: set[str] = field(default_factory=set)
    calls: set[tuple[Chain, tuple[str, ...]]] = field(default_factory=set)
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    calls_at_import: bool = False


@dataclass(eq=False)
class Statement:
    """A statement of a module; what it says is worked out when it is asked for.

    Args:
        index: its place in the module.
        node: its syntax tree.
        module: that it stands in.
    """

    index: int
    node: ast.stmt
    module: SourceModule

    @cached_property
    def is_definition(self) -> bool:
        """A function or a class."""
        return isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    @cached_property
    def is_effect(self) -> bool:
        """It does something besides binding names, such as a call or an assignment to an item."""
        return not self.is_definition and not _only_binds(self.node)

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that it gives a value."""
        return frozenset(_bound_names(self.node))

    @cached_property
    def text(self) -> str:
        """Its canonical text."""
        return canonical(self.node)

    @cached_property
    def mentions(self) -> Mentions:
        """What it names."""
        found = Mentions()
        _Visitor(found, self.module).visit(self.node, deferred=False)
        return found

    @cached_property
    def table(self) -> Table | None:
        """The table of references that it is."""
        return _table(self.node)

    @property
    def source(self) -> str:
        """Its text as written."""
        decorators = getattr(self.node, "decorator_list", ())
        first = min((decorator.lineno for decorator in decorators), default=self.node.lineno)
        return "\n".join(self.module.lines[first - 1 : self.node.end_lineno])

    def names(self, name: str) -> bool:
        """Whether it mentions a name."""
        return any(chain[0] == name for chain in self.mentions.chains)


@dataclass(eq=False)
class SourceModule:
    """A parsed module.

    Args:
        name: dotted.
        is_package: it is an ``__init__.py``.
        lines: of its text.
        statements: in order, without imports and texts.
        imports: of its top level, by the name that they bind.
        stars: modules of ``from ... import *``.
    """

    name: str
    is_package: bool
    lines: list[str]
    statements: list[Statement] = field(default_factory=list)
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    @cached_property
    def binders(self) -> dict[str, list[Statement]]:
        """Name -> the statements that bind it or, by an effect, change it; in order."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in sorted(statement.binds):
                found.setdefault(name, []).append(statement)
        for effect in self.effects:
            for name in {chain[0] for chain in effect.mentions.chains} & found.keys() - effect.binds:
                found[name] = sorted([*found[name], effect], key=lambda statement: statement.index)
        return found

    def offers_the_same_as(self, other: SourceModule) -> bool:
        """Whether names of other modules resolve through both in the same way."""
        return (
            list(self.binders) == list(other.binders)
            and self.imports == other.imports
            and self.stars == other.stars
            and len(self.effects) == len(other.effects)
        )

    @cached_property
    def effects(self) -> list[Statement]:
        return [statement for statement in self.statements if statement.is_effect]


def parse_module(name: str, text: str, *, is_package: bool) -> SourceModule:
    """Parses a module.

    Raises:
        SyntaxError: it is not Python.
    """
    tree = ast.parse(text, filename=name)
    module = SourceModule(name, is_package, text.splitlines())
    _read(module, tree.body, for_types=False)
    return module


def _read(module: SourceModule, body: list[ast.stmt], *, for_types: bool) -> None:
    """Reads the statements of a module's top level."""
    for node in without_docstrings(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, imported in bound_by(node, module, for_types):
                if name == "*":
                    module.stars.append(imported.module)
                else:
                    module.imports.setdefault(name, []).append(imported)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            _read(module, node.body, for_types=True)
            _read(module, node.orelse, for_types=False)
        elif not isinstance(node, ast.Pass) and not _is_main_guard(node):
            statement = Statement(len(module.statements), node, module)
            module.statements.append(statement)
            if statement.is_effect:  # a module's imports may stand in try or if
                for name, found in statement.mentions.imports.items():
                    module.imports.setdefault(name, []).extend(found)


def bound_by(
    node: ast.Import | ast.ImportFrom, module: SourceModule, for_types: bool = False
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
        parts = module.name.split(".")
        parts = parts[: len(parts) - node.level + module.is_package]
        origin = ".".join([*parts, origin] if origin else parts)
    if origin != "__future__":
        for alias in node.names:
            yield alias.asname or alias.name, Imported(origin, alias.name, for_types)


class _Visitor:
    """Notes which names a statement reads, and when."""

    def __init__(self, found: Mentions, module: SourceModule) -> None:
        self.found = found
        self.module = module

    def visit(self, node: ast.AST, *, deferred: bool) -> None:
        if (chain := _chain(node)) is not None:
            self.found.chains[chain] = self.found.chains.get(chain, True) and deferred
        elif isinstance(node, _FUNCTIONS):
            self._visit_function(node, deferred)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, imported in bound_by(node, self.module):
                self.found.imports.setdefault(name, []).append(imported)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str) and REFERENCE.fullmatch(node.value):
                self.found.strings.add(node.value)
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
        chain = _chain(node.func)
        texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
        if chain and node.args and len(texts) == len(node.args) and all(isinstance(t, str) for t in texts):
            self.found.calls.add((chain, tuple(str(text) for text in texts)))


def _chain(node: ast.AST) -> Chain | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def _bound_names(node: ast.AST) -> Iterator[str]:
    """Names that a statement of a module's top level binds; those inside its functions and classes are their own."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    if isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    for child in ast.iter_child_nodes(node):
        yield from _bound_names(child)


def _only_binds(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return type(node).__name__ == "TypeAlias"
    return all(
        isinstance(part, ast.Name | ast.Tuple | ast.List | ast.Store)
        for target in targets
        if target is not None
        for part in ast.walk(target)
    )


def _table(node: ast.stmt) -> Table | None:
    """The literal table of ``NAME = Choices({...})`` or ``ByStage(name="...")``; None for any other statement."""
    value = getattr(node, "value", None)
    form = (_chain(value.func) or ("",))[-1] if isinstance(value, ast.Call) else ""
    if not isinstance(value, ast.Call) or form not in TABLE_FORMS:
        return None
    pairs: list[tuple[ast.expr | None, ast.expr]] = [
        (ast.Constant(keyword.arg), keyword.value) for keyword in value.keywords
    ]
    for argument in value.args:
        assert isinstance(argument, ast.Dict), f"{form} takes one literal mapping"
        pairs += zip(argument.keys, argument.values, strict=True)
    entries = {}
    for key, named in pairs:
        assert isinstance(key, ast.Constant) and isinstance(named, ast.Constant), (
            f"{form} has literal entries"
        )
        entries[str(key.value)] = str(named.value)
    return Table(form, entries)


def _is_type_checking(test: ast.expr) -> bool:
    return (_chain(test) or ("",))[-1] == "TYPE_CHECKING"


def _is_main_guard(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and _chain(node.test.left) == ("__name__",)
    )
