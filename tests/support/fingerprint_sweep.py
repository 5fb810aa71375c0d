"""Which stages notice a mutated statement, beside those that execute it (`tests.support.traced_stages`)."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from assets.project.graph import METHODS, STAGES, chosen_scope, code_roots, stage_scope
from cals_models.declarations.settings import Settings
from cals_models.fingerprint.fingerprint import fingerprint
from cals_models.fingerprint.rooms import is_bookkeeping
from cals_models.fingerprint.source_tree import SourceTree
from cals_models.references import PROJECT_ROOT, load
from tests.support.mutants import mutant, statements_of
from tests.support.traced_stages import RECORD

# What the traced dataset chose: layout, face back end, methods, probe of the speaker.
CHOSEN = ("lrs2", "dlib", "ground_truth", "copy_reference", "wav2lip", "cals", "none")
# Executed, and counts for nothing: definition -> why it decides no byte. Besides: bookkeeping rooms, and in a stage the
# settings classes of others, of which only the check of values runs (the values are digested).
EXEMPT = {
    "assets.store.forced_clips:ForcedClips": "which clips are computed again though nothing changed; they give the same",
    "cals_models.references:load": "imports what a reference names; the reference itself counts",
    "cals_models.references:PackageFile": "finds a file; its digest counts",
    "assets.faces.backends.dlib:shared_networks": "a pass for crops alone opens no back end, so that nothing is shared",
}
# Declares methods; of a stage that chooses no method only the check of all declarations runs.
FAMILY = "cals_models.methods.lip_to_face"


class Sweep:
    """The recorded run, and the fingerprints of the sources as they are or with a mutant."""

    def __init__(self) -> None:
        self.executed: dict[str, list[str]] = json.loads(RECORD.read_text())
        self.tree = SourceTree(PROJECT_ROOT)
        self.before = {stage: self.digests(self.tree, stage) for stage in STAGES}

    def digests(self, tree: SourceTree, stage: str) -> tuple[str, str]:
        """Digests of a stage's own code, and of what the traced dataset chooses for it."""
        entry = STAGES[stage]
        own = fingerprint(tree, code_roots(stage), stage_scope(stage)).digest
        tables = [load(choice.table) for choice in entry.choices if choice.by != "nothing"]
        chosen = sorted(table[name] for table in tables for name in CHOSEN if name in table)
        return own, fingerprint(tree, chosen, chosen_scope(stage)).digest if chosen else ""

    @cached_property
    def counted(self) -> dict[str, list[str]]:
        """Stage -> executed definitions that are to count: ``module:name``, those that still exist."""
        return {
            stage: [name for name in names if self.exists(name) and not self.is_exempt(stage, name)]
            for stage, names in self.executed.items()
        }

    def is_exempt(self, stage: str, name: str) -> bool:
        """Whether a definition counts for nothing although the stage executes it."""
        module, _, own_name = name.partition(":")
        found_in = self.tree.module(module)
        assert found_in is not None
        is_table = (
            found_in.binders[own_name][0].table is not None
        )  # test_code_version has what counts of a table
        if is_bookkeeping(module) or name in EXEMPT or is_table:
            return True
        if module == FAMILY and not any(
            c.table == METHODS and c.by != "nothing" for c in STAGES[stage].choices
        ):
            return True
        found = load(name)
        own = load(STAGES[stage].settings).__mro__
        return isinstance(found, type) and issubclass(found, Settings) and found not in own

    def exists(self, name: str) -> bool:
        module, _, own = name.partition(":")
        found = self.tree.module(module)
        return found is not None and own in found.binders

    def statements(self, name: str) -> int:
        """Number of statements of a definition that can be mutated."""
        return len(statements_of(ast.parse(self.text(name)), name.partition(":")[2]))

    def text(self, name: str) -> str:
        path = self.tree.path(name.partition(":")[0])
        assert isinstance(path, Path)
        return path.read_text()

    def missed(self, name: str, number: int, stages: list[str], rng: random.Random) -> Iterator[str]:
        """The stages, of some that execute a definition, whose digest a mutant of one of its statements leaves as it is."""
        module, _, own = name.partition(":")
        after = self.tree.edited({module: mutant(self.text(name), own, number, rng)})
        yield from (stage for stage in stages if self.digests(after, stage) == self.before[stage])
