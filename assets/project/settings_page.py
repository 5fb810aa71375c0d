"""The reference page of every setting, ``docs/settings.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from assets.project.layouts import LAYOUT_OPTIONS
from assets.project.settings import Dataset
from assets.project.settings_docs import documented_stages, field_texts, stage_defaults, summary
from cals_models.declarations.declared import Declared, declared_fields
from cals_models.references import load

HEAD = """\
# Settings

<!-- Generated from the settings classes. To bring it up to date: cals schema --write -->

Every key of `cals.yaml`. A stage's settings are, each over the one before: the defaults of the dataset's profile, the
file's `settings`, the dataset's `settings`. `cals.yaml` is checked whenever it is read: a wrong type, an unknown key or a
value out of bounds is one line that says where, what and what would be right. Editors do the same with
`docs/cals.schema.json`, which the first line of the shipped file names. For a `cals.yaml` of your own: `cals schema >
cals.schema.json`, and this first line: `# yaml-language-server: $schema=cals.schema.json`.

```yaml
settings:
  generator: {steps: 100000}            # for all datasets
datasets:
  grid:
    layout: grid
    root: /data/grid
    profile: tiny
    options: {split_by: speaker}
    settings:
      generator: {reference_from: near_pose}   # for this one
```

Whole numbers are accepted where a number is wanted, never the other way round.

Besides `settings` and `datasets` the file may name `user_sql`, the folder of your own SQL (`sql/user` beside the file if left
out); each of its files becomes a view of the warehouse ([warehouse.md](warehouse.md#views-of-your-own)).
"""


def reference_page() -> str:
    """The whole page, as ``docs/settings.md`` holds it."""
    sections = [
        _section("A dataset", "Keys of an entry of `datasets`.", Dataset, without=("name",)),
        _section("Options of a layout", "Keys of a dataset's `options`.", load(LAYOUT_OPTIONS)),
        *(_stage_section(stage, cls) for stage, cls in documented_stages().items()),
    ]
    return "\n".join([HEAD, *sections])


def _section(title: str, text: str, cls: Any, without: tuple[str, ...] = ()) -> str:
    declared, texts = declared_fields(cls), field_texts(cls)
    rows = [
        (f"`{field.name}`", _kind(declared[field.name]), _default(field), texts[field.name])
        for field in fields(cls)
        if field.name not in without
    ]
    return _table(title, text, ("key", "type and bounds", "default", "meaning"), rows)


def _default(field: Any) -> str:
    if field.default is MISSING and field.default_factory is MISSING:
        return "required"
    return "" if field.default in (MISSING, None, ()) else _shown(field.default)


def _stage_section(stage: str, cls: Any) -> str:
    declared, texts, defaults = declared_fields(cls), field_texts(cls), stage_defaults(stage)
    columns = list(defaults) if len({json.dumps(values) for values in defaults.values()}) > 1 else ["default"]
    own = [name for name in cls.__annotations__ if name in texts]
    names = [
        *own,
        *(name for name in texts if name not in own),
    ]  # the stage's own before those of every training
    values = [defaults[column] if column in defaults else next(iter(defaults.values())) for column in columns]
    rows = [
        (f"`{name}`", _kind(declared[name]), *(_shown(profile[name]) for profile in values), texts[name])
        for name in names
    ]
    return _table(f"`{stage}`", summary(cls), ("setting", "type and bounds", *columns, "meaning"), rows)


def _table(title: str, text: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    table = "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )
    return f"## {title}\n\n{text}\n\n{table}\n"


def _kind(field: Declared) -> str:
    """Type and bounds in words."""
    if field.names is not None:
        return ", ".join(f"`{name}`" for name in field.names)
    if field.kind is tuple and field.items[0].names is not None:
        return f"list of {_kind(field.items[0])}"
    return field.wanted()


def _shown(value: Any) -> str:
    return f"`{json.dumps(value)}`"
