"""``cals export``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cli.command import Add, open_project

if TYPE_CHECKING:
    from assets.project.settings import Project


def add_command(add: Add) -> None:
    parser = add("export", _export, "write lineage events, Croissant metadata, dataset and model cards")
    parser.add_argument("what", choices=("openlineage", "croissant", "cards"))
    parser.add_argument("--dataset", action="append", metavar="NAME", help="default: all that have shards")
    parser.add_argument("--out", metavar="FILE", help="openlineage: file of events (default: in the home)")
    parser.add_argument("--url", metavar="URL", help="openlineage: server to send the events to")


def _export(arguments: argparse.Namespace) -> int:
    project = open_project()
    if arguments.what == "openlineage":
        print(_export_openlineage(project, arguments.out, arguments.url))
        return 0
    if arguments.out or arguments.url:
        raise ValueError(
            f"--out and --url are for openlineage; {arguments.what} go beside the shards and models"
        )
    from pipelines.exports.shard_folder import has_shards

    names = arguments.dataset or [name for name in project.datasets if has_shards(project, name)]
    if not names:
        raise ValueError("no dataset has shards yet; run: cals run --to shards")
    for name in names:
        for path in _export_dataset(project, arguments.what, name, requested=bool(arguments.dataset)):
            print(path)
    return 0


def _export_openlineage(project: Project, out: str | None, url: str | None) -> str:
    from pipelines.exports.openlineage import export_to_file, export_to_url

    if url:
        return f"{export_to_url(project, url)} events sent to {url}"
    path = Path(out).absolute() if out else project.home.root / "exports" / "openlineage.jsonl"
    return f"{export_to_file(project, path)} events in {path}"


def _export_dataset(project: Project, what: str, name: str, *, requested: bool) -> list[Path]:
    from assets.store.recorded_commands import record_written

    if what == "croissant":
        from pipelines.exports.croissant import INDEX_NAME, write_croissant

        path = write_croissant(project, name)
        record_written(project.home, "export", path, path.with_name(INDEX_NAME))
        return [path]
    from pipelines.exports.cards import write_dataset_card, write_model_cards

    has_models = (project.home.root / "models" / name).is_dir()
    models = write_model_cards(project, name) if requested or has_models else []
    cards = [write_dataset_card(project, name), *models]
    record_written(project.home, "export", *cards)
    return cards
