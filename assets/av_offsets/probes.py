"""Offset probes: networks that measure by how many video frames a clip's audio is early or late.

Legend: T video frames, S windows of 5 frames, D width of the embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from assets.av_offsets.probe_source import ProbeSource
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.timed_clip import TimedClip
from assets.faces.packed_jpegs import unpack_jpegs
from cals_models.mel_windows import WINDOW_FRAMES
from cals_models.metrics.lse import LipSyncEvaluator, num_windows
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.networks.syncnet import load_public_weights
from cals_models.networks.trained_sync_encoder import load_sync_encoder
from cals_models.shards.crop_sizes import lower_rows
from cals_models.timebase import MELS_PER_FRAME

FRAMES_AT_ONCE = 250
PEAK_FRAMES = 2
FLAT_COSINE = 1e-3


@dataclass(frozen=True, kw_only=True)
class OffsetEstimate:
    """Offset of a clip as a probe measures it.

    Args:
        frames: the offset in video frames, to the nearest quarter (10 ms); positive where audio is early.
        confidence: how far that offset stands out from the others, in the probe's own unit; higher is better.
        is_sure: the offset stands out as far as the settings require, and is not the largest that was tried.
    """

    frames: float
    confidence: float
    is_sure: bool


class OffsetProbe(Protocol):
    """Measures one clip."""

    def measure(self, clip: TimedClip, settings: AvOffsetSettings) -> OffsetEstimate | None:
        """The clip's offset; None if the clip is too short."""


class SyncEncoderProbe:
    """A sync encoder of this pipeline: cosine of lips and audio at each shift."""

    def __init__(self, encoder: SyncEncoder) -> None:
        self.encoder = encoder

    def measure(self, clip: TimedClip, settings: AvOffsetSettings) -> OffsetEstimate | None:
        lips, audio = self._embed(clip)
        largest = min(settings.max_shift_frames, len(lips) - settings.min_overlap_frames)
        if largest < 1:
            return None
        return estimate(cosines_by_offset(lips, audio, largest), settings)

    @torch.inference_mode()
    def _embed(self, clip: TimedClip) -> tuple[Tensor, Tensor]:
        """(S, D) embeddings of lips and of audio, S = T - 4; a long clip is embedded in overlapping parts."""
        if clip.num_frames < WINDOW_FRAMES:
            return torch.empty(0, 1), torch.empty(0, 1)
        overlap = WINDOW_FRAMES - 1
        lips = []
        for start in range(0, clip.num_frames - overlap, FRAMES_AT_ONCE):
            pixels = _decode(clip, start, min(start + FRAMES_AT_ONCE + overlap, clip.num_frames))
            lower = torch.from_numpy(lower_rows(pixels)).permute(0, 3, 1, 2).float() / 255
            lips.append(self.encoder.visual(lower[None])[0])
        mel = torch.from_numpy(clip.mel.astype(np.float32))
        return torch.cat(lips), self.encoder.audio(mel[None])[0]


class SyncNetProbe:
    """The public SyncNet under the protocol of LSE-D and LSE-C, whose offset and confidence these are."""

    def __init__(self, evaluator: LipSyncEvaluator) -> None:
        self.evaluator = evaluator

    def measure(self, clip: TimedClip, settings: AvOffsetSettings) -> OffsetEstimate | None:
        if (
            clip.num_frames <= WINDOW_FRAMES
            or num_windows(clip.num_frames, len(clip.pcm)) < settings.min_overlap_frames
        ):
            return None
        frames = torch.from_numpy(_decode(clip, 0, clip.num_frames))
        found = self.evaluator.evaluate(frames, clip.pcm)
        is_sure = found.confidence >= settings.min_distance_drop
        is_inside = abs(found.offset_frames) < settings.max_shift_frames
        closeness = -np.array(found.mean_distances[::-1])  # by offset, from -15 to 15
        return OffsetEstimate(
            frames=peak_frames(closeness), confidence=found.confidence, is_sure=is_sure and is_inside
        )


