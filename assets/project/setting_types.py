"""Types of settings that several stages have."""

from __future__ import annotations

from typing import Annotated, Literal

from cals_models.declarations.bounds import Pattern

Split = Literal["train", "val", "test"]
FaceBackend = Literal["dlib", "face_alignment"]
ReferencePolicy = Literal["opposite_half"]
Device = Annotated[str, Pattern(regex="auto|(cpu|cuda)(:[0-9]+)?", text="auto, cpu, cuda or cuda:N")]
Sha256 = Annotated[
    str, Pattern(regex="([0-9a-f]{64})?", text="64 hex digits as sha256sum prints them, or nothing")
]
