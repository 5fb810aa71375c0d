"""Commands of the audit trail: ``cals trace``, ``forget``, ``gc`` and ``export``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[[argparse.Namespace], int]
Add = Callable[[str, Command, str], argparse.ArgumentParser]


def add_commands(add: Add) -> None:
    """Adds the commands; ``add(name, run, text)`` makes a sub-command and returns its parser."""
    tracing = add("trace", _trace, "show what something was made of, or with --down what was made of it")
    tracing.add_argument(
        "id", metavar="ID", help="clip, shard, raw file, model, figure, report or materialisation"
    )
    tracing.add_argument("--down", action="store_true", help="to all that was made of it")
    tracing.add_argument("--json", action="store_true")
    forgetting = add("forget", _forget, "withdraw a clip or a raw file, and list all that saw it")
    forgetting.add_argument("id", metavar="CLIP_ID", help="clip id, or a raw file's path or sha256")
    forgetting.add_argument("--reason", required=True, metavar="TEXT", help="stays on record")
    forgetting.add_argument("--json", action="store_true")
    collecting = add("gc", _gc, "list what nothing needs any more; with --yes remove it")
    collecting.add_argument("--yes", action="store_true", help="remove what is listed")
    collecting.add_argument("--json", action="store_true")
    exporting = add("export", _export, "write lineage events, Croissant metadata, dataset and model cards")
    exporting.add_argument("what", choices=("openlineage", "croissant", "cards"))
    exporting.add_argument("--dataset", action="append", metavar="NAME", help="default: all that have shards")
    exporting.add_argument("--out", metavar="FILE", help="openlineage: file of events (default: in the home)")
    exporting.add_argument("--url", metavar="URL", help="openlineage: server to send the events to")


def _project() -> Any:
    from assets.project.settings import load_project

    return load_project()


def _trace(arguments: argparse.Namespace) -> int:
    from pipelines.lineage.questions import trace
    from pipelines.lineage.text import trace_text

    found = trace(_project(), arguments.id, down=arguments.down)
    print(json.dumps(found.as_json(), indent=1) if arguments.json else trace_text(found))
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    from pipelines.forget import forget

    done = forget(_project(), arguments.id, arguments.reason)
    print(json.dumps(done.as_json(), indent=1) if arguments.json else done.text())
    return 0


def _gc(arguments: argparse.Namespace) -> int:
    from pipelines.retention.plan import carry_out, plan_removals

    project = _project()
    plan = plan_removals(project)
    if arguments.yes:
        carry_out(project, plan)
    if arguments.json:
        print(json.dumps(plan.as_json() | {"removed": arguments.yes}, indent=1))
        return 0
    for line in plan.lines():
        print(line)
    amount = f"{len(plan.removals)} things, {plan.num_bytes / (1 << 20):.1f} MiB"
    if not plan.removals:
        print("nothing to remove")
    else:
        print(
            f"removed {amount}" if arguments.yes else f"would remove {amount}; `cals gc --yes` removes them"
        )
    return 0


def _export(arguments: argparse.Namespace) -> int:
    project = _project()
    if arguments.what == "openlineage":
        print(_export_openlineage(project, arguments.out, arguments.url))
        return 0
    if arguments.out or arguments.url:
        raise ValueError(
            f"--out and --url are for openlineage; {arguments.what} go beside the shards and models"
        )
    names = arguments.dataset or [
        n for n in project.datasets if (project.home.shards(n) / "manifest.json").exists()
    ]
    if not names:
        raise ValueError("no dataset has shards yet; run: cals run --to shards")
    for name in names:
        for path in _export_dataset(project, arguments.what, name, asked=bool(arguments.dataset)):
            print(path)
    return 0


def _export_openlineage(project: Any, out: str | None, url: str | None) -> str:
    from pipelines.exports.openlineage import export_to_file, export_to_url

    if url:
        return f"{export_to_url(project, url)} events sent to {url}"
    path = Path(out).absolute() if out else project.home.root / "exports" / "openlineage.jsonl"
    return f"{export_to_file(project, path)} events in {path}"


def _export_dataset(project: Any, what: str, name: str, *, asked: bool) -> list[Path]:
    if what == "croissant":
        from pipelines.exports.croissant import write_croissant

        return [write_croissant(project, name)]
    from pipelines.exports.cards import write_dataset_card, write_model_cards

    has_models = (project.home.root / "models" / name).is_dir()
    models = write_model_cards(project, name) if asked or has_models else []
    return [write_dataset_card(project, name), *models]
