"""Where child processes of the project import from: its own code and installed packages, never the working directory.

Python puts the working directory first on its path for ``-m`` and ``-c``, so that a file ``http.py`` that lies there would
run in place of the standard library's. The safe path leaves it out, also in the children of children: worker processes,
Dagster's code server and runs. Where a library adds the working directory itself (Dagster, uvicorn), the child is started
in a folder of ours, in which there is no code.
"""

from __future__ import annotations

import json
import os
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cals_models.references import PROJECT_ROOT


def import_paths(root: Path = PROJECT_ROOT) -> dict[str, str]:
    """The environment variables that say where a child process imports from: ``root`` holds the project's packages."""
    entries = [
        os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry
    ]
    if not _is_installed(root):
        entries.insert(0, str(root))
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(entries)), "PYTHONSAFEPATH": "1"}


def child_environment(root: Path = PROJECT_ROOT, /, **more: str) -> dict[str, str]:
    """This process's environment with ``import_paths`` and what is given."""
    return {**os.environ, **import_paths(root), **more}


@cache
def _is_installed(root: Path) -> bool:
    """Whether Python finds this very code without being told: a checkout on the path goes before the standard library."""
    if str(root) in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return True
    try:
        source = distribution("cals").read_text("direct_url.json")
    except PackageNotFoundError:
        return False
    return source is not None and json.loads(source).get("url") == root.as_uri()
