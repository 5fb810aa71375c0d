"""Follows faces through a clip in one pass over its frames.

The detector runs near a followed face every few frames; in between, the landmarks of one frame give the box for the
next. In every frame the face is compared with its appearance when the detector last confirmed it, so that a face
that leaves, is covered or gives way to a cut is noticed in that frame and not at the next detection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assets.faces.appearance import Appearance, appearance_of, similarity
from assets.faces.backends.interface import Detection, FaceBackend
from assets.faces.frames import Frame, Region, region_around, rgb_of
from assets.faces.landmarks import Points, boxes_of, is_upright_face, overlap
from assets.faces.search import backend_image, search_frame, search_windows
from assets.faces.settings import TrackSettings
from assets.faces.shots import INSERT, NumberedFrame, numbered_shots
from assets.faces.track import Track

Box = NDArray[np.float32]

# Side of the image from which landmarks are read, and of the one for the second detector, in sides of the box.
VIEW_SIDES = 1.7
EVIDENCE_SIDES = 2.0
# Intersection over union from which a detection agrees with the followed box.
SAME_BOX_OVERLAP = 0.5
# Correlation of appearances from which a face elsewhere in the frame is a lost one.
SAME_FACE_ELSEWHERE = 0.75
# Without a face the whole frame is searched in each of so many frames, then every RETRY_FRAMES.
EAGER_SEARCHES = 6
RETRY_FRAMES = 3
# Without a face, frames from one search at all scales to the next; the searches between use the coarsest only.
FINE_SEARCH_FRAMES = 25
# Side of the crop in sides of the box, and the least side that it has in the kept region, pixels.
CROP_SIDES_PER_BOX = 1.5
REGION_PX = 128


class _Reading(NamedTuple):
    """What is read from the frame inside a box: landmarks (68, 2) in source pixels, and the appearance."""

    points: Points
    appearance: Appearance | None


class FaceTracker:
    """Gives frames to a back end and collects the tracks."""

    def __init__(self, backend: FaceBackend, settings: TrackSettings, *, keep_images: bool) -> None:
        self.backend = backend
        self.settings = settings
        self.keep_images = keep_images
        self.num_frames = 0
        self._live: list[Track] = []
        self._closed: list[Track] = []
        self._next_search = 0
        self._next_fine_search = 0
        self._empty_searches = 0
        self._shots: list[int] = []

    def follow(self, frames: Iterable[Frame]) -> list[Track]:
        """All tracks of a clip, by first frame. Tracks too short to be accepted keep no images."""
        batch: list[NumberedFrame] = []
        for numbered in numbered_shots(frames):
            batch.append(numbered)
            if len(batch) == self.backend.batch_frames:
                self._step(batch)
                batch = []
        if batch:
            self._step(batch)
        for track in list(self._live):
            self._close(track)
        return sorted(self._closed, key=lambda track: (track.first, float(track.box[0])))

    def _step(self, numbered: Sequence[NumberedFrame]) -> None:
        start = self.num_frames
        frames = [one.frame for one in numbered]
        self._shots = [one.shot for one in numbered]
        for track in self._live:
            track.drift = track.drift + numbered[0].shift
        if start >= self._next_search:
            self._search(frames[0], start)
        ended = [track for track in self._live if not self._advance(track, frames, start)]
        for track in self._live:
            self._keep_regions(track, frames, start)
        for track in ended:
            self._close(track)
            self._next_search = 0
        self.num_frames += len(frames)
        for track in list(self._live):
            gap = self.num_frames - 1 - track.last
            if gap > 0:
                track.drift = track.drift + sum(one.shift for one in numbered[1:])
            if gap > self.settings.max_gap_frames:
                self._close(track)
            elif gap > 0:
                pause = 0 if gap == 1 else RETRY_FRAMES - 1
                self._next_search = min(self._next_search, self.num_frames + pause)

    def _search(self, frame: Frame, index: int) -> None:
        """Searches the whole frame and starts tracks for faces that are not followed yet."""
        fine = index >= self._next_fine_search and not self._live
        found = search_frame(self.backend, frame, 0.7 * self.settings.min_face_px, None if fine else 1)
        if fine:
            self._next_fine_search = index + FINE_SEARCH_FRAMES
        for detection in sorted(found, key=lambda d: float(d.box[0] - d.box[2])):
            known = any(
                overlap(detection.box, track.box) >= self.settings.min_overlap for track in self._live
            )
            sure_enough = detection.confidence >= self.backend.doubtful_confidence
            if sure_enough and not known and len(self._live) < self.settings.max_faces:
                self._start(frame, index, detection)
        self._empty_searches = 0 if self._live else self._empty_searches + 1
        pause = 1 if self._empty_searches < EAGER_SEARCHES else RETRY_FRAMES
        self._next_search = index + (self.settings.search_every_frames if self._live else pause)

    def _start(self, frame: Frame, index: int, detection: Detection) -> None:
        box = self._locate(frame, detection)
        points, appearance = self._read([frame], [box])[0]
        if appearance is None or not is_upright_face(points):
            return
        track = self._lost_track(appearance, index)
        if track is None:
            track = Track()
            self._live.append(track)
        track.last_detection = index
        self._confirm(track, frame, index, detection, appearance)
        track.add(index, points, appearance, self._shots[0])

    def _lost_track(self, appearance: Appearance, index: int) -> Track | None:
        """The lost track whose face this is: one that moved too far for the boxes to overlap."""
        lost = [
            track
            for track in self._live
            if track.last < index - 1 and track.continues_as(appearance, self._shots[0])
        ]
        best = max(lost, key=lambda track: similarity(appearance, track.last_appearance), default=None)
        if best is None or similarity(appearance, best.last_appearance) < SAME_FACE_ELSEWHERE:
            return None
        return best

    def _advance(self, track: Track, frames: Sequence[Frame], start: int) -> bool:
        """Finds the face of a track in the next frames, or misses it; False where another face ends the track."""
        first = track.last + 1 - start if track.last >= start else 0
        if first >= len(frames):
            return True
        confirmed = self._detect_near(
            track, frames, start, self._detection_offsets(track, start, first, len(frames))
        )
        if track.last < start + first - 1 and not confirmed:
            return True
        known = {k: self._box_of(track, frames[k], d) for k, d in confirmed.items()}
        boxes = _interpolated(track.box, known, len(frames))[first:]
        for k, reading in enumerate(self._read(frames[first:], boxes), start=first):
            if not self._accept(track, frames[k], start + k, reading, self._shots[k], confirmed.get(k)):
                return False
        return True

    def _detection_offsets(self, track: Track, start: int, first: int, num_frames: int) -> list[int]:
        """In which of the next frames the detector runs."""
        if num_frames > 1:
            return sorted({first, num_frames - 1})
        if track.last < start - 1:
            return [0]
        failed = track.last_detection not in track.confidences
        wait = RETRY_FRAMES if failed else self.settings.detect_every_frames
        return [0] if start - track.last_detection >= wait else []

    def _detect_near(
        self, track: Track, frames: Sequence[Frame], start: int, offsets: Sequence[int]
    ) -> dict[int, Detection]:
        """What the detector finds close to the track's last box, by offset."""
        if not offsets:
            return {}
        box = track.box
        found = search_windows(self.backend, [frames[k] for k in offsets], [box] * len(offsets))
        track.last_detection = start + offsets[-1]
        matches = {
            k: _match(box, near, self.settings.min_overlap) for k, near in zip(offsets, found, strict=True)
        }
        return {k: match for k, match in matches.items() if match is not None}

    def _box_of(self, track: Track, frame: Frame, detection: Detection) -> Box:
        """The followed box where the detector agrees with it, which is free of the jumps of a sliding window."""
        agrees = overlap(track.box, detection.box) >= SAME_BOX_OVERLAP
        return track.box if agrees and self.backend.batch_frames == 1 else self._locate(frame, detection)

    def _locate(self, frame: Frame, detection: Detection) -> Box:
        return boxes_of(self._read([frame], [detection.box])[0].points)

    def _accept(
        self,
        track: Track,
        frame: Frame,
        index: int,
        reading: _Reading,
        shot: int,
        detection: Detection | None,
    ) -> bool:
        """Adds what was read from a frame if it is the track's face; False ends the track.

        A doubtful reading without a detection is confirmed by the detector first, or the frame stays a gap; so does a
        frame of an insert, after which the face comes back.
        """
        if detection is None and self._is_doubtful(track, reading, shot):
            detection = self._detect_near(track, [frame], index, [0]).get(0)
            if detection is None:
                return True
            reading = self._read([frame], [self._box_of(track, frame, detection)])[0]
        points, appearance = reading
        if appearance is None or not is_upright_face(points):
            return True
        if not track.continues_as(appearance, shot):
            return shot == INSERT
        if detection is not None:
            self._confirm(track, frame, index, detection, appearance)
        track.add(index, points, appearance, shot)
        return True

    def _is_doubtful(self, track: Track, reading: _Reading, shot: int) -> bool:
        appearance = reading.appearance
        if appearance is None or shot != track.shot or not track.continues_as(appearance, shot):
            return True
        return similarity(appearance, track.confirmed_appearance) < self.settings.same_face_correlation

    def _confirm(
        self, track: Track, frame: Frame, index: int, detection: Detection, appearance: Appearance
    ) -> None:
        if not track.confidences or detection.confidence > track.confidence:
            region = region_around(detection.box, EVIDENCE_SIDES, frame.width, frame.height)
            track.evidence = backend_image(self.backend, frame, region)
        track.confirm(index, detection, appearance)

    def _read(self, frames: Sequence[Frame], boxes: Sequence[Box]) -> list[_Reading]:
        """Landmarks and appearance of the face in each box."""
        pairs = list(zip(frames, boxes, strict=True))
        regions = [region_around(box, VIEW_SIDES, frame.width, frame.height) for frame, box in pairs]
        images = [backend_image(self.backend, f, region) for f, region in zip(frames, regions, strict=True)]
        corners = [np.array([region.x0, region.y0], np.float32) for region in regions]
        inside = [box - np.tile(corner, 2) for box, corner in zip(boxes, corners, strict=True)]
        points = self.backend.landmarks(images, inside)
        return [
            _Reading(face + corner, appearance_of(image, face))
            for image, face, corner in zip(images, points, corners, strict=True)
        ]

    def _keep_regions(self, track: Track, frames: Sequence[Frame], start: int) -> None:
        """Chooses the region around the face in each frame, in a gap the last one, and keeps its image if requested."""
        for k, frame in enumerate(frames):
            index = start + k
            if index < track.first:
                continue
            before = track.regions.get(index - 1)
            if index in track.points:
                region = self._region(boxes_of(track.points[index]), frame, before)
            else:
                assert before is not None
                region = before
            track.regions[index] = region
            if self.keep_images:
                track.images[index] = rgb_of(frame, region)

    def _region(self, box: Box, frame: Frame, before: Region | None) -> Region:
        """Region that holds the crop. Its reduction changes only when necessary, so that sharpness stays constant."""
        crop_px = CROP_SIDES_PER_BOX * float(box[2] - box[0])
        reduction = before.reduction if before is not None else max(1, int(crop_px / REGION_PX))
        if not 0.9 * REGION_PX <= crop_px / reduction <= 2.2 * REGION_PX:
            reduction = max(1, int(crop_px / REGION_PX))
        margin = CROP_SIDES_PER_BOX * self.settings.region_margin
        return region_around(box, margin, frame.width, frame.height, reduction)

    def _close(self, track: Track) -> None:
        self._live.remove(track)
        self._closed.append(track)
        track.drop_after_last()
        if track.num_frames < self.settings.min_track_frames:
            track.images.clear()


def _match(box: Box, detections: Sequence[Detection], min_overlap: float) -> Detection | None:
    best = max(detections, key=lambda detection: overlap(detection.box, box), default=None)
    return best if best is not None and overlap(best.box, box) >= min_overlap else None


def _interpolated(start: Box, known: dict[int, Box], num_frames: int) -> list[Box]:
    """A box for each frame: between known ones linear, outside of them the nearest; without any, ``start``."""
    if not known:
        return [start] * num_frames
    at = sorted(known)
    table = np.stack([known[k] for k in at])
    columns = [np.interp(np.arange(num_frames), at, table[:, side]) for side in range(4)]
    return list(np.stack(columns, axis=-1).astype(np.float32))
