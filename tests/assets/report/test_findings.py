"""The verdict follows the scores, whichever way they point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assets.project.home import Home
from assets.report.findings import findings, headline_sentence
from assets.report.warehouse_reader import WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish


def rows_of(method: str, lmd: tuple[float, float], psnr: float) -> list[dict[str, Any]]:
    """Ten clips; ``lmd`` with the own and the other audio."""
    common = {"dataset": "d", "method": method, "protocol": "primary", "evaluator": "e", "detail": None}
    rows = []
    for i in range(10):
        jitter = (i % 5 - 2) * 0.02
        clip = common | {"clip_id": f"d/test/{i}"}
        rows += [
            clip | {"audio": "own", "metric": "lmd", "value": lmd[0] + jitter},
            clip | {"audio": "other", "metric": "lmd", "value": lmd[1] - jitter},
            clip | {"audio": "own", "metric": "psnr", "value": psnr + jitter},
            clip | {"audio": "own", "metric": "ssim", "value": psnr / 40 + jitter / 100},
        ]
    return rows


def verdict(folder: Path, cals: tuple[tuple[float, float], float] | None) -> tuple[list[str], str]:
    home = Home(folder)
    write_part(home, "clip_metrics", rows_of("copy_reference", (2.0, 2.0), 25), dataset="d", method="copy")
    if cals:
        write_part(home, "clip_metrics", rows_of("cals", *cals), dataset="d", method="cals")
    with connect(publish(home)) as connection:
        found = findings(WarehouseReader(connection), "d", "cals")
    return [finding.status for finding in found[:2]], headline_sentence(found, "CALS")


@pytest.mark.parametrize(
    ("cals", "statuses", "words"),
    [
        (((1.0, 2.0), 30), ["shown", "shown"], "mouths that follow the audio, and does better"),
        (((1.0, 1.0), 30), ["shown", "not shown"], "not shown to follow the audio"),
        (((1.0, 2.0), 20), ["against", "shown"], "but it is not better"),
        (((2.5, 2.0), 20), ["against", "against"], "neither shown"),
        (None, ["missing", "missing"], "are not complete"),
    ],
)
def test_verdict(
    tmp_path: Path, cals: tuple[tuple[float, float], float] | None, statuses: list[str], words: str
) -> None:
    found, sentence = verdict(tmp_path, cals)
    assert found == statuses
    assert words in sentence


def curve_rows(method: str) -> list[dict[str, Any]]:
    common = {"dataset": "d", "asset": "generator", "method": method, "metric": "reference_nearness"}
    points = [("val", 240, 0.1), ("val", 480, 0.4), ("train", 480, 0.9)]
    return [common | {"split": split, "step": step, "value": value} for split, step, value in points]


@pytest.mark.parametrize("unfinished", [(), ("cals",), ("wav2lip", "cals")])
def test_methods_are_compared_only_once_their_trainings_are_at_the_plateau(
    tmp_path: Path, unfinished: tuple[str, ...]
) -> None:
    home = Home(tmp_path)
    for method, lmd in (("copy_reference", 3.0), ("wav2lip", 2.0), ("cals", 1.0)):
        write_part(home, "clip_metrics", rows_of(method, (lmd, 2.5), 30 - lmd), dataset="d", method=method)
    for method in unfinished:
        warning = {"warning": "not_at_plateau", "text": "mouths still came nearer", "step": 480}
        model = {
            "dataset": "d",
            "asset": "generator",
            "method": method,
            "warnings_json": json.dumps([warning]),
        }
        write_part(home, "models", [model], dataset="d", method=method)
        write_part(home, "training_curves", curve_rows(method), dataset="d", method=method)
    with connect(publish(home)) as connection:
        found = findings(WarehouseReader(connection), "d", "cals")
    against = next(finding for finding in found if "Wav2Lip baseline" in finding.claim)
    assert against.status == ("not at the plateau" if unfinished else "shown")
    assert against.evidence.count("mouths still came nearer") == len(unfinished)
    labels = {"cals": "CALS", "wav2lip": "Wav2Lip"}
    assert [chart.title.split(":")[0] for chart in against.charts] == [
        labels[name] for name in sorted(unfinished)
    ]
    assert all("validation from 0.1 to 0.4, over 480 steps" in chart.svg for chart in against.charts)
