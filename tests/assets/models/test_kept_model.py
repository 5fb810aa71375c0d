"""A dataset with a base takes the base's finished training as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.models.kept_model import FILES, keep_model
from assets.models.training_files import read_imported_from


def write_training(folder: Path) -> Path:
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(name)
    (folder / "result.json").write_text(json.dumps({"host": "there", "versions": {"torch": "2.14.1"}}))
    (folder / "checkpoint.pt").write_text("large")
    return folder


def test_all_files_of_a_finished_training_are_copied_with_where_they_come_from(tmp_path: Path) -> None:
    base, out = write_training(tmp_path / "base"), tmp_path / "models" / "0123"
    out.mkdir(parents=True)
    (out / "checkpoint.pt").write_text("of a training that was begun here")
    keep_model(base, out)
    assert {path.name for path in out.iterdir()} == {*FILES, "imported.json"}
    assert (out / "model.safetensors").read_text() == "model.safetensors"
    origin = read_imported_from(out)
    assert origin is not None and (origin.folder, origin.host) == (str(base), "there")
    assert origin.library_versions == {"torch": "2.14.1"}
    (base / "model.json").write_text("changed")
    keep_model(base, out)
    assert (out / "model.json").read_text() == "model.json", "a finished one stays"


def test_an_incomplete_training_leaves_nothing(tmp_path: Path) -> None:
    base, out = write_training(tmp_path / "base"), tmp_path / "models" / "0123"
    (base / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        keep_model(base, out)
    assert list(out.parent.iterdir()) == []
