"""Settings of ``face_tracks`` and ``face_crops``. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

BACKENDS = ("dlib", "face_alignment")


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
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
        max_interpolated_share: share of interpolated frames above which a track is refused.
        max_damaged_share: share of damaged pictures above which a clip is refused. Below it they count as frames
            in which the face is not seen: interpolated and marked, so that no model learns from them.
        speaking_weight: weight of mouth motion in the choice among several faces.
        central_weight: weight of closeness to the frame's centre in that choice.
        large_weight: weight of the face's size in that choice.
        region_margin: side of the region kept around a face, in sides of the crop.
    """

    backend: str = "dlib"
    device: str = "auto"
    batch_frames: int = 16
    detect_every_frames: int = 12
    search_every_frames: int = 50
    min_face_px: int = 48
    min_track_frames: int = 25
    max_gap_frames: int = 12
    min_overlap: float = 0.3
    same_face_correlation: float = 0.6
    max_faces: int = 3
    max_interpolated_share: float = 0.25
    max_damaged_share: float = 0.2
    speaking_weight: float = 0.5
    central_weight: float = 0.2
    large_weight: float = 0.3
    region_margin: float = 1.4

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(f"backend is {self.backend!r}; one of {', '.join(BACKENDS)}")
        if self.device != "auto" and self.device.split(":")[0] not in ("cpu", "cuda"):
            raise ValueError(f"device is {self.device!r}; give auto, cpu, cuda or cuda:N")
        for name in (
            "batch_frames",
            "detect_every_frames",
            "search_every_frames",
            "min_face_px",
            "min_track_frames",
            "max_faces",
        ):
            _at_least(self, name, 1)
        for name in ("max_gap_frames", "speaking_weight", "central_weight", "large_weight"):
            _at_least(self, name, 0)
        for name in ("min_overlap", "same_face_correlation", "max_interpolated_share", "max_damaged_share"):
            _share(self, name)
        if not self.speaking_weight + self.central_weight + self.large_weight > 0:
            raise ValueError("speaking_weight, central_weight and large_weight are all 0; give one above 0")
        if not 1.2 <= self.region_margin <= 3:
            raise ValueError(f"region_margin is {self.region_margin}; give 1.2 to 3 sides of the crop")


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How the chosen face is cut out.

    Args:
        crop_px: side of the crop. The models hide its lower half, which must hold the mouth.
        centre_sigma_frames: standard deviation of the zero-phase Gaussian that smooths the crop's position.
        size_sigma_frames: the same for its size and rotation.
        jpeg_quality: quality of the stored crops (always 4:4:4).
        max_padding_share: share of a crop's pixels outside the frame (mean over frames) above which the clip
            is refused.
    """

    crop_px: int = 128
    centre_sigma_frames: float = 1.0
    size_sigma_frames: float = 2.0
    jpeg_quality: int = 95
    max_padding_share: float = 0.25

    def __post_init__(self) -> None:
        if self.crop_px < 32 or self.crop_px % 2:
            raise ValueError(f"crop_px is {self.crop_px}; give an even number of at least 32")
        for name in ("centre_sigma_frames", "size_sigma_frames"):
            _at_least(self, name, 0)
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality is {self.jpeg_quality}; give 1 to 100")
        _share(self, "max_padding_share")


def _at_least(settings: object, name: str, lowest: int) -> None:
    value = getattr(settings, name)
    if not value >= lowest:
        raise ValueError(f"{name} is {value}; give {lowest} or more")


def _share(settings: object, name: str) -> None:
    value = getattr(settings, name)
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}; give a share from 0 to 1")
