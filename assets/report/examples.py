"""Test clips that the page plays: which, why, and each method's scores above its column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from assets.project.home import Home
from assets.report.definitions import MethodDefinitions, method_definitions
from assets.report.formatting import format_number
from assets.report.settings import ReportSettings
from assets.report.videos import PRIOR, ClipVideo, chosen_clips, clip_video
from assets.report.warehouse_reader import WarehouseReader


@dataclass(frozen=True, kw_only=True)
class Column:
    """Heading of one column of a video, with the method's scores on this clip."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Example:
    """One clip: its video, or why there is none."""

    clip_id: str
    why: str
    transcript: str
    columns: list[Column]
    video: ClipVideo | None
    problem: str


def examples(home: Home, warehouse: WarehouseReader, dataset: str, settings: ReportSettings) -> list[Example]:
    """The best, the worst and some other test clips of the headline method, as videos."""
    scores = _lmd_by_clip(warehouse, dataset, settings.headline_method)
    folders = _render_folders(home, warehouse, dataset)
    methods = method_definitions(warehouse)
    name = methods.label(settings.headline_method)
    reasons = {
        "best": f"Where {name} does best",
        "worst": f"Where {name} does worst",
        "example": "A clip of the test split",
    }
    ranked = sorted(scores, key=lambda clip: (scores[clip], clip))
    return [
        _example(
            warehouse,
            dataset,
            clip,
            f"{reasons[why]}: {_place(scores[clip], ranked.index(clip) + 1, len(ranked))}",
            folders,
            methods,
            settings,
        )
        for clip, why in chosen_clips(scores, settings).items()
    ]


def _place(lmd: float, rank: int, num_clips: int) -> str:
    """A clip's LMD and its place among all."""
    found = f"LMD {format_number(lmd, 2)} px" if math.isfinite(lmd) else "no LMD"
    return f"{found}, {rank} of {num_clips}"


def _lmd_by_clip(warehouse: WarehouseReader, dataset: str, method: str) -> dict[str, float]:
    """LMD of each test clip; infinite, the worst, where no face was found in the generated frames."""
    found = warehouse.rows(
        "select clip_id, coalesce(value, 'infinity'::double) as value from clip_metrics "
        "where dataset = ? and method = ? and audio = 'own' and protocol = 'primary' and metric = 'lmd'",
        [dataset, method],
    )
    return {row["clip_id"]: row["value"] for row in found}


def _render_folders(home: Home, warehouse: WarehouseReader, dataset: str) -> dict[str, Path]:
    """Folder of each scored method's renders with the clips' own audio, ground truth first."""
    found = warehouse.rows("select distinct method from clip_metrics where dataset = ?", [dataset])
    names = method_definitions(warehouse).in_order(row["method"] for row in found)
    folders = {name: home.renders(dataset, name) / "own" for name in names}
    return {name: folder for name, folder in folders.items() if folder.is_dir()}


def _example(
    warehouse: WarehouseReader,
    dataset: str,
    clip_id: str,
    why: str,
    folders: dict[str, Path],
    methods: MethodDefinitions,
    settings: ReportSettings,
) -> Example:
    facts = warehouse.rows(
        "select transcript from clips where dataset = ? and clip_id = ?", [dataset, clip_id]
    )
    scores = _scores(warehouse, dataset, clip_id)
    video, problem = None, ""
    try:
        if "ground_truth" not in folders:
            raise ValueError("there is no render of the ground truth; run the stage renders")
        video = clip_video(folders, clip_id, settings)
    except (ValueError, OSError) as error:
        problem = f"This clip can't be shown: {error}."
    names = video.columns if video else ()
    columns = [
        Column(label="Pose prior", text="what a method sees")
        if name == PRIOR
        else Column(label=methods.label(name), text=scores.get(name, ""))
        for name in names
    ]
    return Example(
        clip_id=clip_id,
        why=why,
        transcript=(facts[0]["transcript"] or "") if facts else "",
        columns=columns,
        video=video,
        problem=problem,
    )


def _scores(warehouse: WarehouseReader, dataset: str, clip_id: str) -> dict[str, str]:
    """Each method's LMD and mouth PSNR on one clip, as text."""
    found = warehouse.rows(
        "select method, max(value) filter (where metric = 'lmd') as lmd, "
        "max(value) filter (where metric = 'psnr_mouth') as psnr_mouth from clip_metrics "
        "where dataset = ? and clip_id = ? and audio = 'own' and protocol = 'primary' group by method",
        [dataset, clip_id],
    )
    texts = {}
    for row in found:
        parts = [f"LMD {format_number(row['lmd'], 2)} px"] if row["lmd"] is not None else ["no LMD"]
        if row["psnr_mouth"] is not None:
            parts.append(f"mouth {format_number(row['psnr_mouth'], 1)} dB")
        texts[row["method"]] = ", ".join(parts)
    return texts
