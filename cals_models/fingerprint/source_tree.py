"""The modules of a tree of sources, and what a name in one of them stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cals_models.fingerprint.mentions import Chain, Imported
from cals_models.fingerprint.rooms import is_bookkeeping, is_project
from cals_models.fingerprint.source_module import (
    SourceModule,
    Statement,
    parse_module,
)

WHOLE = "*"
EFFECTS = "<module>"


@dataclass(frozen=True)
class Definition:
    """A name of a module's top level, with all statements that give it its value.

    Args:
        name: of the top level; ``*`` for the whole module, ``<module>`` for what happens when it is imported.
        before: only statements before this one count, for code that runs while the module is imported.
    """

    module: str
    name: str
    before: int | None = None

    @property
    def label(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Outside:
    """A name that is not followed: of a library, the language, or a bookkeeping room (by its last part).

    Args:
        name: dotted, or ``room:NAME``.
        for_types: nothing is loaded for it.
    """

    name: str
    for_types: bool = False


Target = Definition | Outside


class SourceTree:
    """The modules under a folder, each parsed when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules: dict[str, SourceModule | None] = {}
        self._touched: dict[str, tuple[str, ...]] = {}
        self.named: dict[Definition, Any] = {}
        """What each definition names, as far as it was worked out."""

    def edited(self, texts: Mapping[str, str]) -> SourceTree:
        """The same tree with other texts of some modules; what was worked out of the others is kept where it holds."""
        other = SourceTree(self.root)
        other._modules = {name: module for name, module in self._modules.items() if name not in texts}
        same = True
        for name, text in texts.items():
            own = self.module(name)
            new = parse_module(name, text, is_package=own is not None and own.is_package)
            other._modules[name] = new
            same = same and own is not None and own.offers_the_same_as(new)
        if same:
            other._touched = dict(self._touched)
            other.named = {place: named for place, named in self.named.items() if place.module not in texts}
        return other

    def module(self, name: str) -> SourceModule | None:
        """A module of the project; None if there is none of that name."""
        if name not in self._modules:
            path = self.path(name) if is_project(name) else None
            self._modules[name] = (
                None
                if path is None
                else parse_module(
                    name, path.read_text(encoding="utf-8"), is_package=path.name == "__init__.py"
                )
            )
        return self._modules[name]

    def path(self, name: str) -> Path | None:
        """Source file of a module."""
        base = self.root.joinpath(*name.split("."))
        found = (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())
        return next(found, None)

    def has(self, definition: Definition) -> bool:
        """Whether its module binds the name."""
        module = self.module(definition.module)
        return module is not None and (definition.name == EFFECTS or definition.name in module.binders)

    def statements(self, definition: Definition) -> list[Statement]:
        """The statements that a definition consists of, in order.

        A name that is bound more than once, or changed by a statement such as ``X[...] = ...``, has them all, and what
        is computed between them.
        """
        module = self.module(definition.module)
        assert module is not None
        if definition.name == WHOLE:
            return []
        if definition.name == EFFECTS:
            return module.effects
        own = module.binders[definition.name]
        if len(own) > 1:
            name = definition.name
            between = module.statements[own[0].index : own[-1].index + 1]
            own = [
                s
                for s in between
                if s in own or (not s.is_definition and (s.mentions.calls_at_import or s.names(name)))
            ]
        if definition.before is not None:
            return [s for s in own if s.index < definition.before] or own
        return own

    def _local(
        self, module: SourceModule, name: str, statement: Statement, deferred: bool
    ) -> Definition | None:
        """The definition of a name in its own module, as a statement sees it."""
        if name not in module.binders:
            return None
        whole = Definition(module.name, name)
        bound = module.binders[name]
        if deferred or len(bound) == 1 or bound[-1].index < statement.index:
            return whole
        return Definition(module.name, name, before=statement.index)

    def resolve(
        self, module: SourceModule, chain: Chain, statement: Statement, deferred: bool
    ) -> list[Target]:
        """What a dotted name in a statement stands for; empty for a local name or one of the language."""
        head = chain[0]
        if head in ("globals", "eval", "exec", "vars", "locals") and head not in module.imports:
            return [Definition(module.name, WHOLE)]
        if head in ("__file__", "__name__", "__package__"):
            return [Outside(f"{head} of {module.name}")]
        targets: list[Target] = []
        own = self._local(module, head, statement, deferred)
        if own is not None:
            targets.append(own)
        for imported in (*statement.mentions.imports.get(head, ()), *module.imports.get(head, ())):
            targets += self.follow(imported, chain[1:])
        if not targets:
            for origin in module.stars:
                targets += self.follow(Imported(origin, head), chain[1:], from_star=True)
        return list(dict.fromkeys(targets))

    def follow(self, imported: Imported, rest: Chain, *, from_star: bool = False) -> list[Target]:
        """What an imported name stands for, through re-exports, down to the module that defines it."""
        origin, name = imported.module, imported.name
        if not is_project(origin):
            dotted = ".".join(part for part in (origin, name, *rest) if part)
            return [] if from_star else [Outside(dotted, imported.for_types)]
        if name is None:
            if not rest:
                return self._whole(origin)
            return self.follow(Imported(origin, rest[0]), rest[1:])
        module = self.module(origin)
        if module is not None and name in module.binders:
            if is_bookkeeping(origin) and module.binders[name][0].table is None:
                return [Outside(f"room:{name}")]
            return [Definition(origin, name)]
        if module is not None and name in module.imports:
            return [target for deeper in module.imports[name] for target in self.follow(deeper, rest)]
        if self.module(f"{origin}.{name}") is not None:
            return self.follow(Imported(f"{origin}.{name}", None), rest)
        if module is not None and module.stars:
            return [
                t
                for star in module.stars
                for t in self.follow(Imported(star, name), rest, from_star=from_star)
            ]
        return [] if from_star else self._whole(origin)

    def _whole(self, module: str) -> list[Target]:
        if is_bookkeeping(module):
            return [Outside(f"room:{module.rpartition('.')[2]}")]
        return [Definition(module, WHOLE)] if self.module(module) is not None else []

    def reference(self, text: str) -> list[Target]:
        """What ``module:name``, or ``module``, stands for.

        Raises:
            ValueError: there is no such module.
        """
        module, _, name = text.partition(":")
        if self.module(module) is None:
            raise ValueError(f"no module {module} under {self.root}; {text} names it")
        return self.follow(Imported(module, name or None), ())

    def touched(self, name: str) -> tuple[str, ...]:
        """Modules whose import does something, among those that importing this one imports; sorted."""
        if name not in self._touched:
            found: set[str] = set()
            waiting = [name]
            while waiting:
                current = waiting.pop()
                if current in found or is_bookkeeping(current) or self.module(current) is None:
                    continue
                found.add(current)
                waiting += self._loaded_by(current)
            self._touched[name] = tuple(sorted(n for n in found if self._has_effects(n)))
        return self._touched[name]

    def _has_effects(self, name: str) -> bool:
        module = self.module(name)
        return module is not None and bool(module.effects)

    def _loaded_by(self, name: str) -> list[str]:
        module = self.module(name)
        assert module is not None
        parts = name.split(".")
        loaded = [".".join(parts[:count]) for count in range(1, len(parts))] + module.stars
        for some in module.imports.values():
            for imported in some:
                if is_project(imported.module) and not imported.for_types:
                    loaded += [imported.module, f"{imported.module}.{imported.name}"]
        return loaded
