"""Which probe a dataset's settings name, and where its weights are found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from assets.av_offsets.probe_source import probe_digest, probe_source
from assets.av_offsets.speaker_probe import speaker_probe
from assets.project.graph import STAGES
from assets.project.settings import Project, load_project


def project_with(folder: Path, **av_offsets: object) -> Project:
    """Datasets `own`, with these settings, and `other`."""
    values = "".join(f"        {name}: {value}\n" for name, value in av_offsets.items())
    entry = "    layout: grid\n    root: .\n    profile: tiny\n"
    text = f"datasets:\n  own:\n{entry}    settings:\n      av_offsets:\n{values}  other:\n{entry}"
    (folder / "cals.yaml").write_text(text)
    return load_project(folder / "cals.yaml", home=folder / "home")


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps({"format": 1, "weights_sha256": "ab" * 32}))


def test_a_model_of_another_dataset_is_found(tmp_path: Path) -> None:
    project = project_with(tmp_path, probe="sync_encoder", probe_dataset="other")
    assert probe_digest(project, "own") == "not made"
    with pytest.raises(FileNotFoundError, match="cals run --dataset other --to sync_encoder"):
        probe_source(project, "own")
    base = project.home.model("sync_encoder", "other")
    write_model(base / "abc")
    (base / "current.json").write_text(json.dumps({"folder": "abc"}))
    source = probe_source(project, "own")
    assert source is not None and (source.path, source.digest) == (base / "abc", "ab" * 32)
    assert probe_digest(project, "own") == "ab" * 32
    assert probe_source(project, "other") is None and probe_digest(project, "other") == "none"


def test_the_probe_chooses_among_faces_once_it_is_trained(tmp_path: Path) -> None:
    project = project_with(tmp_path, probe="sync_encoder", probe_dataset="other")
    assert speaker_probe(project, "own") is None
    base = project.home.model("sync_encoder", "other")
    write_model(base / "abc")
    (base / "current.json").write_text(json.dumps({"folder": "abc"}))
    judge = speaker_probe(project, "own")
    assert judge is not None and judge.digest == "ab" * 32
    assert "offset_probe" in STAGES["face_tracks"].sources


def test_a_dataset_never_measures_itself(tmp_path: Path) -> None:
    project = project_with(tmp_path, probe="sync_encoder", probe_dataset="own")
    for ask in (probe_source, probe_digest):
        with pytest.raises(ValueError, match="name another dataset"):
            ask(project, "own")


def test_files_are_found_beside_the_settings(tmp_path: Path) -> None:
    project = project_with(tmp_path, probe="syncnet", probe_path="weights/syncnet_v2.model")
    with pytest.raises(FileNotFoundError, match="give the file syncnet_v2"):
        probe_source(project, "own")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "syncnet_v2.model").write_bytes(b"weights")
    source = probe_source(project, "own")
    assert source is not None and source.kind == "syncnet"
    assert source.digest == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_an_unreadable_model_is_named(tmp_path: Path, text: str) -> None:
    project = project_with(tmp_path, probe="sync_encoder", probe_path="model")
    with pytest.raises(FileNotFoundError, match="give a trained model's folder"):
        probe_source(project, "own")
    write_model(tmp_path / "model")
    assert probe_digest(project, "own") == "ab" * 32
    (tmp_path / "model" / "model.json").write_text(text)
    with pytest.raises(ValueError, match="train the model again"):
        probe_source(project, "own")
