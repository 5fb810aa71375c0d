"""Figure 2 of the page: what a mask costs, against a hand computation, and the frames that the stage kept."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from assets.project.home import Home
from assets.report.figure_2 import figure_2
from assets.report.warehouse_reader import WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish
from tests.support import warehouse_rows

NUM_CLIPS = 11
COSTS = {"wav2lip": 0.5, "cals": 0.2}


def values(method: str, length: int, clip: int) -> tuple[float, float]:
    """Masked and unmasked LMD; what the mask costs grows with its length and differs a little by clip."""
    unmasked = 1 + 0.1 * clip
    return unmasked + COSTS[method] * length + 0.01 * (clip % 3), unmasked


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    rows = []
    for method in COSTS:
        for length in (2, 5):
            for clip in range(NUM_CLIPS):
                known = (length, clip) != (5, 0)
                masked, unmasked = values(method, length, clip)
                rows.append({
                    "dataset": "d", "method": method, "clip_id": f"c{clip}", "mask_frames": length,
                    "lmd_masked": masked if known else None, "lmd_unmasked": unmasked if known else None,
                    "detail": None if known else "too short",
                })  # fmt: skip
    write_part(home, "masked_audio", rows, dataset="d")
    publish(home)
    return home


def test_costs_are_paired_differences_with_intervals(home: Home) -> None:
    with connect(home.database) as connection:
        shown = figure_2(home, WarehouseReader(connection), "d", ("wav2lip", "cals"), "cals")
    assert shown.why == "" and shown.missing == [("too short", 2)] and shown.others == ["Wav2Lip"]
    for group in shown.groups:
        for length, row in zip((2, 5), group.rows, strict=True):
            clips = range(1 if length == 5 else 0, NUM_CLIPS)
            masked, unmasked = np.array([values(group.corpus, length, clip) for clip in clips]).T
            texts = [cell.text for cell in row.cells]
            expected = [
                f"{unmasked.mean():.3f}",
                f"{masked.mean():.3f}",
                f"+{(masked - unmasked).mean():.3f}",
            ]
            assert texts == [*expected, str(len(clips))]
            assert (row.cells[2].verdict, row.label) == ("worse", f"{length} frames, {40 * length} ms")
    assert [row.cells[0].text for row in shown.pairs] == ["\N{MINUS SIGN}0.600", "\N{MINUS SIGN}1.500"]
    assert {row.cells[0].verdict for row in shown.pairs} == {"better"}


def test_means_and_intervals_are_those_of_the_view(home: Home) -> None:
    with connect(home.database) as connection:
        warehouse = WarehouseReader(connection)
        shown = figure_2(home, warehouse, "d", ("wav2lip", "cals"), "cals")
        points = warehouse.rows("from figure_2 order by method desc, mask_frames")
    cells = [(group.corpus, row.cells) for group in shown.groups for row in group.rows]
    for (method, (unmasked, masked, *_)), point in zip(cells, points, strict=True):
        assert method == point["method"]
        for cell, column in ((unmasked, "lmd_unmasked"), (masked, "lmd_masked")):
            mean, low, high = (point[f"{column}{end}"] for end in ("", "_low", "_high"))
            assert (cell.text, cell.interval) == (f"{mean:.3f}", f"{low:.3f} to {high:.3f}")
            assert low < mean < high


def test_chart_holds_masked_and_unmasked_curves_of_each_method(home: Home) -> None:
    with connect(home.database) as connection:
        shown = figure_2(home, WarehouseReader(connection), "d", ("wav2lip", "cals"), "cals")
    assert shown.chart is not None and shown.legend == [("Wav2Lip", 0), ("CALS", 1)]
    root = ElementTree.fromstring(shown.chart.svg)
    legend = [line.attrib["class"] for line in root.iter("polyline")]
    assert legend == ["curve s0", "curve s0 dashed", "curve s1", "curve s1 dashed"]
    assert [p.attrib["class"] for p in root.iter("polygon") if "band" in p.attrib["class"]] == [
        "band s0",
        "band s1",
    ]
    assert "Wav2Lip, masked from 2.51 to" in root.attrib["aria-label"]


def test_frames_are_read_from_the_kept_image(home: Home) -> None:
    frames = warehouse_rows.keep_strip(home, "d/test/clip", dataset="d")
    with connect(home.database) as connection:
        strip = figure_2(home, WarehouseReader(connection), "d", ("cals",), "cals").strip
    assert strip is not None and strip.clip_id == "d/test/clip" and sum(strip.hidden) == 4
    assert strip.labels == [
        "True frames", "Wav2Lip, all audio", "Wav2Lip, masked", "CALS, all audio", "CALS, masked"
    ]  # fmt: skip
    image = np.asarray(Image.open(BytesIO(base64.b64decode(strip.url.split(",")[1]))))
    assert (image == frames.swapaxes(1, 2).reshape(5 * 128, 8 * 128, 3)).all()


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with connect(publish(home)) as connection:
        trained = figure_2(home, WarehouseReader(connection), "d", ("ground_truth", "cals"), "cals")
        controls = figure_2(home, WarehouseReader(connection), "d", ("ground_truth",), "cals")
    assert trained.why == "Not measured yet: run the stage masked_audio."
    assert controls.why == "d has no trained method, only controls."
    assert (
        trained.chart is None and trained.strip is None and "masked_audio has not run" in trained.why_no_strip
    )
    plain = home.stage("masked_audio", "d") / "pictures" / "masked_frames.png"
    plain.parent.mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(plain)
    with connect(home.database) as connection:
        shown = figure_2(home, WarehouseReader(connection), "d", ("cals",), "cals")
    assert shown.strip is None and "run the stage masked_audio again" in shown.why_no_strip
