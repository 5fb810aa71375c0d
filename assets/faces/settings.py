"""Settings of ``face_tracks`` and ``face_crops``. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from assets.project.setting_types import Device, FaceBackend
from cals_models.declarations.bounds import Bound, Count, CountOrZero, NotNegative, Share
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TrackSettings(Settings):
    """How faces are found, followed and chosen.

    Args:
        backend: ``dlib`` (HOG detector, regression trees; CPU, no download) or ``face_alignment`` (SFD + FAN).
        device: of the ``face_alignment`` back end: ``auto`` takes a GPU where there is one.
        batch_frames: frames a forward pass of the ``face_alignment`` back end, of one clip or of several workers'.
        detect_every_frames: the detector confirms a followed face at least this often.
        search_every_frames: the whole frame is searched for further faces this often.
        min_face_px: smallest face accepted, as the median side of its box in source pixels.
        min_track_frames: shortest track accepted, in frames at 25 fps.
        max_gap_frames: longest gap that is interpolated (and marked); a longer one splits the track.
        min_overlap: intersection over union that joins a detection to a track.
        same_face_correlation: appearance correlation below which a followed face must be confirmed.
        max_faces: faces followed at a time, the largest first.
        max_interpolated_share: share of interpolated frames above which a track is rejected.
        max_damaged_share: share of damaged frames above which a clip is rejected. Below it they count as frames
            in which the face is not seen: interpolated and marked, so that no model learns from them.
        speaking_weight: weight of mouth motion in the choice among several faces.
        central_weight: weight of closeness to the frame's centre in that choice.
        large_weight: weight of the face's size in that choice.
        region_margin: side of the region kept around a face, in sides of the crop.
    """

    backend: FaceBackend = "dlib"
    device: Device = "auto"
    batch_frames: Count = 16
    detect_every_frames: Count = 12
    search_every_frames: Count = 50
    min_face_px: Count = 48
    min_track_frames: Count = 25
    max_gap_frames: CountOrZero = 12
    min_overlap: Share = 0.3
    same_face_correlation: Share = 0.6
    max_faces: Count = 3
    max_interpolated_share: Share = 0.25
    max_damaged_share: Share = 0.2
    speaking_weight: NotNegative = 0.5
    central_weight: NotNegative = 0.2
    large_weight: NotNegative = 0.3
    region_margin: Annotated[float, Bound(at_least=1.2, at_most=3, text="1.2 to 3 sides of the crop")] = 1.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.speaking_weight + self.central_weight + self.large_weight > 0:
            raise ValueError("speaking_weight, central_weight and large_weight are all 0; give one above 0")


@dataclass(frozen=True, kw_only=True)
class CropSettings(Settings):
    """How the chosen face is cut out.

    Args:
        crop_px: side of the crop. The models hide its lower half, which must hold the mouth. At 256 everything after it is
            finer: generators have one more level, metrics are taken at 128 px and at 256.
        centre_sigma_frames: standard deviation of the zero-phase Gaussian that smooths the crop's position.
        size_sigma_frames: the same for its size and rotation.
        jpeg_quality: quality of the stored crops (always 4:4:4).
        max_padding_share: share of a crop's pixels outside the frame (mean over frames) above which the clip
            is rejected.
    """

    crop_px: Annotated[int, Bound(at_least=128, at_most=256, multiple_of=128, text="128 or 256")] = 128
    centre_sigma_frames: NotNegative = 1.0
    size_sigma_frames: NotNegative = 2.0
    jpeg_quality: Annotated[int, Bound(at_least=1, at_most=100)] = 95
    max_padding_share: Share = 0.25
