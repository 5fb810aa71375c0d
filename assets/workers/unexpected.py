"""Errors that nobody expected at a clip: told by text and place, and kept apart from faults that no clip causes."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from assets.workers.rejected import UNEXPECTED, PipelineFault, Rejected
from cals_models.references import PROJECT_ROOT

# A full disk, a used-up quota, a read-only disk, too many open files.
ERRORS_OF_THE_MACHINE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE))
# Libraries that report a failed allocation by an error of their own.
OUT_OF_MEMORY = ("can't allocate memory", "Insufficient memory", "Cannot allocate memory")
LONGEST_TEXT = 500

Result = TypeVar("Result")


class UnexpectedError(Exception):
    """An error at a clip that the pipeline does not understand; the text names the error and its place."""


def run_guarded(compute: Callable[..., Any], *args: Any) -> Any:
    """Runs ``compute(*args)`` in the worker.

    Raises:
        Rejected, MemoryError: of this clip.
        PipelineFault, ImportError, OSError: the fault of no clip.
        UnexpectedError: whatever else was raised.
    """
    try:
        return compute(*args)
    except (Rejected, MemoryError, PipelineFault, ImportError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and error.errno in ERRORS_OF_THE_MACHINE:
            raise
        if any(text in str(error) for text in OUT_OF_MEMORY):
            raise MemoryError(str(error)) from error
        raise UnexpectedError(_told(error)) from error


def run_at_clip(stage: str, compute: Callable[[], Result]) -> Result:
    """Runs ``compute()`` for one clip in the process of the stage.

    Raises:
        Rejected: of this clip; with reason ``unexpected_error`` whatever was not understood.
        PipelineFault, ImportError, OSError: the fault of no clip.
    """
    try:
        result: Result = run_guarded(compute)
    except UnexpectedError as error:
        raise Rejected(stage, UNEXPECTED, str(error)) from error
    except MemoryError as error:
        raise Rejected(stage, UNEXPECTED, _told(error)) from error
    return result


def _told(error: BaseException) -> str:
    """Kind, text and place of an error in one line."""
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."
    return f"{type(error).__name__}: {text} ({_place(error)})"


def _place(error: BaseException) -> str:
    """Where an error was raised: the innermost line of the project, and that of the library beneath it."""
    frames = traceback.extract_tb(error.__traceback__)
    guards = (run_guarded.__name__, run_at_clip.__name__)
    own = [frame for frame in frames if _is_own(frame) and frame.name not in guards]
    places = [] if not own else [own[-1]]
    if frames and frames[-1] not in places:
        places.append(frames[-1])
    return ", ".join(f"{_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in places)


def _is_own(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).is_relative_to(PROJECT_ROOT) and "site-packages" not in frame.filename


def _short(filename: str) -> str:
    """A path relative to the project or to the libraries' folder."""
    path = Path(filename)
    if path.is_relative_to(PROJECT_ROOT) and "site-packages" not in filename:
        return path.relative_to(PROJECT_ROOT).as_posix()
    return filename.rpartition("site-packages/")[2]
