"""The code location: every asset, job, sensor and resource instance."""

from __future__ import annotations

import dagster as dg

from assets.av_offsets.asset import av_offsets, offset_probe
from assets.clips.asset import clips
from assets.context_window.asset import context_window
from assets.external_renders.asset import external_renders, external_scores
from assets.faces.asset import faces
from assets.masked_audio.asset import masked_audio
from assets.mels.asset import mels
from assets.metrics.asset import clip_metrics
from assets.models.audio_to_lip import audio_to_lip
from assets.models.generator import generator
from assets.models.lse_evaluator import lse_evaluator
from assets.models.sync_encoder import sync_encoder
from assets.models.train_on import train_on
from assets.mos.asset import mos_ratings
from assets.raw_videos.asset import raw_videos
from assets.renders.asset import renders
from assets.report.asset import metric_report
from assets.shards.asset import shards
from assets.stage.observed_settings import observed_settings
from assets.stage.resources import ProjectResource

SOURCES: list[dg.SourceAsset] = [
    raw_videos,
    offset_probe,
    train_on,
    mos_ratings,
    external_scores,
    *observed_settings,
]
ALL_ASSETS: list[dg.SourceAsset | dg.AssetsDefinition | dg.AssetSpec] = [
    *SOURCES,
    clips,
    faces,
    mels,
    av_offsets,
    shards,
    sync_encoder,
    lse_evaluator,
    audio_to_lip,
    generator,
    renders,
    external_renders,
    clip_metrics,
    context_window,
    masked_audio,
    metric_report,
]
RESOURCES = {"project": ProjectResource()}
