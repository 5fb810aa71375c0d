"""Work items of tracks and crops: which clips, under which keys, with which stored track."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from assets.clips.clip_table import accepted_clips, clip_digest
from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.media.probe import ProbeLimits
from assets.media.timeline import Span
from assets.project.digests import digest_of
from assets.project.home import Home
from assets.project.settings import Dataset
from assets.raw_videos.walk import local_path
from assets.store.bucket_files import StageOutput, WorkItem, read_rows
from assets.workers.rejected import Rejected


@dataclass(frozen=True, kw_only=True)
class FacesWork:
    """What a worker gets for one clip: the payload, and the digest of its part of the raw file."""

    faces: FacesPayload
    clip_digest: str


@dataclass(frozen=True, kw_only=True)
class FacesPlan:
    """What is read for tracks and crops of a dataset.

    Args:
        tracks: bucket files of tracks as they are (or will be, when they are made in the same pass).
        crops: bucket files of crops.
        makes_tracks: tracks are made in this pass too.
        networks_socket: handed on to the workers.
    """

    home: Home
    dataset: Dataset
    limits: ProbeLimits
    track_settings: Any
    crop_settings: Any
    tracks: StageOutput
    crops: StageOutput
    makes_tracks: bool
    networks_socket: str | None = None

    def buckets(self) -> Mapping[int, Callable[[], list[WorkItem]]]:
        return {bucket: partial(self.items, bucket) for bucket in range(self.dataset.num_buckets)}

    def items(self, bucket: int) -> list[WorkItem]:
        """Work items of a bucket; a clip whose track was refused has no crops to make."""
        clips = accepted_clips(self.home, self.dataset.name, bucket)
        tracks, crops = self.tracks.index(bucket), self.crops.index(bucket)
        items, due = [], set()
        for clip in clips:
            clip_id, key = clip["clip_id"], clip_digest(clip)
            track = tracks.get(clip_id)
            if track is not None and self.makes_tracks and not _is_current(track, key, self.tracks.version):
                track = None
            if track is None and not self.makes_tracks:
                continue
            crops_key = ""
            if track is not None and track["status"] == "ok":
                crops_key = crops_digest(key, track["digest"])
                crop = crops.get(clip_id)
                if crop is None or not _is_current(crop, crops_key, self.crops.version):
                    due.add(clip_id)
            items.append(self._item(clip, key, crops_key))
        return self._with_stored_tracks(bucket, items, due)

    def _item(self, clip: Mapping[str, Any], key: str, crops_key: str) -> WorkItem:
        faces = FacesPayload(
            path=local_path(self.dataset.root, clip["relative_path"]),
            span=Span(start_s=clip["common_start_s"], num_frames=clip["num_frames_25"]),
            track_settings=self.track_settings,
            crop_settings=self.crop_settings,
            limits=self.limits,
            networks_socket=self.networks_socket,
        )
        return WorkItem(
            clip_id=clip["clip_id"],
            input_digests={TRACKS: key, CROPS: crops_key},
            payload=FacesWork(faces=faces, clip_digest=key),
        )

    def _with_stored_tracks(self, bucket: int, items: list[WorkItem], due: set[str]) -> list[WorkItem]:
        if not due:
            return items
        stored = {row["clip_id"]: row for row in read_rows(self.tracks.path(bucket)) if row["clip_id"] in due}
        return [
            dataclasses.replace(
                item,
                payload=dataclasses.replace(
                    item.payload,
                    faces=dataclasses.replace(item.payload.faces, stored_track=stored[item.clip_id]),
                ),
            )
            if item.clip_id in stored
            else item
            for item in items
        ]


def _is_current(row: Mapping[str, Any], key: str, version: str) -> bool:
    return bool(row["input_digest"] == key and row["stage_version"] == version)


def crops_digest(clip: str, track: str) -> str:
    """Digest of what crops are made of: the clip's pictures and its track."""
    return digest_of(clip, track)


def compute(work: FacesWork, wanted: frozenset[str]) -> Mapping[str, Mapping[str, Any] | Rejected]:
    """Tracks and crops of one clip, in a worker process; nothing where its stored track was refused."""
    if TRACKS not in wanted and work.faces.stored_track is None:
        return {}
    outcome = dict(compute_faces(work.faces, wanted))
    track, crops = outcome.get(TRACKS), outcome.get(CROPS)
    if isinstance(track, Mapping) and isinstance(crops, Mapping):
        outcome[CROPS] = {**crops, "input_digest": crops_digest(work.clip_digest, track["digest"])}
    return outcome
