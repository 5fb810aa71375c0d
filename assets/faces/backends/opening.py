"""Opens the back end that the settings name; only its libraries are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from assets.faces.backends.face_alignment import FaceAlignmentBackend, Networks
from assets.faces.backends.interface import FaceBackend
from assets.faces.settings import TrackSettings


def open_backend(settings: TrackSettings, networks_socket: str | None = None) -> FaceBackend:
    """The back end with its weights loaded.

    Args:
        settings: which one, and where it computes.
        networks_socket: of ``shared_networks``: uses the networks of that process.

    Raises:
        BackendUnavailableError: a library or a weights file is missing; the message says how to get it.
    """
    if settings.backend == "dlib":
        from assets.faces.backends.dlib import DlibBackend

        return DlibBackend()
    return FaceAlignmentBackend(
        _open_networks(settings.device, networks_socket), batch_frames=settings.batch_frames
    )


def _open_networks(device: str, socket: str | None = None) -> Networks:
    if socket is not None:
        from assets.faces.backends.shared import SharedNetworks

        return SharedNetworks(socket)
    from assets.faces.backends.face_networks import FaceNetworks

    return FaceNetworks.from_cache(device=device)


@contextmanager
def shared_networks(settings: TrackSettings, num_workers: int) -> Iterator[str | None]:
    """Yields the socket of a process that owns the networks for all workers; None where nothing is shared.

    Args:
        settings: of ``face_tracks``; dlib shares nothing.
        num_workers: client processes; 0 for work in the calling process.
    """
    if settings.backend == "dlib" or num_workers == 0:
        yield None
        return
    from assets.faces.backends.shared import served

    open_networks = partial(_open_networks, settings.device)
    with served(open_networks, batch_frames=settings.batch_frames) as socket:
        yield socket
