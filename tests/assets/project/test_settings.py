"""cals.yaml: each wrong entry gets one line that says where, what, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.code_version import PROJECT_ROOT
from assets.project.graph import STAGES
from assets.project.settings import SettingsError, add_dataset, find_config, load_project

GOOD = """
# kept
settings:
  mels: {f_max_hz: 7000}
datasets:
  small: {layout: grid, root: data/grid, profile: tiny, num_buckets: 3, settings: {mels: {f_min_hz: 60}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "cals.yaml"
    path.write_text(text)
    return path


def test_overrides_reach_the_stage(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, GOOD))
    settings = project.stage_settings("small", "mels")
    assert (settings.f_min_hz, settings.f_max_hz) == (60, 7000)
    assert project.dataset("small").root == tmp_path / "data" / "grid"
    assert project.home.root == tmp_path / ".cals"


def test_the_digest_follows_the_values(tmp_path: Path) -> None:
    first = load_project(write(tmp_path, GOOD)).settings_digest("small", "mels")
    other = load_project(write(tmp_path, GOOD.replace("7000", "7200"))).settings_digest("small", "mels")
    again = load_project(write(tmp_path, GOOD)).settings_digest("small", "mels")
    assert first == again != other


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("f_max_hz", "f_max", r"no such key 'f_max' \(did you mean 'f_max_hz'"),
        ("mels: {f_max", "mel: {f_max", "unknown 'mel'"),
        ("layout: grid", "layout: gird", "did you mean 'grid'"),
        ("profile: tiny", "profile: small", "one of"),
        ("num_buckets: 3", "num_buckets: 0", "num_buckets"),
        ("root: data/grid, ", "", "root is missing"),
        ("small:", "Small:", "lower-case"),
        ("f_max_hz: 7000", "f_max_hz: -1", "f_max_hz"),
        ("f_max_hz: 7000", "f_max_hz: [", "not readable as YAML"),
        ("datasets:", "dataset:", "did you mean 'datasets'"),
        ("num_buckets: 3", "train_on: [smal]", "train_on: no dataset 'smal'.*others: none"),
        ("num_buckets: 3", "train_on: [small]", "reads its own train split anyway"),
        ("num_buckets: 3", "train_on: grid", "give a list of names of datasets"),
    ],
)
def test_wrong_entries(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        load_project(write(tmp_path, GOOD.replace(old, new)))
    assert str(tmp_path / "cals.yaml") in str(caught.value)


def test_unknown_dataset_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"smal.*did you mean 'small'"):
        load_project(write(tmp_path, GOOD)).dataset("smal")


def test_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    monkeypatch.delenv("CALS_CONFIG", raising=False)
    assert find_config() == path


def test_adding_keeps_comments_and_refuses_a_taken_name(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    entry = {"layout": "lrw", "root": "/data/lrw", "profile": "paper", "num_buckets": 10}
    add_dataset(path, "words", entry)
    add_dataset(path, "words", entry)
    assert "# kept" in path.read_text()
    assert load_project(path).dataset("words").layout == "lrw"
    with pytest.raises(SettingsError, match="other data"):
        add_dataset(path, "words", entry | {"root": "/elsewhere"})


def test_shipped_file_is_right() -> None:
    project = load_project(PROJECT_ROOT / "cals.yaml")
    for name in project.datasets:
        for stage in STAGES:
            assert project.settings_values(name, stage)
