"""JSON Schema of ``cals.yaml``, for editors: from the declarations that the check at load reads."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from assets.project.layouts import LAYOUT_OPTIONS
from assets.project.settings import MAY_BE_EMPTY, NAME_PATTERN, USER_SQL, Dataset
from assets.project.settings_docs import (
    documented_stages,
    field_texts,
    stage_defaults,
    summary,
)
from assets.project.settings_gate import fields_schema
from cals_models.references import load

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that editors' YAML plug-ins support in full
STAGES_REF = {"$ref": "#/definitions/settings"}


def project_schema() -> dict[str, Any]:
    """The schema of a whole ``cals.yaml``. Checks that concern several fields are not part of it."""
    stages = documented_stages()
    definitions = {stage: _stage_schema(stage, cls) for stage, cls in stages.items()}
    by_stage = {stage: {"$ref": f"#/definitions/{stage}"} for stage in stages}
    return {
        "$schema": DRAFT,
        "title": "cals.yaml",
        "description": "The datasets of a CALS project, and for each of them the settings of every stage.",
        "type": "object",
        "properties": {
            "settings": _or_empty(STAGES_REF)
            | {"description": "Overrides for all datasets: stage or method -> setting -> value."},
            "user_sql": _or_empty(
                {
                    "type": "string",
                    "description": f"Folder of the project's own SQL, relative to cals.yaml; each file becomes a view of the "
                    f"warehouse. Default: {USER_SQL}.",
                }
            ),
            "datasets": {
                "description": "Name -> dataset.",
                "type": ["object", "null"],
                "propertyNames": {"pattern": f"^{NAME_PATTERN.pattern}$"},
                "additionalProperties": {"$ref": "#/definitions/dataset"},
            },
        },
        "additionalProperties": False,
        "definitions": {
            "dataset": _dataset_schema(),
            "options": _class_schema(load(LAYOUT_OPTIONS)),
            "settings": {"type": "object", "properties": by_stage, "additionalProperties": False},
            **definitions,
        },
    }


def schema_text() -> str:
    """The schema as ``docs/cals.schema.json`` holds it."""
    return json.dumps(project_schema(), indent=2, ensure_ascii=False) + "\n"


def _dataset_schema() -> dict[str, Any]:
    schema = _class_schema(Dataset, without=("name",))
    properties = schema["properties"]
    properties["options"] = {"$ref": "#/definitions/options"} | _description(properties["options"])
    properties["settings"] = STAGES_REF | _description(properties["settings"])
    for name in MAY_BE_EMPTY:
        properties[name] = _or_empty(properties[name])
    return schema


def _stage_schema(stage: str, cls: Any) -> dict[str, Any]:
    schema = _class_schema(cls)
    defaults = stage_defaults(stage)
    for name, described in schema["properties"].items():
        values = {profile: json.dumps(defaults[profile][name]) for profile in defaults}
        same = len(set(values.values())) == 1
        listed = ", ".join(f"{value} in profile {profile}" for profile, value in values.items())
        described["description"] += f" Default: {next(iter(values.values())) if same else listed}."
    return schema


def _class_schema(cls: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    schema = GenerateJsonSchema().generate(fields_schema(cls, without))
    texts = field_texts(cls)
    for name, described in schema["properties"].items():
        for noise in ("title", "minLength"):
            described.pop(noise, None)
        _join_items(described)
        described["description"] = texts[name]
    return {"description": summary(cls)} | schema


def _join_items(described: dict[str, Any]) -> None:
    """One schema for all items of a list of fixed length: draft 7 does not know ``prefixItems``."""
    positions = described.pop("prefixItems", None)
    if positions is not None:
        assert all(item == positions[0] for item in positions), (
            "items of different kinds: write them as draft 7 does"
        )
        described["items"] = positions[0]


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a key that may stand there without a value."""
    rest = {key: value for key, value in schema.items() if key != "description"}
    if {"type": "null"} in rest.get("anyOf", ()):
        return schema
    return {"anyOf": [rest, {"type": "null"}]} | _description(schema)


def _description(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}
