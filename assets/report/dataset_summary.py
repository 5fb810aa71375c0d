"""The dataset on the page: counts, rejections, offsets, shards, and previews that the stages kept."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assets.project.home import Home
from assets.report.formatting import format_count, format_duration, format_size
from assets.report.settings import ReportSettings
from assets.report.warehouse_reader import Row, WarehouseReader
from cals_models.timebase import FPS

PREVIEW_TITLES = {
    ("clips", "rejected"): "Files that became no clip, and why",
    ("face_tracks", "rejected"): "Clips in which no face could be tracked, and why",
    ("face_crops", "rejected"): "Clips whose face could not be cropped, and why",
    ("mels", "rejected"): "Clips whose audio was rejected, and why",
    ("face_crops", "crops"): "Face crops with their landmarks, a row a clip",
    ("mels", "log_mel"): "Log-mel spectrogram of a clip",
}


@dataclass(frozen=True, kw_only=True)
class StagePreview:
    """A PNG that a stage kept, as a data URL, with its caption."""

    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Rejections:
    """Counts by reason, the first clips one by one, and how many more there are."""

    reasons: list[Row]
    clips: list[Row]
    num_more: int


def facts(warehouse: WarehouseReader, dataset: str) -> list[tuple[str, str, str]]:
    """The head of the page: (name, value, what it is)."""
    clips = warehouse.row(
        "select count(*) as num_clips, count(*) filter (where status = 'ok') as num_ok, "
        "count(distinct speaker) filter (where status = 'ok') as num_speakers, "
        "count(*) filter (where status = 'ok' and split = 'test') as num_test from clips where dataset = ?",
        [dataset],
    )
    shards = warehouse.row(
        "select count(*) as num, coalesce(sum(num_frames), 0) as num_frames, coalesce(sum(bytes), 0) as bytes "
        "from shards where dataset = ?",
        [dataset],
    )
    files = warehouse.row(
        "select count(*) as num, coalesce(sum(bytes), 0) as bytes, count(problem) as problems "
        "from raw_files where dataset = ?",
        [dataset],
    )
    unreadable = f", {files['problems']:,} unreadable" if files["problems"] else ""
    return [
        ("Clips used", f"{clips['num_ok']:,}", f"of {format_count(clips['num_clips'], 'clip')} found"),
        (
            "Video",
            format_duration(shards["num_frames"] / FPS),
            f"{shards['num_frames']:,} frames at {FPS} fps",
        ),
        (
            "Speakers",
            f"{clips['num_speakers']:,}" if clips["num_speakers"] else "not declared",
            "by the layout",
        ),
        ("Test clips", f"{clips['num_test']:,}", "held out, scored below"),
        ("Raw files", f"{files['num']:,}", format_size(files["bytes"]) + unreadable),
        ("Shards", f"{shards['num']:,}", format_size(shards["bytes"])),
    ]


def splits(warehouse: WarehouseReader, dataset: str) -> list[Row]:
    """Accepted and rejected clips of each split."""
    return warehouse.rows(
        "select coalesce(split, 'none') as split, count(*) filter (where status = 'ok') as num_ok, "
        "count(*) filter (where status <> 'ok') as num_rejected, coalesce(sum(shard_frames), 0) / ? as seconds, "
        "count(distinct speaker) as num_speakers from clips where dataset = ? group by split "
        "order by list_position(['train', 'val', 'test'], split)",
        [float(FPS), dataset],
    )


def rejections(warehouse: WarehouseReader, dataset: str, settings: ReportSettings) -> Rejections:
    reasons = warehouse.rows(
        "select stage, reason, count(*) as num_clips, any_value(detail) as example from rejections "
        "where dataset = ? group by stage, reason order by num_clips desc, stage, reason",
        [dataset],
    )
    clips = warehouse.rows(
        "select clip_id, split, stage, reason, detail from rejections where dataset = ? limit ?",
        [dataset, settings.max_rejected_rows],
    )
    num_all = sum(row["num_clips"] for row in reasons)
    return Rejections(reasons=reasons, clips=clips, num_more=num_all - len(clips))


def offsets(warehouse: WarehouseReader, dataset: str) -> list[Row]:
    """Number of clips by status of their audio-video offset."""
    return warehouse.rows(
        "select coalesce(status, 'unknown') as status, count(*) as num_clips, "
        "count(*) filter (where applied_frames <> 0) as num_corrected, any_value(probe) as probe "
        "from av_offsets where dataset = ? group by status order by num_clips desc",
        [dataset],
    )


def stage_previews(home: Home, dataset: str, stages: Iterable[str]) -> list[StagePreview]:
    """PNG files that the stages kept, with those of each method's subfolder."""
    found = []
    for stage in stages:
        for path in sorted(home.stage(stage, dataset).rglob("pictures/*.png")):
            found.append(
                StagePreview(title=_preview_title(stage, path, home.stage(stage, dataset)), url=_png(path))
            )
    return found


def _preview_title(stage: str, path: Path, folder: Path) -> str:
    if (stage, path.stem) in PREVIEW_TITLES:
        return PREVIEW_TITLES[(stage, path.stem)]
    method = path.relative_to(folder).parts[0]
    words = [stage, *([method] if method != "pictures" else []), path.stem]
    return ", ".join(dict.fromkeys(word.replace("_", " ") for word in words))


def _png(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
