"""The view that lists the clips which lose or repeat most of their footage first."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.home import Home
from assets.store.table_parts import write_part
from assets.store.warehouse import publish, query


def test_the_worst_come_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    clips = {  # frames of the clip, seconds left out, frames of the track, repeated frames
        "whole": (75, 0.0, 75, 0),
        "short": (50, 8.0, 50, 0),
        "slow": (75, 0.0, 75, 65),
        "lost": (100, 0.0, 60, 0),
    }
    inventory = [
        {"dataset": "d", "clip_id": name, "path": f"{name}.mp4", "status": "ok", "fps": 25.0,
         "num_frames": num, "trimmed_s": trimmed_s}
        for name, (num, trimmed_s, _, _) in clips.items()
    ]  # fmt: skip
    rejected = {"dataset": "d", "clip_id": "rejected", "path": "r.mp4", "status": "rejected"}
    tracks = [
        {"dataset": "d", "clip_id": name, "num_frames": kept, "repeated_frames": repeated}
        for name, (_, _, kept, repeated) in clips.items()
    ]
    write_part(home, "clip_inventory", [*inventory, rejected], dataset="d")
    write_part(home, "face_tracks", tracks, dataset="d")
    write_part(home, "clip_audio", [{"dataset": "d", "clip_id": "whole", "missing_share": 0.01}], dataset="d")
    publish(home)
    found = query(home.database, "from footage_kept").set_index("clip_id")
    assert list(found.index) == ["slow", "short", "lost", "whole"]
    assert found["source_frames"].to_dict() == {"whole": 75, "short": 250, "slow": 75, "lost": 100}
    assert found["kept_share"].to_dict() == pytest.approx(
        {"whole": 1.0, "short": 0.2, "slow": 1.0, "lost": 0.6}
    )
    assert found.loc["slow", "repeated_share"] == pytest.approx(65 / 75)
    assert found.loc["whole", "missing_audio_share"] == pytest.approx(0.01)
