"""Fixtures shared by all tests, and a closing line on tests that were left out because real clips are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.grid_stand_ins import make_grid_stand_ins

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"
_MISSING = f"needs the real clips of {SHARED_DATA}, which are not here"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real clips; a test that needs them is skipped, saying so, where they are missing."""
    if not (SHARED_DATA / "grid" / "s1").is_dir():
        pytest.skip(_MISSING)
    return SHARED_DATA


@pytest.fixture(scope="session")
def real_grid_clips(shared_data: Path) -> list[Path]:
    """Real GRID clips of one speaker, sorted by name."""
    return sorted((shared_data / "grid" / "s1").glob("*.mpg"))


@pytest.fixture(scope="session")
def grid_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Talking clips of one speaker in GRID's format: the real ones, or three of the sample corpus where they are missing."""
    real = SHARED_DATA / "grid" / "s1"
    if real.is_dir():
        return sorted(real.glob("*.mpg"))
    return make_grid_stand_ins(tmp_path_factory.mktemp("grid"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many tests were left out because the real clips are missing."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(_MISSING in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(
            f"{count} tests were left out: {_MISSING} (shared/ beside the checkout)", yellow=True
        )
