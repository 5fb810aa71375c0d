"""The exception by which a function rejects a clip; it becomes a row, and the run goes on."""

from __future__ import annotations


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

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}: {self.detail}"
