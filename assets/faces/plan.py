"""Work items of tracks and crops: which clips, under which keys, with which stored tracks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from assets.clips.clip_table import accepted_clips, clip_digest
from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, crops_digest
from assets.faces.settings import TrackSettings
from assets.faces.speaker_probe import SpeakerProbe, choice_digest
from assets.media.probe import ProbeLimits
from assets.media.timeline import Span
from assets.project.home import Home
from assets.project.settings import Dataset
from assets.raw_videos.walk import local_path
from assets.store.bucket_files import StageOutput, is_current, read_rows
from assets.store.bucket_pass import WorkItem, adopt_rows
from assets.store.moved_rows import MovedRows
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class FacesPlan:
    """What is read for tracks and crops of a dataset.

    Args:
        limits: checked before a file is decoded.
        tracks: bucket files of tracks as they are, or will be after this pass.
        crops: bucket files of crops.
        makes_tracks: tracks are computed in this pass too.
        networks_socket: of the process that owns the face networks, if there is one.
        speaker_probe: chooses among several faces, if there is one.
    """

    home: Home
    dataset: Dataset
    limits: ProbeLimits
    track_settings: TrackSettings
    crop_settings: Settings
    tracks: StageOutput
    crops: StageOutput
    makes_tracks: bool
    networks_socket: str | None = None
    speaker_probe: SpeakerProbe | None = None

    def buckets(self) -> Mapping[int, Callable[[], list[WorkItem]]]:
        return {bucket: partial(self.items, bucket) for bucket in range(self.dataset.num_buckets)}

    def items(self, bucket: int) -> list[WorkItem]:
        """Work items of a bucket.

        Crops of a clip are due where its track is up to date and they are not: their key is then known, and the
        stored track goes with the item. A track that is computed in this pass gives its crops their key later.
        """
        clips = accepted_clips(self.home, self.dataset.name, bucket)
        digests = {clip["clip_id"]: clip_digest(clip) for clip in clips}
        tracks, crops = self._tracks(bucket, digests), self.crops.index(bucket)
        planned, due = [], set()
        for clip in clips:
            clip_id, key = clip["clip_id"], digests[clip["clip_id"]]
            track = tracks.get(clip_id)
            track_key = self._track_key(track, key)
            if self.makes_tracks and (
                self.tracks.forced.covers(clip_id, bucket)
                or not is_current(track, track_key, self.tracks.version)
            ):
                track = None
            if track is None and not self.makes_tracks:
                continue
            crops_key = ""
            if track is not None and track["status"] == "ok":
                crops_key = crops_digest(key, track["digest"])
                is_forced = self.crops.forced.covers(clip_id, bucket)
                if is_forced or not is_current(crops.get(clip_id), crops_key, self.crops.version):
                    due.add(clip_id)
            planned.append((clip, {TRACKS: track_key, CROPS: crops_key}))
        stored = self._stored_tracks(bucket, due)
        return [
            self._item(clip, digests[clip["clip_id"]], keys, stored.get(clip["clip_id"]))
            for clip, keys in planned
        ]

    def _track_key(self, track: Mapping[str, Any] | None, clip: str) -> str:
        """Digest of what a clip's track depends on: the probe too where it had to choose among several faces."""
        several = choice_digest(clip, self.speaker_probe)
        return several if track is not None and track["input_digest"] == several else clip

    def _tracks(self, bucket: int, digests: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """The index of a bucket's tracks, with those of clips that were renamed: the key of the crops depends on it."""
        if not self.makes_tracks:
            return self.tracks.index(bucket)
        index = adopt_rows(self.tracks, bucket, digests, self._moved_tracks)
        several = {
            clip_id: choice_digest(digest, self.speaker_probe)
            for clip_id, digest in digests.items()
            if not is_current(index.get(clip_id), digest, self.tracks.version)
        }
        return adopt_rows(self.tracks, bucket, several, self._moved_tracks)

    @cached_property
    def _moved_tracks(self) -> MovedRows:
        return MovedRows(self.tracks)

    def _stored_tracks(self, bucket: int, clip_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        if not clip_ids:
            return {}
        rows = read_rows(self.tracks.path(bucket))
        return {row["clip_id"]: row for row in rows if row["clip_id"] in clip_ids}

    def _item(
        self,
        clip: Mapping[str, Any],
        digest: str,
        keys: Mapping[str, str],
        stored_track: Mapping[str, Any] | None,
    ) -> WorkItem:
        payload = FacesPayload(
            path=local_path(self.dataset.root, clip["relative_path"]),
            span=Span(start_s=clip["common_start_s"], num_frames=clip["num_frames_25"]),
            clip_digest=digest,
            track_settings=self.track_settings,
            crop_settings=self.crop_settings,
            limits=self.limits,
            stored_track=stored_track,
            networks_socket=self.networks_socket,
            speaker_probe=self.speaker_probe,
        )
        return WorkItem(clip_id=clip["clip_id"], input_digests=keys, payload=payload)
