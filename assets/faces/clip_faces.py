"""Tracks and crops of one clip in a worker process: where both are wanted, the video is decoded once, or twice for large crops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend
from assets.faces.backends.opening import open_backend
from assets.faces.settings import TrackSettings
from assets.faces.speaker_probe import Footage, SpeakerProbe, choice_digest
from assets.faces.stored_track import FaceTrack
from assets.faces.track_clip import ONLY, Lips, track_clip
from assets.media.probe import ProbeLimits, probe
from assets.media.timeline import Span
from assets.media.video import Tick, read_ticks
from assets.workers.rejected import Rejected, fault_of_no_clip
from cals_models.declarations.settings import Settings
from cals_models.digests import digest_of
from cals_models.references import ByStage, load

TRACKS, CROPS = "face_tracks", "face_crops"
CROPPING = ByStage(face_crops="assets.faces.crop_clip")
"""Module that cuts crops. Tracks don't depend on it, so that a change in it detects no face again."""


@dataclass(frozen=True, kw_only=True)
class FacesPayload:
    """What a worker needs to know of a clip.

    Args:
        path: the video.
        span: the part of it that is the clip, at 25 fps.
        clip_digest: digest of that part of the file.
        limits: checked before the file is decoded.
        track_settings: of ``face_tracks``.
        crop_settings: of ``face_crops``.
        stored_track: the clip's row of ``face_tracks``, read where only crops are wanted.
        networks_socket: of the process that owns the face networks; None where the worker opens its own back end.
        speaker_probe: chooses among several faces; None to choose by mouth motion, size and place.
    """

    path: Path
    span: Span
    clip_digest: str
    track_settings: TrackSettings
    crop_settings: Settings
    limits: ProbeLimits = field(default_factory=ProbeLimits)
    stored_track: Mapping[str, Any] | None = None
    networks_socket: str | None = None
    speaker_probe: SpeakerProbe | None = None

    @property
    def choice_digest(self) -> str:
        return choice_digest(self.clip_digest, self.speaker_probe)


def compute_faces(payload: FacesPayload, wanted: frozenset[str]) -> dict[str, Mapping[str, Any] | Rejected]:
    """Columns of the wanted stages for one clip, or the rejection of the stage that failed.

    Args:
        payload: the clip.
        wanted: of ``face_tracks`` and ``face_crops``, those to compute.

    Returns:
        An entry for each wanted stage; none for crops where the clip has no accepted track.

    Raises:
        BackendUnavailableError: the back end's weights or library are missing.
        NetworksFailed: the process that owns the face networks is gone.
    """
    _use_one_thread()
    outcome: dict[str, Mapping[str, Any] | Rejected] = {}
    images: Iterable[NDArray[np.uint8]]
    reads_again = CROPS in wanted and load(CROPPING[CROPS]).needs_source(payload.crop_settings)
    if TRACKS in wanted:
        backend = _backend(payload.track_settings, payload.networks_socket)
        try:
            track, columns, images = track_clip(
                _ticks(payload, TRACKS),
                backend,
                payload.track_settings,
                keep_images=CROPS in wanted and not reads_again,
                lips=_lips(payload),
            )
        except Rejected as rejected:
            if rejected.reason == "too_many_gaps":  # another of several faces may have fewer
                rejected.input_digest = payload.choice_digest
            return {TRACKS: rejected}
        columns = {**columns, "input_digest": payload.clip_digest}
        if columns["chosen_by"] != ONLY:
            asked = None if payload.speaker_probe is None else payload.speaker_probe.digest
            columns |= {"input_digest": payload.choice_digest, "speaker_probe": asked}
        outcome[TRACKS] = columns
        if reads_again:
            images = _images(payload, track)
    elif payload.stored_track is not None:
        columns = dict(payload.stored_track)
        track = FaceTrack.from_columns(columns)
        images = _images(payload, track)
    else:
        return {}
    if CROPS in wanted:
        outcome[CROPS] = _crops(payload, track, columns, images)
    return outcome


def _images(payload: FacesPayload, track: FaceTrack) -> Iterable[NDArray[np.uint8]]:
    """Images of the track's regions from the video, read as they are requested."""
    frames = (tick.frame for tick in _ticks(payload, CROPS))
    images: Iterable[NDArray[np.uint8]] = load(CROPPING[CROPS]).region_images(
        frames, track, payload.crop_settings
    )
    return images


def _lips(payload: FacesPayload) -> Lips | None:
    if payload.speaker_probe is None:
        return None
    footage = Footage(path=payload.path, limits=payload.limits, span=payload.span)
    return partial(payload.speaker_probe.confidences, footage)


def _ticks(payload: FacesPayload, stage: str) -> Iterator[Tick]:
    """The clip's frames at 25 fps, read as they are requested; ``stage`` rejects a clip that can't be read."""
    found = probe(payload.path, payload.limits, stage=stage)
    share = payload.track_settings.max_damaged_share
    yield from read_ticks(found, payload.span, stage=stage, max_damaged_share=share)


def _crops(
    payload: FacesPayload,
    track: FaceTrack,
    track_columns: Mapping[str, Any],
    images: Iterable[NDArray[np.uint8]],
) -> Mapping[str, Any] | Rejected:
    key = crops_digest(payload.clip_digest, track_columns["digest"])
    try:
        columns: Mapping[str, Any] = load(CROPPING[CROPS]).crop_clip(
            images, track, payload.crop_settings, track_columns["num_clip_frames"]
        )
    except Rejected as rejected:
        rejected.input_digest = key
        return rejected
    return {**columns, "input_digest": key}


def crops_digest(clip: str, track: str) -> str:
    """Digest of what crops are cut from: the clip's part of the file, and its track."""
    return digest_of(clip, track)


@lru_cache(maxsize=1)
def _backend(settings: TrackSettings, networks_socket: str | None) -> FaceBackend:
    """The back end, opened once a process."""
    with fault_of_no_clip("the face back end can't be opened"):
        return open_backend(settings, networks_socket)


@lru_cache(maxsize=1)
def _use_one_thread() -> None:
    """Clips run in parallel processes, so OpenCV's own threads would only compete."""
    cv2.setNumThreads(1)
