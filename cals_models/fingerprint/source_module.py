"""One module, parsed: its statements, which names each binds and mentions, and what its imports name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from cals_models.fingerprint.canonical import canonical, without_docstrings
from cals_models.fingerprint.mentions import Imported, Mentions, Visitor, bound_by, chain_of, is_table


@dataclass(frozen=True)
class Table:
    """A literal table of references.

    Args:
        form: ``Choices`` or ``ByStage``.
        entries: name -> reference.
    """

    form: str
    entries: dict[str, str]


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
        Visitor(found, self.module.name, self.module.is_package).visit(self.node, deferred=False)
        return found

    @cached_property
    def table(self) -> Table | None:
        """The table of references that it is."""
        return _table(self.node)

    @cached_property
    def inner_tables(self) -> list[Table]:
        """The tables of references that stand inside it, such as an argument of a call."""
        return [table_of(call) for call in self.mentions.tables]

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
            for name, imported in bound_by(node, module.name, module.is_package, for_types):
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
    return table_of(value) if isinstance(value, ast.Call) and is_table(value) else None


def table_of(value: ast.Call) -> Table:
    """The table that a call of ``Choices`` or ``ByStage`` makes."""
    form = (chain_of(value.func) or ("",))[-1]
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
    return (chain_of(test) or ("",))[-1] == "TYPE_CHECKING"


def _is_main_guard(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and chain_of(node.test.left) == ("__name__",)
    )
