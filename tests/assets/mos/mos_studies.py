"""A home with a few rendered clips, and raters who answer by a rule."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from assets.media.encode import write_lossless
from assets.mos.ratings import Journal, Rater
from assets.mos.scales import SCALE_NAMES
from assets.mos.study import Study, StudyVideo, open_study
from assets.project.home import Home
from assets.store.table_parts import write_part
from cals_models.shards.shard_format import clip_key

DATASET = "talks"
METHODS = ("ground_truth", "copy_reference", "wav2lip", "cals")
NUM_FRAMES = 10
Rule = Callable[[StudyVideo, str], int]


def clip_id(number: int) -> str:
    return f"{DATASET}/test/{number}"


def make_renders(home: Home, num_clips: int = 4, methods: Sequence[str] = METHODS) -> None:
    """Short videos (grey level by method, colour by clip, a bar that moves), own and other, with their table."""
    for place, method in enumerate(methods):
        rows = []
        for number in range(num_clips):
            frames = np.full((NUM_FRAMES, 128, 128, 3), 60 + 40 * place, np.uint8)
            for frame in range(NUM_FRAMES):
                frames[frame, 80 + frame : 90 + frame, 40:88] = (200, 20 * number, 60)
            tone = (3000 * np.sin(np.arange(640 * NUM_FRAMES) / 12)).astype(np.int16)
            for audio in ("own", "other"):
                path = f"{audio}/{clip_key(clip_id(number))}.mkv"
                target = home.renders(DATASET, method) / path
                write_lossless(target, frames, tone, title=f"{clip_id(number)} ({method}, {audio})")
                sha256 = hashlib.sha256(target.read_bytes()).hexdigest()
                row = {"dataset": DATASET, "method": method, "clip_id": clip_id(number), "audio": audio}
                rows.append(row | {"path": path, "sha256": sha256, "num_frames": NUM_FRAMES, "status": "ok"})
        write_part(home, "render_clips", rows, dataset=DATASET, method=method)


def list_renders(home: Home, num_clips: int = 4, methods: Sequence[str] = METHODS) -> None:
    """The table only, for tests that read no video."""
    for method in methods:
        rows = [
            {
                "dataset": DATASET,
                "method": method,
                "clip_id": clip_id(number),
                "audio": audio,
                "path": f"{audio}/{number}.mkv",
                "sha256": hashlib.sha256(f"{method} {number} {audio}".encode()).hexdigest(),
                "num_frames": NUM_FRAMES,
                "status": "ok",
            }
            for number in range(num_clips)
            for audio in ("own", "other")
        ]
        write_part(home, "render_clips", rows, dataset=DATASET, method=method)


def make_study(home: Home, num_clips: int = 3, methods: Sequence[str] = METHODS) -> Study:
    list_renders(home, num_clips + 1, methods)
    return open_study(home, DATASET, methods, num_clips=num_clips)


def answer_all(journal: Journal, rule: Rule, *, seconds: float | None = 9.0, most: int = 1000) -> Rater:
    """A new rater answers the videos in the order in which they come."""
    rater, _ = journal.add_rater()
    for _ in range(most):
        video = journal.next_video(rater)
        if video is None:
            break
        journal.add_answer(rater, video.name, {scale: rule(video, scale) for scale in SCALE_NAMES}, seconds)
    return rater
