"""The code that a partition chooses by name: its dataset's layout, the face back end of its settings, its method.

It is no part of the stage's code version, which is the same for all partitions, but the data version of an observed source,
``code/<stage>``: a layout or method that is added, or changed, makes stale what uses it and nothing else.
"""

from __future__ import annotations

from assets.project.code_version import CodeVersion, code_version
from assets.project.graph import STAGES, Choice, chosen_scope
from assets.project.settings import Project
from cals_models.references import load


def chosen_code(project: Project, stage: str, dataset: str, method: str | None) -> CodeVersion:
    """Code version of what a partition chooses.

    Args:
        method: of a partition by method, else None.
    """
    references = []
    for choice in STAGES[stage].choices:
        table = load(choice.table)
        references += [table[name] for name in chosen_names(project, choice, dataset, method)]
    return code_version(sorted(set(references)), chosen_scope(stage))


def chosen_names(project: Project, choice: Choice, dataset: str, method: str | None) -> tuple[str, ...]:
    """Names of the table's entries that a partition uses."""
    entry = project.dataset(dataset)
    if choice.by == "nothing":
        return ()
    if choice.by == "method":
        return (method,) if method else ()
    if choice.by == "methods":
        return entry.methods
    place, _, field = choice.by.partition(".")
    source = entry if place == "dataset" else project.stage_settings(dataset, place)
    return (str(getattr(source, field)),)
