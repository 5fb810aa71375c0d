"""Checks the place of a dub before any work: a folder that can be written to, with room for the file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# Room that is left, and bits a pixel: more than the default quality takes, and than pixels without loss do.
SPARE_BYTES = 64 << 20
BITS_PER_PIXEL, LOSSLESS_BITS_PER_PIXEL = 0.3, 6.0


def check_folder(out: Path) -> None:
    """Rejects a place where no file can be written; a folder that is missing is made later.

    Raises:
        OSError: what is wrong, and what would be right.
    """
    if out.is_dir():
        raise OSError(f"{out}: is a folder; give the name of a file")
    folder = out.absolute().parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir():
        raise OSError(f"{out}: {existing} is no folder; give a file in a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OSError(f"{out}: the folder {existing} can't be written to; give another folder")
    if shutil.disk_usage(existing).free < SPARE_BYTES:
        raise OSError(f"{out}: the disk of {existing} is full; free some space or give another folder")


def check_room(out: Path, num_pixels: int, *, lossless: bool) -> None:
    """Rejects a disk with too little room.

    Args:
        out: the file.
        num_pixels: of all its frames together.
        lossless: pixels are kept as they are.

    Raises:
        OSError: how much is needed and how much there is.
    """
    folder = out.absolute().parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    bits = LOSSLESS_BITS_PER_PIXEL if lossless else BITS_PER_PIXEL
    needed, free = int(num_pixels * bits / 8) + SPARE_BYTES, shutil.disk_usage(existing).free
    if free < needed:
        raise OSError(
            f"{out}: the dub may take {needed >> 20} MiB, the disk of {existing} has {free >> 20}; free some space or "
            "give another folder"
        )
