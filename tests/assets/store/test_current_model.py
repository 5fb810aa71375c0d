"""The current model of a partition: written, read, and what an unreadable file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.store.current_model import (
    CURRENT_FILE,
    find_current_model,
    read_current_model,
    write_current_model,
)


def test_the_last_one_written_is_current(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_current_model(tmp_path)
    assert find_current_model(tmp_path) is None
    write_current_model(tmp_path, "first", "1")
    write_current_model(tmp_path, "second", "2")
    assert read_current_model(tmp_path) == find_current_model(tmp_path) == tmp_path / "second"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"folder"'])
def test_an_unreadable_file_names_itself_and_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / CURRENT_FILE).write_text(text)
    with pytest.raises(ValueError, match=rf"{CURRENT_FILE}: not readable .*run the training again"):
        read_current_model(tmp_path)
    assert find_current_model(tmp_path) is None
