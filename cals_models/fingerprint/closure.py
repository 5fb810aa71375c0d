"""The definitions that some roots reach, and a digest of what they say, wherever they lie.

A definition's digest covers its text and the digests of all that it refers to. Definitions that refer to each other are
told apart by refinement: two of them are equal only if no path of references leads to a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from cals_models.fingerprint.canonical import digest
from cals_models.fingerprint.components import components
from cals_models.fingerprint.rooms import is_project
from cals_models.fingerprint.source_module import SourceModule, Statement, Table
from cals_models.fingerprint.source_tree import EFFECTS, WHOLE, Definition, Outside, SourceTree, Target

FILE_FORMS = {"PackageFile", "project_folder"}

Edge = tuple[str, "Target"]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which entries of tables count.

    Args:
        stage: whose own entry counts, where a table has one.
        chosen_elsewhere: ``module:name`` of `Choices` of which each partition chooses; none of their entries counts.
        every_stage: the entries of all stages count.
    """

    stage: str = ""
    chosen_elsewhere: frozenset[str] = frozenset()
    every_stage: bool = False


@dataclass
class Closure:
    """What some roots reach.

    Args:
        digests: definition -> digest over its text and all that it refers to.
        edges: definition -> what it refers to, with the words that it does so by.
        outside: names of libraries that are loaded.
        files: forms and arguments of the files that the code names.
        tables: `Choices` of which no entry was followed, since partitions choose.
    """

    digests: dict[Definition, str]
    edges: dict[Definition, list[Edge]]
    outside: set[str] = field(default_factory=set)
    files: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)


def closure(tree: SourceTree, roots: Collection[Definition], scope: Scope) -> Closure:
    """Follows all references from some definitions."""
    found = Closure({}, {})
    waiting = list(roots)
    while waiting:
        definition = waiting.pop()
        if definition in found.edges:
            continue
        found.edges[definition] = edges = _edges(tree, definition, scope, found)
        waiting += [target for _, target in edges if isinstance(target, Definition)]
    for group in components(found.edges, _inner):
        _digest_group(tree, found, group)
    return found


def _inner(edges: list[Edge]) -> Iterator[Definition]:
    return (target for _, target in edges if isinstance(target, Definition))


def _edges(tree: SourceTree, definition: Definition, scope: Scope, found: Closure) -> list[Edge]:
    named = _named(tree, definition)
    found.outside |= named.outside
    found.files |= named.files
    edges = named.edges
    for table in named.tables:
        for name in _followed(table, definition, scope, found):
            edges = [*edges, *((f"entry {name}", target) for target in tree.reference(table.entries[name]))]
    return edges


@dataclass
class Named:
    """What a definition names, whichever stage reaches it.

    Args:
        edges: what it refers to, with the words that it does so by.
        outside, files: as of `Closure`.
        tables: that it is.
    """

    edges: list[Edge] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)
    files: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    tables: list[Table] = field(default_factory=list)


def _named(tree: SourceTree, definition: Definition) -> Named:
    if definition not in tree.named:
        named = Named()
        module = tree.module(definition.module)
        assert module is not None, definition
        named.edges += [(EFFECTS, Definition(name, EFFECTS)) for name in tree.touched(module.name)]
        if definition.name == WHOLE:
            named.edges += _all_of(tree, module)
        for number, statement in enumerate(tree.statements(definition)):
            if statement.table is not None:
                named.tables.append(statement.table)
            else:
                _note(tree, module, number, statement, named)
                named.tables += statement.inner_tables
        tree.named[definition] = named
    found: Named = tree.named[definition]
    return found


def _all_of(tree: SourceTree, module: SourceModule) -> list[Edge]:
    own: list[Edge] = [(name, Definition(module.name, name)) for name in module.binders]
    imported = ((name, one) for name, some in module.imports.items() for one in some)
    return own + [(name, target) for name, one in imported for target in tree.follow(one, ())]


def _note(tree: SourceTree, module: SourceModule, number: int, statement: Statement, named: Named) -> None:
    """Notes what one of a definition's statements names."""
    mentions = statement.mentions
    for text in mentions.strings:
        for target in tree.reference(text):
            named.edges.append((f"{number} ref:{text.partition(':')[2]}", target))
    for imported in (one for some in mentions.imports.values() for one in some):
        named.edges += [(EFFECTS, Definition(name, EFFECTS)) for name in tree.touched(imported.module)]
        if not is_project(imported.module):
            named.outside.add(imported.module)
            named.edges.append((f"{number} import", Outside(imported.module)))
    for chain, deferred in mentions.chains.items():
        for target in tree.resolve(module, chain, statement, deferred):
            if isinstance(target, Outside) and not target.for_types:
                named.outside.add(target.name)
            named.edges.append((f"{number} {'.'.join(chain)}", target))
    for chain, texts in mentions.calls:
        targets = tree.resolve(module, chain, statement, True)
        if any(isinstance(t, Definition) and t.name in FILE_FORMS for t in targets):
            named.files.add((chain[-1], texts))


def _followed(table: Table, definition: Definition, scope: Scope, found: Closure) -> list[str]:
    """Names of a table's entries that count."""
    if scope.stage in table.entries:
        return [scope.stage]
    if table.form == "ByStage" and not scope.every_stage:
        return []
    name = f"{definition.module}:{definition.name}"
    if name in scope.chosen_elsewhere:
        found.tables.add(name)
        return []
    return list(table.entries)


def own_text(tree: SourceTree, definition: Definition) -> str:
    """The canonical text of a definition itself; of a table only the name."""
    statements = tree.statements(definition)
    return "\n".join(definition.name if s.table is not None else s.text for s in statements)


def source_of(tree: SourceTree, definition: Definition) -> str:
    """A definition as it is written."""
    return "\n\n".join(statement.source for statement in tree.statements(definition))


def _digest_group(tree: SourceTree, found: Closure, group: list[Definition]) -> None:
    """Digests of definitions that refer to each other, all others that they refer to being known."""
    inside = set(group)
    start = {}
    for definition in group:
        lines = sorted(
            f"{words}={found.digests[target] if isinstance(target, Definition) else target.name}"
            for words, target in found.edges[definition]
            if target not in inside
        )
        start[definition] = digest(own_text(tree, definition), *lines)
    current = start
    if len(group) > 1 or any(target in inside for _, target in found.edges[group[0]]):
        for _ in range(len(group)):
            current = {
                definition: digest(
                    start[definition],
                    *sorted(
                        f"{w}={current[t]}"
                        for w, t in found.edges[definition]
                        if isinstance(t, Definition) and t in inside
                    ),
                )
                for definition in group
            }
    found.digests.update(current)
