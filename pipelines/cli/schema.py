"""``cals schema``."""

from __future__ import annotations

import argparse

from pipelines.cli.command import Add


def add_command(add: Add) -> None:
    parser = add("schema", _schema, "print the JSON Schema of cals.yaml, for editors")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write docs/cals.schema.json, settings.md and data_dictionary.md of the checkout",
    )


def _schema(arguments: argparse.Namespace) -> int:
    from assets.project.settings_schema import schema_text

    if not arguments.write:
        print(schema_text(), end="")
        return 0
    from pipelines.settings_files import write_settings_files

    for path in write_settings_files():
        print(path)
    return 0
