"""What the command line prints when something goes wrong, and the exit status that goes with it.

Every error is one line on standard error; ``CALS_DEBUG=1`` shows the traceback instead.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from cals_models.terminal.printable import escaped
from pipelines.cli.command import Command

if TYPE_CHECKING:
    from pipelines.runner import RunOutcome

EXIT_NOT_DONE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser that reports wrong usage in one line, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def run_command(command: Command, arguments: argparse.Namespace) -> int:
    """Runs a command; an expected error becomes one line and an exit status.

    Args:
        command: runs with the arguments.
        arguments: as parsed.

    Returns:
        The command's own status, ``EXIT_NOT_DONE`` after an error, ``EXIT_INTERRUPTED`` after Ctrl-C.
    """
    try:
        return command(arguments)
    except KeyboardInterrupt:
        print("cals: interrupted; finished work is kept, cals run continues from there", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_NOT_DONE
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("CALS_DEBUG"):
            raise
        print(f"cals: error: {escaped(' '.join(str(error).split()))}", file=sys.stderr)
        return EXIT_NOT_DONE


def print_problems(outcome: RunOutcome) -> None:
    """One line on standard error for each warning of a training, failure, failed check and block."""
    for line in [*outcome.warning_lines(), *outcome.problems()]:
        print(escaped(line, keep="\n"), file=sys.stderr)
