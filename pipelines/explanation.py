"""``cals stale --explain``: what a partition was computed from beside what there is now, and changed code as a diff."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from assets.project.chosen_code import chosen_code
from assets.project.code_version import CodeVersion, source_texts
from assets.project.graph import STAGES, code_source, stage_code
from assets.project.settings import Project
from assets.store import ledger
from assets.store.code_store import recall_code, recall_sources
from pipelines.staleness import StalePartition, present_inputs, recorded_inputs

NOT_ON_RECORD = (
    "its source is not on record: it was computed by an earlier version of cals, or on another machine"
)


class Explainer:
    """Explains stale partitions; a change of code is shown once, however many partitions it makes stale."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.heads = ledger.heads(project.home)
        self._shown: dict[tuple[str, str], str] = {}

    def lines(self, partition: StalePartition) -> Iterator[str]:
        """Digests that differ, then the changed definitions as unified diffs; each line is indented."""
        row = self.heads.get(partition.key)
        if row is None:
            yield "    nothing is on record: it was never made"
            return
        stage = STAGES[partition.asset]
        code = stage_code(stage.name)
        if row["code_version"] != code.digest:
            yield from self._code("code version", row["code_version"], code, partition)
        before, _ = recorded_inputs(row)
        now = present_inputs(self.project, partition, self.heads)
        for name in sorted(name for name in {*before, *now} if before.get(name) != now.get(name)):
            if name == code_source(stage.name):
                chosen = chosen_code(self.project, stage.name, partition.dataset, partition.method)
                yield from self._code(name, before.get(name, ""), chosen, partition)
            else:
                yield f"    {name}: {before.get(name) or 'not read'} -> {now.get(name) or 'not read'}"
                if name == f"settings/{stage.name}":
                    yield from self._settings(row, partition)

    def _settings(self, row: Mapping[str, Any], partition: StalePartition) -> Iterator[str]:
        values = self.project.settings_values(partition.dataset, partition.asset, partition.method)
        before, now = json.loads(row["settings_json"]), json.loads(json.dumps(values))
        for name in sorted(name for name in {*before, *now} if before.get(name) != now.get(name)):
            yield f"        {name}: {before.get(name, 'not set')} -> {now.get(name, 'not set')}"

    def _code(self, what: str, before: str, code: CodeVersion, partition: StalePartition) -> Iterator[str]:
        yield f"    {what}: {before or 'none'} -> {code.digest}"
        if (before, code.digest) in self._shown:
            yield f"    the same change of code as for {self._shown[(before, code.digest)]}"
            return
        self._shown[(before, code.digest)] = partition.label
        known = recall_code(self.project.home, before)
        if known is None:
            yield f"    {NOT_ON_RECORD}"
            return
        for words in code.changed_since({}, known["libraries"]):
            if " -> " in words:
                yield f"    library {words}"
        verbs = code.changed_definitions(known["definitions"])
        digests = {name: known["definitions"][name] for name in verbs if name in known["definitions"]}
        old, new = recall_sources(self.project.home, digests.values()), source_texts(code, verbs)
        for name, verb in verbs.items():
            yield f"    {name} {verb}"
            yield from _diff(name, old.get(digests.get(name, "")), new.get(name), verb)


def _diff(name: str, old: str | None, new: str | None, verb: str) -> Iterator[str]:
    if (old is None and verb != "new") or (new is None and verb != "removed"):
        yield f"        {NOT_ON_RECORD}" if name.count("/") == 0 else "        a file without text"
        return
    before, now = ((text or "").splitlines() for text in (old, new))
    lines = difflib.unified_diff(before, now, f"{name} (computed with)", f"{name} (now)", lineterm="")
    yield from (f"        {line}" for line in lines)
