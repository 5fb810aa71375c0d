"""Every stage of the asset graph: what it reads, how it is partitioned, where its code is.

Settings, planner and Dagster assets are all built from this table; adding a stage is one entry here. Modules are named by
strings, so that neither Dagster nor torch is imported: a planner must know within a moment that there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from assets.project.code_version import CodeVersion, code_version
from cals_models.fingerprint.closure import Scope

LAYOUTS = "assets.project.layouts:LAYOUTS"
METHODS = "cals_models.methods.registry:METHOD_MODULES"
BACKENDS = "assets.faces.backends.opening:BACKENDS"
SPEAKER_PROBES = "assets.faces.probe_table:SPEAKER_PROBES"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Code that each partition chooses by name from a table of `Choices`.

    Args:
        table: ``module:name`` of the table.
        by: what names the entry: ``dataset.FIELD``, ``STAGE.FIELD`` of a stage's settings, ``method`` of the partition,
            ``methods`` for all methods of the dataset, or ``nothing`` where the entries reach the stage as inputs only: a
            generator, or tracks, of another method or back end are another input.
        uses: stage whose entries count of `ByStage` tables that the chosen code has, where the stage uses it as that one
            does; the stage itself if left empty.
    """

    table: str
    by: str
    uses: str = ""


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
        splits: splits of the shards that it reads, where it does not read all; of other datasets (``train_on``) it reads
            train alone. Its input's version is the digest of these.
        by_method: partitioned by dataset x method instead of by dataset.
        settings_by_method: each method has its own settings, of the class that it declares; `settings` is that of the
            methods which declare none.
        choices: code that depends on the partition; it is the observed source ``code/<stage>``, while all other code that
            the asset function reaches is the stage's code version.
        kinds: Dagster kinds (at most three icons).
        trains: runs in the ``gpu`` pool.
        continues_base: where the dataset has a base, the base's model of this stage is an input, ``STAGE@BASE``.
    """

    name: str
    group: str
    asset: str
    settings: str
    deps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    by_method: bool = False
    settings_by_method: bool = False
    choices: tuple[Choice, ...] = ()
    kinds: tuple[str, ...] = ("python",)
    trains: bool = False
    continues_base: bool = False


_ALL = (
    # Data: from raw files to shards
    Stage(
        name="clips",
        group="data",
        asset="assets.clips.asset:clips",
        settings="assets.clips.settings:ClipsSettings",
        sources=("raw_videos",),
        choices=(Choice(table=LAYOUTS, by="dataset.layout"),),
    ),
    Stage(
        name="face_tracks",
        group="data",
        asset="assets.faces.asset:faces",
        settings="assets.faces.settings:TrackSettings",
        deps=("clips",),
        sources=("offset_probe",),
        choices=(
            Choice(table=BACKENDS, by="face_tracks.backend"),
            Choice(table=SPEAKER_PROBES, by="av_offsets.probe"),
        ),
    ),
    Stage(
        name="face_crops",
        group="data",
        asset="assets.faces.asset:faces",
        settings="assets.faces.settings:CropSettings",
        deps=("clips", "face_tracks"),
        choices=(Choice(table=BACKENDS, by="nothing"), Choice(table=SPEAKER_PROBES, by="nothing")),
    ),
    Stage(
        name="mels",
        group="data",
        asset="assets.mels.asset:mels",
        settings="assets.mels.settings:MelSettings",
        deps=("clips",),
        kinds=("python", "pytorch"),
    ),
    Stage(
        name="av_offsets",
        group="data",
        asset="assets.av_offsets.asset:av_offsets",
        settings="assets.av_offsets.settings:AvOffsetSettings",
        deps=("face_crops", "mels"),
        sources=("offset_probe",),
        kinds=("python", "pytorch"),
    ),
    Stage(
        name="shards",
        group="data",
        asset="assets.shards.asset:shards",
        settings="assets.shards.settings:ShardSettings",
        deps=("clips", "face_crops", "mels", "av_offsets"),
        sources=("base",),
    ),
    # Models: trained on the shards
    Stage(
        name="sync_encoder",
        group="models",
        asset="assets.models.sync_encoder:sync_encoder",
        settings="cals_models.config.sync_encoder:SyncEncoderConfig",
        deps=("shards",),
        sources=("train_on",),
        splits=("train", "val"),
        kinds=("pytorch", "mlflow"),
        trains=True,
        continues_base=True,
        choices=(Choice(table=METHODS, by="nothing"),),
    ),
    Stage(
        name="audio_to_lip",
        group="models",
        asset="assets.models.audio_to_lip:audio_to_lip",
        settings="cals_models.config.audio_to_lip:AudioToLipConfig",
        deps=("shards", "sync_encoder"),
        sources=("train_on",),
        splits=("train", "val"),
        kinds=("pytorch", "mlflow"),
        trains=True,
        continues_base=True,
        choices=(Choice(table=METHODS, by="nothing"),),
    ),
    Stage(
        name="generator",
        group="models",
        asset="assets.models.generator:generator",
        settings="cals_models.config.generator:GeneratorConfig",
        deps=("shards", "sync_encoder", "audio_to_lip"),
        sources=("train_on",),
        splits=("train", "val"),
        by_method=True,
        settings_by_method=True,
        kinds=("pytorch", "mlflow"),
        trains=True,
        continues_base=True,
        choices=(Choice(table=METHODS, by="method"),),
    ),
    Stage(
        name="lse_evaluator",
        group="models",
        asset="assets.models.lse_evaluator:lse_evaluator",
        settings="cals_models.config.lse_evaluator:LseEvaluatorConfig",
        deps=("shards",),
        sources=("train_on",),
        splits=("train", "val"),
        kinds=("pytorch", "mlflow"),
        trains=True,
        choices=(Choice(table=METHODS, by="nothing"),),
    ),
    # Evaluation: what is generated and measured
    Stage(
        name="renders",
        group="evaluation",
        asset="assets.renders.asset:renders",
        settings="assets.renders.settings:RenderSettings",
        deps=("shards", "generator"),
        by_method=True,
        kinds=("python", "pytorch"),
        trains=True,
        choices=(Choice(table=METHODS, by="method"),),
    ),
    Stage(
        name="clip_metrics",
        group="evaluation",
        asset="assets.metrics.asset:clip_metrics",
        settings="assets.metrics.settings:MetricSettings",
        deps=("shards", "renders", "lse_evaluator"),
        by_method=True,
        kinds=("python", "duckdb"),
        trains=True,
        choices=(
            Choice(table=METHODS, by="nothing"),
            Choice(table=BACKENDS, by="clip_metrics.landmark_backend"),
        ),
    ),
    Stage(
        name="context_window",
        group="evaluation",
        asset="assets.context_window.asset:context_window",
        settings="assets.context_window.settings:ContextWindowSettings",
        deps=("shards", "generator"),
        kinds=("python", "pytorch"),
        trains=True,
        choices=(
            Choice(table=METHODS, by="methods", uses="renders"),
            Choice(table=BACKENDS, by="context_window.landmark_backend"),
        ),
    ),
    Stage(
        name="masked_audio",
        group="evaluation",
        asset="assets.masked_audio.asset:masked_audio",
        settings="assets.masked_audio.settings:MaskedAudioSettings",
        deps=("shards", "generator"),
        kinds=("python", "pytorch"),
        trains=True,
        choices=(
            Choice(table=METHODS, by="methods", uses="renders"),
            Choice(table=BACKENDS, by="masked_audio.landmark_backend"),
        ),
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
        choices=(Choice(table=METHODS, by="methods"),),
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
    return code_version(code_roots(name), stage_scope(name))


def code_roots(name: str) -> tuple[str, ...]:
    """Where the code of a stage starts: its function, and its settings where they are the same for all partitions."""
    stage = STAGES[name]
    return (stage.asset,) if stage.settings_by_method else (stage.asset, stage.settings)


def stage_scope(name: str) -> Scope:
    """Which entries of tables are in a stage's code version: its own, and none that partitions choose."""
    tables = frozenset(choice.table for choice in STAGES[name].choices)
    return Scope(stage=name, chosen_elsewhere=tables)


def chosen_scope(name: str) -> Scope:
    """Which entries of tables are in the code that a partition chooses: those of the stage that it is used as."""
    choices = STAGES[name].choices
    used_as = next((choice.uses for choice in choices if choice.uses), name)
    return Scope(stage=used_as, chosen_elsewhere=frozenset(choice.table for choice in choices))


def settings_source(stage: str) -> str:
    """Name of the observed source that holds a stage's settings."""
    return f"settings/{stage}"


def code_source(stage: str) -> str:
    """Name of the observed source that holds the code which the partitions of a stage choose."""
    return f"code/{stage}"


def source_names(stage: Stage) -> tuple[str, ...]:
    """Observed sources that a stage reads, its settings and the code that it chooses among them."""
    chosen = (code_source(stage.name),) if any(choice.by != "nothing" for choice in stage.choices) else ()
    return (*stage.sources, *chosen, settings_source(stage.name))


def upstream_of(name: str) -> set[str]:
    """The stage itself and all stages that it depends on."""
    found = {name}
    for dep in STAGES[name].deps:
        found |= upstream_of(dep)
    return found
