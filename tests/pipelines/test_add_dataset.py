"""``cals add``: the folder is checked before ``cals.yaml`` is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.atomic_files import write_text
from assets.project.settings import Project, SettingsError, load_project
from assets.raw_videos.layouts.source_clip import LayoutError
from pipelines.add_dataset import add_dataset


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("CALS_HOME", raising=False)
    write_text(tmp_path / "cals.yaml", "# kept\ndatasets: {}\n")
    for number in range(90):
        write_text(tmp_path / "grid" / "s1" / f"bbaf{number}n.mpg", "")
    return load_project(tmp_path / "cals.yaml")


def test_a_dataset_is_added_with_buckets_for_its_clips(project: Project) -> None:
    root = project.config_path.parent / "grid"
    line = add_dataset(project, "words", "grid", str(root), "tiny")
    assert (
        line
        == f"words: 90 sources in {root} as grid, profile tiny, 3 buckets; next: cals run --dataset words"
    )
    added = load_project(project.config_path).dataset("words")
    assert (added.layout, added.root, added.profile, added.num_buckets) == ("grid", root, "tiny", 3)
    assert project.config_path.read_text().startswith("# kept")


def test_nothing_is_added_after_an_error(project: Project) -> None:
    before = project.config_path.read_text()
    root = project.config_path.parent / "grid"
    with pytest.raises(SettingsError, match="dataset name 'Words': use lower-case letters"):
        add_dataset(project, "Words", "grid", str(root), "tiny")
    with pytest.raises(LayoutError, match="no such folder"):
        add_dataset(project, "words", "grid", str(root / "none"), "tiny")
    with pytest.raises(LayoutError, match="not laid out as lrw"):
        add_dataset(project, "words", "lrw", str(root), "tiny")
    assert project.config_path.read_text() == before
