"""The generated pages: the JSON Schema and the reference of the settings, and the data dictionary of the warehouse."""

from __future__ import annotations

from pathlib import Path

from assets.project.atomic_files import write_text
from assets.project.code_version import PROJECT_ROOT
from assets.project.settings_page import reference_page
from assets.project.settings_schema import schema_text

SCHEMA = Path("docs") / "cals.schema.json"
PAGE = Path("docs") / "settings.md"
DICTIONARY = Path("docs") / "data_dictionary.md"


def settings_files() -> dict[Path, str]:
    """Path in the checkout -> what belongs there."""
    from assets.store.data_dictionary import dictionary_page

    return {SCHEMA: schema_text(), PAGE: reference_page(), DICTIONARY: dictionary_page()}


def write_settings_files(root: Path = PROJECT_ROOT) -> list[Path]:
    """Brings the files up to date.

    Returns:
        Their paths.

    Raises:
        ValueError: not a checkout.
    """
    if not (root / "docs").is_dir():
        raise ValueError(
            f"{root / 'docs'}: no such folder; run cals schema --write in a checkout of the project"
        )
    written = []
    for path, text in settings_files().items():
        write_text(root / path, text)
        written.append(root / path)
    return written
