"""Every stage of the asset graph: what it reads, how it is partitioned, where its code is.

Settings, planner and Dagster assets are all built from this table; adding a stage is one entry here. Modules are named by
strings, so that neither Dagster nor torch is imported: a planner must know within a moment that there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from assets.project.code_version import CodeVersion, code_version
from assets.project.layouts import LAYOUTS
from assets.project.metrics import metric_modules

MEDIA = ("av", "numpy")
FACES = ("dlib-bin", "face-recognition-models", "face-alignment", "opencv-python-headless", "simplejpeg")
TORCH = ("torch",)
RESULT = "cals_models.training.result"  # what a training leaves; its entry point alone imports it
PERCEPTUAL = ("torchmetrics", "torchvision", "torch-fidelity")  # an extra, behind LPIPS and FID


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One asset of the graph.

    Args:
        name: asset key.
        group: Dagster group: ``data``, ``models`` or ``evaluation``.
        asset: ``module:function``, the function declared with ``stage_asset``. Stages that name the same one are computed
            in one pass where both are stale.
        settings: ``module:Class`` of its settings. The planner imports that module: it must import nothing heavy.
        deps: stages of this table, further up, that it reads.
        sources: keys of ``sources.SOURCES`` that it reads besides its settings.
        by_method: partitioned by dataset x method instead of by dataset.
        roots: modules in which its work starts; their import closure is its code version.
        libraries: distributions that its output depends on.
        texts: globs of files other than Python that its output depends on.
        kinds: Dagster kinds (at most three icons).
        trains: runs in the ``gpu`` pool.
    """

    name: str
    group: str
    asset: str
    settings: str
    deps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    by_method: bool = False
    roots: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("python",)
    trains: bool = False


