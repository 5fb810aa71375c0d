"""Opens the back end that the settings name; only its libraries are loaded, and only its code is in a code version."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, cast

from assets.faces.backends.interface import FaceBackend
from assets.faces.settings import TrackSettings
from cals_models.references import Choices, load

BACKENDS = Choices(
    dlib="assets.faces.backends.dlib",
    face_alignment="assets.faces.backends.face_alignment",
)
"""Name, as the settings have it -> module of the back end."""


class BackendModule(Protocol):
    """What the module of a back end defines."""

    def open_backend(self, settings: TrackSettings, networks_socket: str | None) -> FaceBackend:
        """See `open_backend` below."""
        ...

    def shared_networks(
        self, settings: TrackSettings, num_workers: int
    ) -> AbstractContextManager[str | None]:
        """See `shared_networks` below."""
        ...


def _module(settings: TrackSettings) -> BackendModule:
    return cast(BackendModule, load(BACKENDS[settings.backend]))


def open_backend(settings: TrackSettings, networks_socket: str | None = None) -> FaceBackend:
    """The back end with its weights loaded.

    Args:
        settings: which one, and where it computes.
        networks_socket: of ``shared_networks``: uses the networks of that process.

    Raises:
        BackendUnavailableError: a library or a weights file is missing; the message says how to get it.
    """
    return _module(settings).open_backend(settings, networks_socket)


def shared_networks(settings: TrackSettings, num_workers: int) -> AbstractContextManager[str | None]:
    """Yields the socket of a process that owns the networks for all workers; None where nothing is shared.

    Args:
        settings: of ``face_tracks``; dlib shares nothing.
        num_workers: client processes; 0 for work in the calling process.
    """
    return _module(settings).shared_networks(settings, num_workers)
