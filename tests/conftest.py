"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real clips; a test that needs them is skipped, saying so, where they are missing."""
    if not (SHARED_DATA / "grid" / "s1").is_dir():
        pytest.skip(f"needs the real clips of {SHARED_DATA}, which are not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def grid_clips(shared_data: Path) -> list[Path]:
    """Real GRID clips of one speaker, sorted by name."""
    return sorted((shared_data / "grid" / "s1").glob("*.mpg"))
