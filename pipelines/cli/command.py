"""What the module of a command is given and returns."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assets.project.settings import Project

Command = Callable[[argparse.Namespace], int]
"""Runs a command with its parsed arguments and returns the exit status."""
Add = Callable[[str, Command, str], argparse.ArgumentParser]
"""``add(name, run, text)`` registers a command with its help text and returns its parser."""


def open_project() -> Project:
    """The project of ``--config``, ``CALS_CONFIG`` or the nearest ``cals.yaml``; imported when a command needs it."""
    from assets.project.settings import load_project

    return load_project()
