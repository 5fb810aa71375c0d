"""Opens the back end that the settings name. Only that one's libraries are loaded."""

from __future__ import annotations

from assets.faces.backends.interface import FaceBackend
from assets.faces.settings import TrackSettings


def open_backend(settings: TrackSettings) -> FaceBackend:
    """The back end with its weights loaded.

    Raises:
        BackendUnavailableError: a library or a weights file is missing; the message says how to get it.
    """
    if settings.backend == "dlib":
        from assets.faces.backends.dlib import DlibBackend

        return DlibBackend()
    from assets.faces.backends.face_alignment import FaceAlignmentBackend

    return FaceAlignmentBackend.from_cache(device=settings.device, batch_frames=settings.batch_frames)
