"""Faces of a whole video, tracked and cropped as protocol ``lse_real`` defines it.

The steps are those of the public SyncNet code's preparation, on which Wav2Lip's published values of real videos rest,
quirks kept: faces are detected in every frame by itself; a face joins the track whose last box it overlaps by more than a
half, up to 25 frames later; no track crosses a shot change; a track counts if it was detected in more than 100 frames
and its face is more than 100 px high or wide in the mean; missing boxes are interpolated linearly; centre and half side
are smoothed by a median over 13 frames (zeros beyond the ends); the crop reaches one half side above the centre, 1.8
below and 1.4 to each side, grey (110) outside the frame, resized to 224 x 224.

Unlike there: the detector is the one that the settings name, given the frame at the scale at which a face of 100 px is
just large enough for it (0.24 for SFD, the public code's 0.25; 0.8 for dlib); a track counts only if the detector was
sure of it once or its second opinion agrees; nothing passes through lossy video files on the way.

Source: https://github.com/joonson/syncnet_python, run_pipeline.py

Legend: T video frames (25 fps), L frames of a track.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import ContentDetector, FrameTimecode
from scipy.signal import medfilt

from assets.faces.backends.interface import Detection, FaceBackend, Image
from assets.faces.landmarks import overlap
from cals_models.timebase import FPS

CROP_PX = 224
CROP_SCALE = 0.40
MEDIAN_FRAMES = 13
MIN_TRACK_FRAMES = 100
MIN_FACE_PX = 100
MIN_OVERLAP = 0.5
MAX_MISSED_FRAMES = 25
PADDING_GREY = 110
SHOT_WIDTH_PX = 256
EVIDENCE_SIDES = 2.0

Frames = NDArray[np.uint8]
Found = list[list[Detection]]
Track = list[tuple[int, Detection]]


class NoFaceTrackError(ValueError):
    """No face is visible for long enough, or none is large enough; the message says what was found."""


@dataclass(frozen=True, kw_only=True)
class FaceClip:
    """One tracked face, cropped.

    Args:
        first_frame: frame of the video at which the track starts.
        frames: uint8 (L, 224, 224, 3), RGB.
        face_px: mean height or width of the face, whichever is larger, in pixels of the video.
    """

    first_frame: int
    frames: Frames
    face_px: float


def face_clips(frames: Frames, backend: FaceBackend) -> list[FaceClip]:
    """Every face of a video that the protocol scores, in the order in which the tracks were found.

    Args:
        frames: uint8 (T, H, W, 3), RGB, 25 fps.
        backend: detector, and second opinion on doubtful faces.

    Raises:
        NoFaceTrackError: there is none.
    """
    found = detect_faces(frames, backend)
    tracks = [
        track
        for first, end in shots(frames)
        for track in link(found[first:end], first)
        if is_face(track, frames, backend)
    ]
    boxes = [filled(track) for track in tracks]
    scored = [
        _cut(frames, track[0][0], path)
        for track, path in zip(tracks, boxes, strict=True)
        if len(track) > MIN_TRACK_FRAMES and side_px(path) > MIN_FACE_PX
    ]
    if not scored:
        raise NoFaceTrackError(_nothing(len(frames), tracks, boxes))
    return scored


def detect_faces(frames: Frames, backend: FaceBackend) -> Found:
    """Faces of each frame (T, H, W, 3) by itself, best first, boxes in pixels of the frame."""
    scale = min(1.0, backend.min_detectable_px / MIN_FACE_PX)
    found: Found = []
    for first in range(0, len(frames), backend.batch_frames):
        batch = [_as_read(frame, backend, scale) for frame in frames[first : first + backend.batch_frames]]
        for detections in backend.detect(batch):
            found.append(
                [
                    Detection(box=detection.box / np.float32(scale), confidence=detection.confidence)
                    for detection in detections
                    if detection.confidence >= backend.doubtful_confidence
                ]
            )
    return found


def _as_read(frame: Frames, backend: FaceBackend, scale: float = 1.0) -> Image:
    image: Image = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if backend.reads_luma else frame
    if scale == 1:
        return image
    resized: Image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return resized


def shots(frames: Frames) -> list[tuple[int, int]]:
    """First frame and end of each shot of frames (T, H, W, 3), by PySceneDetect's content detector with its defaults."""
    detector = ContentDetector()
    starts = {0}
    size = (
        SHOT_WIDTH_PX,
        max(16, round(SHOT_WIDTH_PX * frames.shape[1] / frames.shape[2])),
    )
    for index, frame in enumerate(frames):
        small = frame if frame.shape[1] <= SHOT_WIDTH_PX else cv2.resize(frame, size)
        bgr = np.ascontiguousarray(small[:, :, ::-1])
        starts |= {cut.frame_num for cut in detector.process_frame(FrameTimecode(index, fps=float(FPS)), bgr)}
    edges = [*sorted(starts), len(frames)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def link(found: Sequence[Sequence[Detection]], first: int = 0) -> Iterator[Track]:
    """Tracks of one shot: frame and detection, each detection in one track.

    Args:
        found: detections of each frame of the shot.
        first: number of the shot's first frame.
    """
    left = [list(detections) for detections in found]
    while True:
        track: Track = []
        for index, detections in enumerate(left, start=first):
            if track and index - track[-1][0] > MAX_MISSED_FRAMES:
                break
            for place, detection in enumerate(detections):
                if not track or overlap(detection.box, track[-1][1].box) > MIN_OVERLAP:
                    track.append((index, detections.pop(place)))
                    break
        if not track:
            return
        yield track


def is_face(track: Track, frames: Frames, backend: FaceBackend) -> bool:
    """Whether the detector was sure once, or its second opinion on the best detection agrees."""
    index, best = max(track, key=lambda seen: seen[1].confidence)
    if best.confidence >= backend.sure_confidence:
        return True
    centre, half = (best.box[:2] + best.box[2:]) / 2, EVIDENCE_SIDES * (best.box[2] - best.box[0]) / 2
    height, width = frames.shape[1:3]
    x0, y0 = (max(0, int(value - half)) for value in centre)
    x1, y1 = (min(size, int(value + half) + 1) for value, size in zip(centre, (width, height), strict=True))
    return backend.is_face(np.ascontiguousarray(_as_read(frames[index, y0:y1, x0:x1], backend)))


def filled(track: Track) -> NDArray[np.float64]:
    """Boxes (L, 4) of every frame from the first detection to the last; missing ones are interpolated linearly."""
    seen = np.array([index for index, _ in track])
    boxes = np.stack([detection.box for _, detection in track]).astype(np.float64)
    every = np.arange(seen[0], seen[-1] + 1)
    return np.stack([np.interp(every, seen, column) for column in boxes.T], axis=1)


def side_px(boxes: NDArray[np.float64]) -> float:
    """Mean width or mean height of boxes (L, 4), whichever is larger."""
    return float((boxes[:, 2:] - boxes[:, :2]).mean(axis=0).max())


def _cut(frames: Frames, first: int, boxes: NDArray[np.float64]) -> FaceClip:
    half = medfilt((boxes[:, 2:] - boxes[:, :2]).max(axis=1) / 2, MEDIAN_FRAMES)
    x, y = (medfilt((boxes[:, axis] + boxes[:, axis + 2]) / 2, MEDIAN_FRAMES) for axis in (0, 1))
    crops = [crop(frames[first + index], x[index], y[index], half[index]) for index in range(len(boxes))]
    return FaceClip(first_frame=first, frames=np.stack(crops), face_px=side_px(boxes))


def crop(frame: Frames, x: float, y: float, half: float) -> Frames:
    """The protocol's crop (224, 224, 3) of a frame (H, W, 3) around a centre and half side of a face, in pixels."""
    padding = int(half * (1 + 2 * CROP_SCALE))
    centre_x, centre_y = x + padding, y + padding  # in the padded frame, where the public code cuts
    top, bottom = int(centre_y - half) - padding, int(centre_y + half * (1 + 2 * CROP_SCALE)) - padding
    left = int(centre_x - half * (1 + CROP_SCALE)) - padding
    right = int(centre_x + half * (1 + CROP_SCALE)) - padding
    height, width = frame.shape[:2]
    inside = frame[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    padded = cv2.copyMakeBorder(
        inside,
        max(-top, 0),
        max(bottom - height, 0),
        max(-left, 0),
        max(right - width, 0),
        cv2.BORDER_CONSTANT,
        value=(PADDING_GREY,) * 3,
    )
    resized: Frames = cv2.resize(padded, (CROP_PX, CROP_PX))
    return resized


def _nothing(num_frames: int, tracks: Sequence[Track], boxes: Sequence[NDArray[np.float64]]) -> str:
    wanted = (
        f"lse_real needs one of more than {MIN_FACE_PX} px in more than {MIN_TRACK_FRAMES} frames at 25 fps"
    )
    if not tracks:
        return f"no face found in {num_frames} frames; {wanted}"
    longest = max(range(len(tracks)), key=lambda number: len(tracks[number]))
    held = f"found in {len(tracks[longest])} of {num_frames} frames, {side_px(boxes[longest]):.0f} px"
    return f"the face seen longest is {held}; {wanted}"
