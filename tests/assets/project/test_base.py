"""``base`` of a dataset: which datasets may be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.settings import SettingsError, load_project

DATASETS = """datasets:
  big: {layout: folder, root: big, profile: tiny}
  me: {layout: folder, root: me, profile: tiny, base: big}
"""


def load(folder: Path, text: str) -> None:
    (folder / "cals.yaml").write_text(text)
    load_project(folder / "cals.yaml")


def test_a_base_is_another_dataset_of_the_same_profile_without_a_base(tmp_path: Path) -> None:
    load(tmp_path, DATASETS)
    with pytest.raises(SettingsError, match=r"me\.base: big has profile paper.*give me that profile"):
        load(tmp_path, DATASETS.replace("root: big, profile: tiny", "root: big, profile: paper"))
    with pytest.raises(
        SettingsError, match=r"me\.base: big has no generators of wav2lip; give me methods of cals"
    ):
        load(
            tmp_path,
            DATASETS.replace("root: big,", "root: big, methods: [cals],").replace(
                "root: me,", "root: me, methods: [cals, wav2lip, ground_truth],"
            ),
        )
    you = "  you: {layout: folder, root: you, profile: tiny, base: me}\n"
    with pytest.raises(SettingsError, match=r"you\.base: me adapts the models of big itself; name big"):
        load(tmp_path, DATASETS + you)


@pytest.mark.parametrize("key", ["base: big", "train_on: [big]"])
def test_a_dataset_of_another_crop_size_is_not_adapted_nor_trained_on(tmp_path: Path, key: str) -> None:
    text = DATASETS.replace("base: big", key + ", methods: [cals, ground_truth]")
    large = "settings: {face_crops: {crop_px: 256}}"
    load(tmp_path, text + large)
    load(
        tmp_path,
        text.replace("tiny}", f"tiny, {large}}}").replace("ground_truth]}", f"ground_truth], {large}}}"),
    )
    with pytest.raises(SettingsError) as error:
        load(tmp_path, text.replace("profile: tiny}", f"profile: tiny, {large}}}", 1))
    assert str(error.value) == (
        f"{tmp_path / 'cals.yaml'}: datasets.me.{key.partition(':')[0]}: big has crops of 256 px, me of 128 px, and a generator"
        " (cals) draws one size; give both the same face_crops.crop_px"
    )
