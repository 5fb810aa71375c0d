"""How a clip fails: rejected, ended by an unexpected error (both become a row), or by a fault that no clip causes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

UNEXPECTED = "unexpected_error"
"""Reason of a clip at which the pipeline raised what it does not understand: a defect of the pipeline, not of the clip."""


class PipelineFault(RuntimeError):
    """An error that no clip causes, such as missing weights: it ends the run instead of becoming a row."""


@contextmanager
def fault_of_no_clip(what: str) -> Iterator[None]:
    """Whatever is raised inside is a ``PipelineFault``; ``what`` says what failed."""
    try:
        yield
    except (PipelineFault, MemoryError):
        raise
    except Exception as error:
        raise PipelineFault(f"{what}: {error}") from error


class Rejected(Exception):
    """Raised by a per-clip function when the clip can't be used; becomes a row of the stage's table.

    Args:
        stage: name of the asset that rejects the clip, e.g. ``face_tracks``.
        reason: snake_case code that tables group by, e.g. ``no_face``.
        detail: one sentence with the values: what was found and what would be right.

    Attributes:
        input_digest: of the input that was rejected, where only the worker knows it.
    """

    input_digest: str | None = None

    def __init__(self, stage: str, reason: str, detail: str) -> None:
        super().__init__(stage, reason, detail)
        self.stage = stage
        self.reason = reason
        self.detail = detail

    @property
    def told(self) -> str:
        """Code and sentence, as a column has them that holds both."""
        return f"{self.reason}: {self.detail}"

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}: {self.detail}"
