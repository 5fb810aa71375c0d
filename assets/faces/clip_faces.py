"""Tracks and crops of one clip in one pass: where both are wanted, the video is decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2

from assets.faces.backends.interface import FaceBackend
from assets.faces.backends.opening import open_backend
from assets.faces.crop_clip import crop_clip, pictures_of
from assets.faces.frames import Frame
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.stored_track import FaceTrack
from assets.faces.track_clip import track_clip
from assets.media.probe import ProbeLimits, probe
from assets.media.timeline import Span
from assets.media.video import read_ticks
from assets.workers.rejected import Rejected

TRACKS, CROPS = "face_tracks", "face_crops"


@dataclass(frozen=True, kw_only=True)
class FacesPayload:
    """What a worker needs to know of a clip.

    Args:
        path: the video.
        span: the part of it that is the clip, at 25 frames a second.
        limits: what the file may ask of us.
        track_settings: of ``face_tracks``.
        crop_settings: of ``face_crops``.
        stored_track: the clip's row of ``face_tracks``, for when only crops are wanted.
        networks_socket: of the process that owns the face networks; None where the worker opens its back end alone.
    """

    path: Path
    span: Span
    track_settings: TrackSettings
    crop_settings: CropSettings
    limits: ProbeLimits = field(default_factory=ProbeLimits)
    stored_track: Mapping[str, Any] | None = None
    networks_socket: str | None = None


@lru_cache(maxsize=1)
def _backend(settings: TrackSettings, networks_socket: str | None) -> FaceBackend:
    return open_backend(settings, networks_socket)


@lru_cache(maxsize=1)
def _work_on_one_thread() -> None:
    """Once a worker process: clips run side by side, so that OpenCV's own threads would only compete."""
    cv2.setNumThreads(1)


def compute_faces(payload: FacesPayload, wanted: frozenset[str]) -> dict[str, Mapping[str, Any] | Rejected]:
    """Columns of the wanted stages for one clip, or the rejection of the stage that failed.

    Args:
        payload: the clip.
        wanted: of ``face_tracks`` and ``face_crops``, those to compute.

    Raises:
        Rejected: the clip can't be read; the stage is the first one wanted.
        BackendUnavailableError: the back end's weights or library are missing.
        NetworksFailed: the process that owns the face networks is gone.
        ValueError: only crops are wanted and no track is given.
    """
    _work_on_one_thread()
    if TRACKS not in wanted:
        return _crops_only(payload)
    damaged: set[int] = set()
    try:
        track, columns, pictures = track_clip(
            _frames(payload, TRACKS, damaged),
            _backend(payload.track_settings, payload.networks_socket),
            payload.track_settings,
            keep_pictures=CROPS in wanted,
            damaged=damaged,
        )
    except Rejected as rejected:
        return {TRACKS: rejected}
    outcome: dict[str, Mapping[str, Any] | Rejected] = {TRACKS: columns}
    if CROPS in wanted:
        try:
            outcome[CROPS] = crop_clip(pictures, track, payload.crop_settings, columns["num_clip_frames"])
        except Rejected as rejected:
            outcome[CROPS] = rejected
    return outcome


def _crops_only(payload: FacesPayload) -> dict[str, Mapping[str, Any] | Rejected]:
    if payload.stored_track is None:
        raise ValueError(f"{payload.path}: crops need the clip's row of {TRACKS}; give stored_track")
    track = FaceTrack.from_columns(payload.stored_track)
    num_clip_frames = payload.stored_track["num_clip_frames"]
    pictures = pictures_of(_frames(payload, CROPS, set()), track)
    try:
        return {CROPS: crop_clip(pictures, track, payload.crop_settings, num_clip_frames)}
    except Rejected as rejected:
        return {CROPS: rejected}


def _frames(payload: FacesPayload, stage: str, damaged: set[int]) -> Iterator[Frame]:
    """The clip's pictures; numbers of damaged ones go into ``damaged`` before they come."""
    found = probe(payload.path, payload.limits, stage=stage)
    share = payload.track_settings.max_damaged_share
    for tick in read_ticks(found, payload.span, stage=stage, max_damaged_share=share):
        if tick.damaged:
            damaged.add(tick.index)
        yield tick.frame
