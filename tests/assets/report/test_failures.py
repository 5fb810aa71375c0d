"""Failures are counted with their reasons; what is missing by definition is none."""

from __future__ import annotations

from pathlib import Path

from assets.project.home import Home
from assets.report.failures import checked, failures
from assets.report.warehouse_reader import WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish
from tests.support import warehouse_rows


def test_failures_of_every_stage_are_counted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    clips = warehouse_rows.fill(home)
    warehouse_rows.fill_partial_audio(home, clips)
    renders = [
        {
            "dataset": warehouse_rows.DATASET, "method": "cals", "audio": audio, "clip_id": clip,
            "status": "rejected" if (audio, place) in (("own", 1), ("own", 2)) else "ok",
            "reason": "too_short" if place in (1, 2) else None, "detail": "9 frames",
        }
        for audio in ("own", "other")
        for place, clip in enumerate(clips)
    ]  # fmt: skip
    write_part(home, "render_clips", renders, dataset=warehouse_rows.DATASET, method="cals")
    with connect(publish(home)) as connection:
        warehouse = WarehouseReader(connection)
        found = failures(warehouse, warehouse_rows.DATASET, ["This clip can't be shown: no file."], 3)
        text = checked(warehouse, warehouse_rows.DATASET)
    by_work = {(f.method, f.what): (f.num_failed, f.num_all, f.why.split(":")[0]) for f in found}
    assert by_work == {
        ("CALS", "Rendering with the clip's own audio"): (2, 14, "too_short"),
        ("Wav2Lip", "LMD (primary) with the clip's own audio"): (1, 14, "no face found in 75 of 75 frames of the render and 0 of the truth"),
        ("Wav2Lip", "LMD (primary) with another clip's audio"): (1, 14, "no face found in 75 of 75 frames of the render and 0 of the truth"),
        ("CALS", "Figure 2, masked audio"): (1, 56, "the clip has 29 frames"),
        ("Wav2Lip", "Figure 2, masked audio"): (1, 56, "the clip has 29 frames"),
        ("all", "Video on this page"): (1, 3, "This clip can't be shown"),
    }  # fmt: skip
    assert text == "28 renders and 784 scores of 14 test clips"


def test_nothing_rendered_is_no_failure(tmp_path: Path) -> None:
    with connect(publish(Home(tmp_path))) as connection:
        warehouse = WarehouseReader(connection)
        assert failures(warehouse, "d", [], 0) == [] and checked(warehouse, "d") == ""
