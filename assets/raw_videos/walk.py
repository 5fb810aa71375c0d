"""Finds the files of a dataset's folder, also where it holds loops, dangling links, odd names or closed folders."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cals_models.terminal.printable import escaped, is_unprintable

# Of `path_to_text`: a backslash, or a byte.
ESCAPE = re.compile(rb"\\\\|\\x[0-9a-f]{2}")


class FoundFile(NamedTuple):
    """One entry of the walk.

    Attributes:
        relative_path: text form of the path below the root, `/` between parts (see `path_to_text`).
        num_bytes, mtime_ns: from `stat`; None when the entry could not be read.
        problem: None, or a reason code: unreadable, unreadable_folder, dangling_link, not_a_file, folder_again.
    """

    relative_path: str
    num_bytes: int | None
    mtime_ns: int | None
    problem: str | None


def path_to_text(path: str) -> str:
    r"""Writes a path as valid, legible text of one line that `path_from_text` turns back into the path.

    Bytes that are not UTF-8 and control characters become `\xNN`, a backslash becomes `\\`; all else stays as it is.

    >>> path_to_text("a b/c\udcff\n.mp4")
    'a b/c\\xff\\x0a.mp4'
    """
    return escaped(path.replace("\\", "\\\\"))


def path_from_text(text: str) -> str:
    r"""Turns `path_to_text`'s form back into a path that `open` takes.

    >>> path_from_text('a b/c\\xff.mp4') == "a b/c\udcff.mp4"
    True
    """
    if "\\" not in text:
        return text
    data = ESCAPE.sub(_unescaped, text.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def as_shown(given: str) -> str:
    r"""What a person typed for a path or an id, as tables have it: a path with odd bytes, as a shell completes it, too.

    >>> as_shown("a\udcff.mp4"), as_shown(r"a\xff.mp4")
    ('a\\xff.mp4', 'a\\xff.mp4')
    """
    return path_to_text(given) if any(map(is_unprintable, given)) else given


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match.group()
    return b"\\" if escape == b"\\\\" else bytes.fromhex(escape[2:].decode())


def same_name(path: str) -> str:
    """A path's form in which the two ways to write an accented letter (Unicode's NFC and NFD) are equal."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def local_path(root: Path | str, relative_path: str) -> Path:
    """The file on disk of a row's `relative_path` (its text form)."""
    return Path(root) / path_from_text(relative_path)


def walk(root: Path | str, wanted: Callable[[str], bool]) -> list[FoundFile]:
    """Lists the wanted files below a folder, sorted by path.

    Links are followed. Each folder is visited once, under its real name if that lies below the root, so loops end and
    are reported (`folder_again`). Only regular files count: a pipe or device named like a video is a problem.

    Args:
        root: the folder.
        wanted: whether the layout reads the file of a relative path (text form).

    Returns:
        One entry a wanted file, and one for each folder that could not be entered.

    Raises:
        NotADirectoryError, FileNotFoundError: if the root is not a folder.
    """
    root = os.fspath(root)
    status = os.stat(root)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(root)
    seen = {(status.st_dev, status.st_ino)}
    found: list[FoundFile] = []
    links: list[tuple[str, str]] = []
    _visit(root, "", wanted, seen, found, links)
    while links:
        path, prefix = links.pop(0)
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:
            found.append(_problem(prefix, "folder_again"))
            continue
        seen.add((status.st_dev, status.st_ino))
        _visit(path, prefix + "/", wanted, seen, found, links)
    return sorted(found, key=lambda file: file.relative_path)


def _visit(
    folder: str,
    prefix: str,
    wanted: Callable[[str], bool],
    seen: set[tuple[int, int]],
    found: list[FoundFile],
    links: list[tuple[str, str]],
) -> None:
    """Lists the real folders below `folder`, without recursion, and collects links to folders in `links`."""
    pending = [(folder, prefix)]
    while pending:
        here, prefix = pending.pop()
        try:
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            found.append(_problem(prefix.rstrip("/") or ".", "unreadable_folder"))
            continue
        for entry in entries:
            name = prefix + path_to_text(entry.name)
            if entry.is_dir(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                seen.add((status.st_dev, status.st_ino))
                pending.append((entry.path, name + "/"))
            elif entry.is_symlink() and _is_folder(entry):
                links.append((entry.path, name))
            elif wanted(name):
                found.append(_file(entry, name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file(entry: os.DirEntry[str], name: str) -> FoundFile:
    try:
        status = entry.stat()
    except FileNotFoundError:
        return _problem(name, "dangling_link" if entry.is_symlink() else "vanished")
    except OSError as error:
        return _problem(name, "link_loop" if error.errno == 40 else "unreadable")
    if not stat.S_ISREG(status.st_mode):
        return _problem(name, "not_a_file")
    return FoundFile(relative_path=name, num_bytes=status.st_size, mtime_ns=status.st_mtime_ns, problem=None)


def _problem(name: str, problem: str) -> FoundFile:
    return FoundFile(relative_path=name, num_bytes=None, mtime_ns=None, problem=problem)