_ALL = (
    # Data: from raw files to shards
    Stage(
        name="clips",
        group="data",
        asset="assets.clips.asset:clips",
        settings="assets.clips.settings:ClipsSettings",
        sources=("raw_videos",),
        roots=("assets.clips.clip_rows", "assets.raw_videos.layouts.registry", *LAYOUTS.values()),
        libraries=(*MEDIA, "scenedetect"),
    ),
    Stage(
        name="face_tracks",
        group="data",
        asset="assets.faces.asset:faces",
        settings="assets.faces.settings:TrackSettings",
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
        asset="assets.faces.asset:faces",
        settings="assets.faces.settings:CropSettings",
        deps=("clips", "face_tracks"),
        roots=("assets.faces.crop_clip", "assets.media.probe", "assets.media.video"),
        libraries=(*MEDIA, *FACES),
    ),
    Stage(
        name="mels",
        group="data",
        asset="assets.mels.asset:mels",
        settings="assets.mels.settings:MelSettings",
        deps=("clips",),
        roots=("assets.mels.mel_clip",),
        libraries=("av", "torchaudio", "torch", "numpy"),
        kinds=("python", "pytorch"),
    ),
    Stage(
        name="av_offsets",
        group="data",
        asset="assets.av_offsets.asset:av_offsets",
        settings="assets.av_offsets.settings:AvOffsetSettings",
        deps=("face_crops", "mels"),
        sources=("offset_probe",),
        roots=("assets.av_offsets.offsets",),
        libraries=TORCH,
        kinds=("python", "pytorch"),
    ),
    Stage(
        name="shards",
        group="data",
        asset="assets.shards.asset:shards",
        settings="assets.shards.settings:ShardSettings",
        deps=("clips", "face_crops", "mels", "av_offsets"),
        roots=("assets.shards.write_shards",),
        libraries=("webdataset", "soundfile", "numpy"),
    ),
    # Models: trained on the shards
    Stage(
        name="sync_encoder",
        group="models",
        asset="assets.models.sync_encoder:sync_encoder",
        settings="cals_models.config.sync_encoder:SyncEncoderConfig",
        deps=("shards",),
        sources=("train_on",),
        roots=("cals_models.training.sync_encoder", RESULT),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="audio_to_lip",
        group="models",
        asset="assets.models.audio_to_lip:audio_to_lip",
        settings="cals_models.config.audio_to_lip:AudioToLipConfig",
        deps=("shards", "sync_encoder"),
        sources=("train_on",),
        roots=("cals_models.training.audio_to_lip", RESULT),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="generator",
        group="models",
        asset="assets.models.generator:generator",
        settings="cals_models.config.generator:GeneratorConfig",
        deps=("shards", "sync_encoder", "audio_to_lip"),
        sources=("train_on",),
        by_method=True,
        roots=("cals_models.training.generator", RESULT),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    Stage(
        name="lse_evaluator",
        group="models",
        asset="assets.models.lse_evaluator:lse_evaluator",
        settings="cals_models.config.lse_evaluator:LseEvaluatorConfig",
        deps=("shards",),
        sources=("train_on",),
        roots=("cals_models.training.lse_evaluator", RESULT),
        libraries=TORCH,
        kinds=("pytorch", "mlflow"),
        trains=True,
    ),
    # Evaluation: what is generated and measured
    Stage(
        name="renders",
        group="evaluation",
        asset="assets.renders.asset:renders",
        settings="assets.renders.settings:RenderSettings",
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
        asset="assets.metrics.asset:clip_metrics",
        settings="assets.metrics.settings:MetricSettings",
        deps=("shards", "renders", "lse_evaluator"),
        by_method=True,
        roots=("assets.metrics.clip_metrics", "assets.metrics.set_metrics", *metric_modules()),
        libraries=("torch", "dlib-bin", "face-recognition-models", *PERCEPTUAL),
        kinds=("python", "duckdb"),
        trains=True,
    ),
    Stage(
        name="context_window",
        group="evaluation",
        asset="assets.context_window.asset:context_window",
        settings="assets.context_window.settings:ContextWindowSettings",
        deps=("shards", "generator"),
        roots=(
            "assets.context_window.windows",
            "assets.context_window.effective_context",
            "assets.context_window.measured_clips",
            "assets.context_window.window_chart",
            "assets.faces.backends.opening",
        ),
        libraries=("torch", "dlib-bin", "face-recognition-models", "matplotlib"),
        kinds=("python", "pytorch"),
        trains=True,
    ),
    Stage(
        name="masked_audio",
        group="evaluation",
        asset="assets.masked_audio.asset:masked_audio",
        settings="assets.masked_audio.settings:MaskedAudioSettings",
        deps=("shards", "generator"),
        roots=(
            "assets.context_window.measured_clips",
            "assets.masked_audio.masks",
            "assets.masked_audio.previews",
            "assets.faces.backends.opening",
        ),
        libraries=("torch", "dlib-bin", "face-recognition-models", "matplotlib"),
        kinds=("python", "pytorch"),
        trains=True,
    ),
    Stage(
        name="metric_report",
        group="evaluation",
        asset="assets.report.asset:metric_report",
        settings="assets.report.settings:ReportSettings",
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
            "assets.store.seeds",
            *metric_modules(),
        ),
        texts=(
            "sql/schema/*.sql",
            "sql/staging/*.sql",
            "sql/marts/*.sql",
            "sql/seeds/*.csv",
            "assets/report/templates/*",
        ),
        libraries=("duckdb", "matplotlib", "jinja2"),
        kinds=("duckdb", "html"),
    ),
)

STAGES: dict[str, Stage] = {stage.name: stage for stage in _ALL}


def stage_names(group: str) -> tuple[str, ...]:
    """Names of the stages of a group, in data order."""
    return tuple(stage.name for stage in STAGES.values() if stage.group == group)


def computed_together(name: str) -> tuple[str, ...]:
    """The stages that one pass computes: those with the same asset function, the stage itself among them."""
    return tuple(stage.name for stage in STAGES.values() if stage.asset == STAGES[name].asset)


@cache
def stage_code(name: str) -> CodeVersion:
    """Code version of a stage; computed once a process, since its code is loaded once."""
    stage = STAGES[name]
    return code_version(stage.roots, stage.libraries, stage.texts)


def settings_source(stage: str) -> str:
    """Name of the observed source that holds a stage's settings."""
    return f"settings/{stage}"


def source_names(stage: Stage) -> tuple[str, ...]:
    """Observed sources that a stage reads, its settings among them."""
    return (*stage.sources, settings_source(stage.name))


def upstream_of(name: str) -> set[str]:
    """The stage itself and all stages that it depends on."""
    found = {name}
    for dep in STAGES[name].deps:
        found |= upstream_of(dep)
    return found
