"""Objects named by strings in the tables of the graph, so that the tables import none of their modules."""

from __future__ import annotations

import importlib
from typing import Any


def load(reference: str) -> Any:
    """What ``module:name`` names; imports the module."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)
