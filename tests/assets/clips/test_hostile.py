"""Every hostile file given ends as at least one clip or as a row that says why not, and the run goes on."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from assets.raw_videos.layouts.registry import enumerate_sources
from assets.raw_videos.layouts.source_clip import SourceClip
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import Rejected
from tests.support.hostile_files import ingest, make_hostile_set


def outcomes(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Path -> rows, in workers that may crash or hang."""
    rows: dict[str, list[dict[str, Any]]] = {}
    with ClipPool(PoolSettings(num_workers=2, timeout_s=60.0)) as pool:
        futures: dict[str, Future[Any]] = {}
        for item in enumerate_sources("folder", root):
            if isinstance(item, SourceClip):
                futures[item.relative_path] = pool.submit(ingest, str(root), item.relative_path)
            else:
                rows[item.relative_path] = [
                    {"status": "rejected", "stage": "clips", "reason": item.reason, "detail": item.detail}
                ]
        for path, future in futures.items():
            result = pool.result(future, "clips")
            if isinstance(result, Rejected):
                stated = {"stage": result.stage, "reason": result.reason, "detail": result.detail}
                result = [{"status": "rejected"} | stated]
            rows[path] = result
    return rows


def check(root: Path, given: list[Path]) -> Counter[str]:
    rows = outcomes(root)
    assert len(rows) == len(given)
    reasons: Counter[str] = Counter()
    for path, found in rows.items():
        assert found, path
        for row in found:
            reasons[row["reason"] or "ok"] += 1
            if row["status"] != "ok":
                assert row["stage"] and row["reason"] and row["detail"], (path, row)
    print(json.dumps(dict(reasons.most_common())))
    return reasons


def test_a_few_hostile_files(tmp_path: Path, grid_clips: list[Path]) -> None:
    given = make_hostile_set(tmp_path / "hostile", grid_clips, num_mutated=8)
    rows = {path: found[0] for path, found in outcomes(tmp_path / "hostile").items()}
    assert len(rows) == len(given)
    reasons = {path: row["reason"] if row["status"] != "ok" else "ok" for path, row in rows.items()}
    expected = {
        "text.mp4": "not_a_video",
        "empty.mp4": "empty_file",
        "playlist.mp4": "not_a_video",
        "pipe.mp4": "not_a_file",
        "dangling.mp4": "dangling_link",
        "mute.mp4": "no_audio_stream",
        "sound_only.mp4": "no_video_stream",
        "huge.mp4": "no_audio_stream",
        "one_frame.mp4": "too_short",
        "tiny.mkv": "too_small",
        "fast.mp4": "frame_rate",
        "claims_hours.mkv": "too_long",
        "surround.mkv": "ok",
        "low_rate.mov": "ok",
        "one/same.mpg": "ok",
        "two/same.mpg": "ok",
        "a b.mpg": "ok",
        "line\\x0abreak.mpg": "ok",
        "\\xff\\xfe\\\\.mpg": "ok",
    }
    assert {path: reasons[path] for path in expected} == expected


@pytest.mark.proof
def test_every_hostile_file_is_accounted_for(tmp_path: Path, grid_clips: list[Path]) -> None:
    given = make_hostile_set(tmp_path / "hostile", grid_clips, num_mutated=240)
    assert len(given) >= 260
    reasons = check(tmp_path / "hostile", given)
    assert reasons["ok"] > 20
    assert reasons["damaged"] > 20
