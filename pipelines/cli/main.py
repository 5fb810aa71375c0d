"""The command line: ``cals``.

Exit status 0 only if everything requested was done; 1 if not; 2 for wrong usage (``errors.py``). What a command needs is
imported when it runs, so that a command with nothing to do returns at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from assets.workers.child_process import import_paths
from pipelines.cli import (
    adapt,
    add,
    demo,
    diff,
    doctor,
    dub,
    export,
    forget,
    gc,
    import_model,
    mos,
    query,
    report,
    run,
    schema,
    score,
    stale,
    status,
    trace,
    ui,
)
from pipelines.cli.command import Command
from pipelines.cli.errors import EXIT_NOT_DONE, Parser, run_command

# in the order in which `cals --help` lists them
COMMANDS = (
    demo, add, doctor, stale, run, adapt,
    status, query, report, trace, diff, forget, gc, export, dub, score, import_model, mos, schema, ui,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    arguments = make_parser().parse_args(argv)
    with _config_named(arguments.config):
        return run_command(arguments.command, arguments)


@contextlib.contextmanager
def _config_named(path: str | None) -> Iterator[None]:
    """``CALS_CONFIG`` for this command and the processes that it starts, and then as it was."""
    before = os.environ.get("CALS_CONFIG")
    if path:
        os.environ["CALS_CONFIG"] = str(Path(path).absolute())
    try:
        yield
    finally:
        if path:
            del os.environ["CALS_CONFIG"]
            os.environ |= {} if before is None else {"CALS_CONFIG": before}


def make_parser() -> ArgumentParser:
    """The parser of all commands; ``command`` in its result is the function that runs the one given."""
    parser = Parser(prog="cals", description="Context-aware lip-sync as a rerunnable, auditable pipeline.")
    parser.add_argument("--config", metavar="PATH", help="cals.yaml (default: found from here upwards)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)

    def add_parser(name: str, command: Command, text: str) -> ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    for module in COMMANDS:
        module.add_command(add_parser)
    return parser


def entry() -> NoReturn:
    """The ``cals`` program.

    It leaves without taking the interpreter down: DuckDB 2.0's binding would print a list of leaked types where
    Dagster still holds frames of a run.
    """
    os.environ.update(import_paths())  # for worker processes too, which multiprocessing starts
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that is not UTF-8 ends no command
    try:
        status = main()
    except SystemExit as leaving:  # argparse: --help and wrong usage
        status = leaving.code if isinstance(leaving.code, int) else EXIT_NOT_DONE
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, BrokenPipeError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    entry()
