"""Every file of the odd footage is a clip of the right size, length and timing, or a row with the right reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.media.audio import read_audio
from assets.media.probe import probe
from assets.media.timeline import Span
from assets.media.video import read_ticks
from assets.raw_videos.walk import local_path, path_to_text
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import Rejected
from tests.support.hostile_files import ingest
from tests.support.media_files import measure
from tests.support.odd_footage import QUARTERS, Footage, odd_footage

# To the muxers' rounding (Matroska counts milliseconds), and the first sample above a quarter of the beep.
BEEP_S = 0.0021
GREY = 6
# The beep is half of full scale; a mix of unequal channels lowers it by a tenth or two.
LEAST_PEAK = 12_000


def observed(root: str, relative_path: str) -> list[str]:
    """What is wrong with a file's rows, frames and audio, in a worker."""
    wanted = next(one for one in odd_footage() if path_to_text(one.name) == relative_path)
    rows = ingest(root, relative_path)
    if len(rows) != 1:
        return [f"{len(rows)} clips: {[(row['start_s'], row['end_s'], row['reason']) for row in rows]}"]
    row = rows[0]
    if row["status"] != "ok" or wanted.reason is not None:
        return (
            []
            if row["reason"] == wanted.reason
            else [f"{row['reason']} ({row['detail']}), not {wanted.reason}"]
        )
    return [*_wrong_row(row, wanted), *_wrong_content(root, row, wanted)]


def _wrong_row(row: dict[str, Any], wanted: Footage) -> list[str]:
    wrong = []
    if (row["width"], row["height"]) != wanted.size:
        wrong.append(f"{row['width']}x{row['height']}, not {wanted.size}")
    if abs(row["num_frames_25"] - wanted.num_frames) > 1:
        wrong.append(f"{row['num_frames_25']} frames, not {wanted.num_frames}")
    return wrong


def _wrong_content(root: str, row: dict[str, Any], wanted: Footage) -> list[str]:
    found = probe(local_path(root, row["relative_path"]))
    span = Span(start_s=row["common_start_s"], num_frames=row["num_frames_25"])
    luma: list[float] = []
    for number, tick in enumerate(read_ticks(found, span)):
        luma.append(float(tick.frame.gray().mean()))
        if number == 2:
            shown = tick.frame.rgb()
    samples, wrong = read_audio(found, span).samples, []
    height, width = shown.shape[:2]
    seen = [
        float(np.median(shown[y : y + height // 4, x : x + width // 4]))
        for y in (height // 8, height * 5 // 8)
        for x in (width // 8, width * 5 // 8)
    ]
    if np.abs(np.subtract(seen, QUARTERS)).max() > GREY:
        wrong.append(f"quarters {seen}, not {QUARTERS}")
    if wanted.flash_times_s and np.abs(samples.astype(int)).max() < LEAST_PEAK:
        wrong.append(f"the beep is {np.abs(samples.astype(int)).max()} high, not 16384")
    for true_s in wanted.flash_times_s:
        at_s = true_s - (span.start_s - found.video.start_s)
        flash_s, beep_s = measure(samples, luma, at_s)
        if abs(flash_s - at_s) > wanted.flash_s or abs(beep_s - at_s) > BEEP_S:
            wrong.append(
                f"flash of {true_s:.3f} s off by {flash_s - at_s:+.4f} s, its beep by {beep_s - at_s:+.4f} s"
            )
    return wrong


@pytest.mark.proof
def test_every_file_is_a_right_clip_or_a_row_with_the_right_reason(tmp_path: Path) -> None:
    footage = odd_footage()
    assert len(footage) >= 120
    for one in footage:
        assert one.path is None or path_to_text(one.name) == one.path
        one.write(tmp_path / one.name)
    wrong: dict[str, Any] = {}
    with ClipPool(PoolSettings(num_workers=2, timeout_s=60.0)) as pool:
        paths = [path_to_text(one.name) for one in footage]
        futures = {path: pool.submit(observed, str(tmp_path), path) for path in paths}
        for path, future in futures.items():
            result = pool.result(future, "clips")
            if result:
                wrong[path] = str(result) if isinstance(result, Rejected) else result
    assert wrong == {}
