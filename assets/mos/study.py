"""A study: which videos are shown under which opaque names. Fixed when it is first served, then only read.

Its folder is ``<home>/mos/<dataset>/<name>/``: ``study.json``, ``answers.jsonl`` and ``videos/<opaque name>.mp4``.
"""

from __future__ import annotations

import json
import random
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from filelock import FileLock

from assets.mos.order import session_order
from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.store.table_parts import part_path

FORMAT = 1
DEFAULT_NAME = "main"
DEFAULT_NUM_CLIPS = 8
LONGEST_FRAMES = 250  # of a video that raters see, at 25 fps
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,40}")
GOOD_PRACTICE, BAD_PRACTICE = "in_sync", "out_of_sync"
Render = dict[str, Any]


class StudyError(ValueError):
    """A study can't be started or continued: which, why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class StudyVideo:
    """One video as raters know it.

    Args:
        name: opaque, random; all that a rater's browser sees of it.
        method: that generated the frames.
        clip_id: clip that was rendered.
        audio: own, or other (only to practise on).
        render: path of the lossless video relative to the method's folder of renders.
        render_sha256: of its bytes; another render is another video.
        num_frames: of the lossless video, at 25 fps.
    """

    name: str
    method: str
    clip_id: str
    audio: str
    render: str
    render_sha256: str
    num_frames: int


@dataclass(frozen=True, kw_only=True)
class Study:
    """What raters are shown.

    Args:
        folder: of its files.
        name, dataset: of the study.
        methods, clip_ids: every method is shown with every clip.
        videos: method x clip.
        practice: ``in_sync`` and perhaps ``out_of_sync`` -> video to practise on; its answers do not count.
    """

    folder: Path
    name: str
    dataset: str
    methods: tuple[str, ...]
    clip_ids: tuple[str, ...]
    videos: tuple[StudyVideo, ...]
    practice: Mapping[str, StudyVideo]

    @property
    def answers_path(self) -> Path:
        return self.folder / "answers.jsonl"

    @property
    def seed(self) -> str:
        return f"{self.dataset}/{self.name}"

    @property
    def all_videos(self) -> tuple[StudyVideo, ...]:
        return (*self.videos, *self.practice.values())

    def video_path(self, name: str) -> Path:
        return self.folder / "videos" / f"{name}.mp4"

    def order(self, rater_number: int) -> list[StudyVideo]:
        """The videos as the rater of that number sees them, first to last."""
        places = {(video.method, video.clip_id): video for video in self.videos}
        order = session_order(len(self.methods), len(self.clip_ids), rater_number, self.seed)
        return [places[self.methods[method], self.clip_ids[clip]] for method, clip in order]


def study_folder(home: Home, dataset: str, name: str) -> Path:
    if not NAME_PATTERN.fullmatch(name):
        raise StudyError(
            f"study name {name!r}: use lower-case letters, digits and underscores, a letter first"
        )
    return home.root / "mos" / dataset / name


def find_studies(home: Home, dataset: str) -> list[Study]:
    """All studies of a dataset, by name."""
    paths = sorted((home.root / "mos" / dataset).glob("*/study.json"))
    return [_read(path) for path in paths]


def load_study(home: Home, dataset: str, name: str) -> Study:
    """A study that has been served before.

    Raises:
        StudyError: there is none of that name.
    """
    path = study_folder(home, dataset, name) / "study.json"
    if not path.exists():
        known = ", ".join(study.name for study in find_studies(home, dataset)) or "none"
        raise StudyError(
            f"{path}: {dataset} has no study {name!r} (known: {known}); start one with cals mos serve --dataset {dataset}"
        )
    return _read(path)


def open_study(
    home: Home,
    dataset: str,
    methods: Sequence[str],
    *,
    name: str = DEFAULT_NAME,
    num_clips: int | None = None,
) -> Study:
    """Continues a study, or starts a new one.

    Args:
        methods: shown in a new study; a study that exists keeps its own.
        num_clips: clips of a new study; None takes 8, or all if there are fewer.

    Raises:
        StudyError: a method was never rendered, there are too few clips, the renders are not those that the study
            began with, or it began with another number of clips.
    """
    folder = study_folder(home, dataset, name)
    path = folder / "study.json"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".study.lock"):
        if not path.exists():
            _write(path, _new_study(home, dataset, methods, folder, num_clips))
    study = _read(path)
    if num_clips is not None and num_clips != len(study.clip_ids):
        raise StudyError(
            f"{path}: this study began with {len(study.clip_ids)} clips; leave --clips out to go on with it, "
            "or begin another with --study NAME"
        )
    _require_same_renders(home, study)
    return study


def _new_study(
    home: Home, dataset: str, methods: Sequence[str], folder: Path, num_clips: int | None
) -> Study:
    renders = {method: _renders_of(home, dataset, method) for method in methods}
    shared = set.intersection(
        *({clip for clip, audio in rows if audio == "own"} for rows in renders.values())
    )
    if len(shared) < max(1, num_clips or 1):
        raise StudyError(
            f"{dataset}: {len(shared)} test clips are rendered by all of {', '.join(methods)}; "
            f"{num_clips or 'at least 1'} requested"
        )
    count = num_clips if num_clips is not None else min(DEFAULT_NUM_CLIPS, len(shared))
    if count < 1:
        raise StudyError(f"--clips {count}: give 1 or more")
    ranked = sorted(shared)
    random.Random(f"{dataset}/{folder.name}/choice").shuffle(ranked)
    chosen = sorted(ranked[:count])
    return Study(
        folder=folder,
        name=folder.name,
        dataset=dataset,
        methods=tuple(methods),
        clip_ids=tuple(chosen),
        videos=tuple(_video(m, renders[m][clip, "own"]) for m in methods for clip in chosen),
        practice=_practice(home, dataset, ranked[count:] + ranked[:count]),
    )


def _practice(home: Home, dataset: str, clips: Sequence[str]) -> dict[str, StudyVideo]:
    """True frames with their own and with wrong audio, of a clip that is not in the study if there is one."""
    try:
        truth = _renders_of(home, dataset, "ground_truth")
    except StudyError:
        return {}
    found = {}
    for label, audio in ((GOOD_PRACTICE, "own"), (BAD_PRACTICE, "other")):
        row = next((truth[clip, audio] for clip in clips if (clip, audio) in truth), None)
        if row is not None:
            found[label] = _video("ground_truth", row)
    return found


def _video(method: str, row: Render) -> StudyVideo:
    return StudyVideo(
        name=secrets.token_hex(8),
        method=method,
        clip_id=row["clip_id"],
        audio=row["audio"],
        render=row["path"],
        render_sha256=row["sha256"],
        num_frames=row["num_frames"],
    )


def _renders_of(home: Home, dataset: str, method: str) -> dict[tuple[str, str], Render]:
    """(clip id, audio) -> row of the warehouse's part ``render_clips``, of the videos that were rendered."""
    path = part_path(home, "render_clips", dataset, method)
    if not path.exists():
        raise StudyError(
            f"{path}: {method} of {dataset} was never rendered; run: cals run --dataset {dataset} --to renders"
        )
    columns = ["clip_id", "audio", "path", "sha256", "num_frames", "status"]
    rows = pq.read_table(path, columns=columns, partitioning=None).to_pylist()
    return {(row["clip_id"], row["audio"]): row for row in rows if row["status"] == "ok"}


def _require_same_renders(home: Home, study: Study) -> None:
    present = {m: _renders_of(home, study.dataset, m) for m in {video.method for video in study.all_videos}}
    for video in study.all_videos:
        row = present[video.method].get((video.clip_id, video.audio))
        if row is None or row["sha256"] != video.render_sha256:
            what = "is gone since" if row is None else "is another than when"
            raise StudyError(
                f"{study.folder / 'study.json'}: the render of {video.clip_id} by {video.method} {what} the study "
                "began, and answers to different videos must not be mixed; begin another with --study NAME"
            )


def _write(path: Path, study: Study) -> None:
    document = asdict(study) | {"format": FORMAT}
    del document["folder"]
    write_text(path, json.dumps(document, indent=1))


def _read(path: Path) -> Study:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        document["videos"] = tuple(StudyVideo(**video) for video in document["videos"])
        document["practice"] = {label: StudyVideo(**video) for label, video in document["practice"].items()}
        lists = {name: tuple(document[name]) for name in ("methods", "clip_ids")}
        return Study(**(document | lists), folder=path.parent)
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: not a readable study ({error}); restore it, or begin another") from error