def cosines_by_offset(lips: Tensor, audio: Tensor, largest: int) -> npt.NDArray[np.float64]:
    """Cosine of lips and audio at each offset, window by window.

    Args:
        lips, audio: (S, D) float, rows of unit length, of the same windows.
        largest: offsets from -largest to +largest, video frames.

    Returns:
        (2 largest + 1, S) float64 cosines: at offset k, window t of the lips is compared with window t - k of the audio
        (positive: audio is early); NaN where there is none.
    """
    num_windows = len(lips)
    cosines = np.full((2 * largest + 1, num_windows), np.nan)
    for row, offset in zip(cosines, range(-largest, largest + 1), strict=True):
        first, last = max(offset, 0), num_windows + min(offset, 0)
        row[first:last] = (lips[first:last] * audio[first - offset : last - offset]).sum(dim=1)
    return cosines


def estimate(cosines: npt.NDArray[np.float64], settings: AvOffsetSettings) -> OffsetEstimate:
    """The offset of the highest mean cosine, and how clear that peak is.

    Args:
        cosines: (2 n + 1, S) of the offsets -n to n, window by window.
        settings: give the least clearness.

    Returns:
        The offset. Its confidence is the least of the paired t values against the offsets more than 2 frames away: the
        mean of the cosines' difference over the windows that both offsets have, in standard errors of that mean. The
        largest offset that was tried is never sure.
    """
    similarity = np.nanmean(cosines, axis=1)
    largest = len(similarity) // 2
    best = int(similarity.argmax())
    rivals = cosines[np.abs(np.arange(len(similarity)) - best) > PEAK_FRAMES]
    if not len(rivals):
        return OffsetEstimate(frames=float(best - largest), confidence=0.0, is_sure=False)
    confidence = min(_paired_t(cosines[best] - rival) for rival in rivals)
    is_sure = confidence >= settings.min_peak_clearness and 0 < best < 2 * largest
    return OffsetEstimate(frames=peak_frames(similarity), confidence=confidence, is_sure=is_sure)


def _paired_t(differences: npt.NDArray[np.float64]) -> float:
    """Mean in standard errors of the mean, without NaN; 0 for fewer than two differences."""
    differences = differences[~np.isnan(differences)]
    if len(differences) < 2:
        return 0.0
    deviation = max(float(differences.std(ddof=1)), FLAT_COSINE)
    return float(differences.mean() / deviation * np.sqrt(len(differences)))


def peak_frames(similarity: npt.NDArray[np.float64]) -> float:
    """The offset of the highest similarity, to the nearest quarter of a frame.

    It is the vertex of the parabola through the best offset and its neighbours; at either end of the range, the end.

    Args:
        similarity: (2 n + 1,) of the offsets -n to n, video frames.
    """
    best = int(similarity.argmax())
    whole = best - len(similarity) // 2
    if not 0 < best < len(similarity) - 1:
        return float(whole)
    before, peak, after = similarity[best - 1 : best + 2]
    bend = before - 2 * peak + after
    return whole + (round(MELS_PER_FRAME * 0.5 * (before - after) / bend) / MELS_PER_FRAME if bend else 0.0)


@lru_cache(maxsize=1)
def open_probe(source: ProbeSource) -> OffsetProbe:
    """The probe, opened once a process.

    Raises:
        ValueError: the files are not those of such a network.
    """
    if source.kind == "syncnet":
        network, sha256 = load_public_weights(source.path)
        return SyncNetProbe(LipSyncEvaluator(network, name=f"syncnet {sha256[:12]}"))
    return SyncEncoderProbe(load_sync_encoder(source.path))


def _decode(clip: TimedClip, start: int, stop: int) -> npt.NDArray[np.uint8]:
    """(stop - start, S, S, 3) uint8 RGB, at the size of the crops."""
    return unpack_jpegs(clip.mjpeg, clip.jpeg_offsets, range(start, stop))
