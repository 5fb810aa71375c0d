"""A working directory in which somebody left modules with the names of the standard library's."""

from __future__ import annotations

from pathlib import Path

NAMES = (
    "http", "socket", "selectors", "runpy", "json", "logging", "ssl", "email", "signal", "tempfile", "random", "struct",
    "asyncio", "pathlib", "pickle", "sitecustomize", "usercustomize", "pandas", "torch", "mlflow", "pipelines",
)  # fmt: skip


def plant_modules(folder: Path) -> Path:
    """Writes the modules into ``folder``; each that is imported adds its name to the file returned."""
    caught = folder.parent / f"{folder.name}.imported"
    for name in NAMES:
        (folder / f"{name}.py").write_text(
            f"open({str(caught)!r}, 'a').write({name + chr(10)!r})\nraise SystemExit('{name} of a stranger')\n"
        )
    return caught


def write_cals_script(folder: Path) -> Path:
    """The script ``cals`` as an installation writes it: its own folder, not the working directory, is on the path."""
    script = folder / "bin" / "cals"
    script.parent.mkdir()
    script.write_text("from pipelines.cli.main import entry\n\nif __name__ == '__main__':\n    entry()\n")
    return script
