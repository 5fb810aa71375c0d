"""Wrong settings are rejected with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.av_offsets.settings import AvOffsetSettings
from assets.project.settings import SettingsError, load_project


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"probe": "ear"}, "one of none, sync_encoder, syncnet"),
        ({"probe_path": "x"}, "name the kind of probe"),
        ({"probe": "sync_encoder"}, "one of them"),
        ({"probe": "sync_encoder", "probe_dataset": "a", "probe_path": "b"}, "one of them"),
        ({"probe": "syncnet"}, "the file syncnet_v2.model"),
        ({"probe": "syncnet", "probe_path": "b", "max_shift_frames": 9}, "looks at 15"),
        ({"min_overlap_frames": 0}, "1 or more"),
        ({"min_peak_clearness": -1.0}, "0 or more"),
    ],
)
def test_wrong_settings_say_what_would_be_right(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AvOffsetSettings(**values)  # type: ignore[arg-type]


def test_wrong_settings_in_the_file_name_the_dataset(tmp_path: Path) -> None:
    text = "datasets:\n  own:\n    layout: grid\n    root: .\n    profile: tiny\n    settings: {av_offsets: {probe: ear}}\n"
    (tmp_path / "cals.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"datasets\.own\.settings\.av_offsets\.probe is 'ear'"):
        load_project(tmp_path / "cals.yaml", home=tmp_path / "home")
