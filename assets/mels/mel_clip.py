"""The audio of a clip: 16 kHz mono samples and log-mel, aligned with its video frames.

Of a file with several audio streams those of the others are kept too: the stage that has both crops and a probe, `av_offsets`,
says which of them goes with the lips.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.media.audio import FULL_SCALE, read_audio
from assets.media.other_audio import other_audio
from assets.media.probe import Probe, ProbeLimits, probe
from assets.media.timeline import Span
from assets.mels.settings import MelSettings
from assets.workers.rejected import Rejected
from cals_models.digests import digest_of

STAGE = "mels"
OTHER_TRACKS = pa.list_(
    pa.struct(
        [("audio_stream", pa.int32()), ("mix", pa.string()), ("mel", pa.binary()), ("pcm", pa.binary())]
    )
)
"""Index of the stream in the file; the rest as of the main one."""
MELS_SCHEMA = pa.schema(
    [
        pa.field(
            "num_frames", pa.int32(), metadata={"about": "T, video frames (25 fps) that the audio spans"}
        ),
        pa.field("mel", pa.binary(), metadata={"about": "float16 (80, 4T), log10 magnitude, C order"}),
        pa.field("pcm", pa.binary(), metadata={"about": "int16 (640 T,), 16 kHz mono"}),
        pa.field("peak", pa.float32(), metadata={"about": "largest absolute sample, full scale 1"}),
        pa.field("rms", pa.float32(), metadata={"about": "root mean square, full scale 1"}),
        pa.field(
            "silent_share", pa.float32(), metadata={"about": "share of 10 ms blocks below silence_dbfs"}
        ),
        pa.field("clipped_share", pa.float32(), metadata={"about": "share of samples at clipping_level"}),
        pa.field("missing_share", pa.float32(), metadata={"about": "share for which the file has no audio"}),
        pa.field("mix", pa.string(), metadata={"about": "how the channels became one"}),
        pa.field("source_channels", pa.int32(), metadata={"about": "channels of the file's audio"}),
        pa.field(
            "other_tracks",
            OTHER_TRACKS,
            metadata={"about": "of further audio streams, where the file has them; null elsewhere"},
        ),
    ]
)


@dataclass(frozen=True, kw_only=True)
class MelPayload:
    """What a worker needs to know of a clip.

    Args:
        path: the video.
        start_s: container time of the clip's first video frame, seconds.
        num_frames: T, its video frames at 25 fps.
        limits: checked before the file is decoded.
        settings: of this stage.
    """

    path: str
    start_s: float
    num_frames: int
    limits: ProbeLimits
    settings: MelSettings


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """Level, silence and clipping of a clip's audio; shares from 0 to 1, levels of full scale 1."""

    peak: float
    rms: float
    silent_share: float
    clipped_share: float


def compute_mels(payload: MelPayload, wanted: frozenset[str]) -> Mapping[str, Mapping[str, Any] | Rejected]:
    """Work of one clip in a worker process: the columns of `MELS_SCHEMA` and the digest of mel and samples.

    Raises:
        Rejected: the file can't be read, silent_audio or clipped_audio; all of the main audio stream.
    """
    assert wanted == {STAGE}, wanted
    span = Span(start_s=payload.start_s, num_frames=payload.num_frames)
    found = probe(payload.path, payload.limits, stage=STAGE)
    columns = _track_columns(found, span, payload.settings)
    others = _other_tracks(found, span, payload.settings)
    columns["other_tracks"] = others or None
    if others:
        digests = [[track["audio_stream"], track.pop("digest")] for track in others]
        columns["digest"] = digest_of(columns["digest"], digests)
    return {STAGE: columns}


def _track_columns(found: Probe, span: Span, settings: MelSettings) -> dict[str, Any]:
    audio = read_audio(found, span, stage=STAGE)
    return mel_columns(audio.samples, settings) | {
        "missing_share": audio.missing_share,
        "mix": audio.mix,
        "source_channels": audio.source_channels,
    }


def _other_tracks(found: Probe, span: Span, settings: MelSettings) -> list[dict[str, Any]]:
    """Entries of ``other_tracks`` with their digests; tracks that would be rejected are left out."""
    tracks = []
    for other in other_audio(found, stage=STAGE):
        try:
            columns = _track_columns(other, span, settings)
        except Rejected:
            continue
        kept = {name: columns[name] for name in ("mix", "mel", "pcm", "digest")}
        tracks.append({"audio_stream": other.audio.index, **kept})
    return tracks


def mel_columns(pcm: npt.NDArray[np.int16], settings: MelSettings) -> dict[str, Any]:
    """Columns of a clip's row.

    Args:
        pcm: int16 (640 T,), 16 kHz mono.
        settings: of the mel, and the limits of silence and clipping.

    Raises:
        Rejected: silent_audio or clipped_audio.
    """
    from assets.mels.mel import log_mel

    waveform = (pcm / FULL_SCALE).astype(np.float32)
    loudness = measure_loudness(waveform, settings)
    check_loudness(loudness, settings)
    mel = log_mel(waveform, settings).astype(np.float16).tobytes()
    samples = pcm.astype("<i2").tobytes()
    return {
        "num_frames": len(pcm) // settings.samples_per_frame,
        "mel": mel,
        "pcm": samples,
        "peak": loudness.peak,
        "rms": loudness.rms,
        "silent_share": loudness.silent_share,
        "clipped_share": loudness.clipped_share,
        "digest": hashlib.sha256(mel + samples).hexdigest(),
    }


def measure_loudness(waveform: npt.NDArray[np.float32], settings: MelSettings) -> Loudness:
    """Level, silence and clipping of audio (N,) float32, full scale 1; N is a whole number of hops."""
    block_rms = np.sqrt(np.square(waveform.reshape(-1, settings.hop_samples), dtype=np.float64).mean(axis=1))
    silence = 10 ** (settings.silence_dbfs / 20)
    return Loudness(
        peak=float(np.abs(waveform).max()),
        rms=float(np.sqrt(np.square(block_rms).mean())),
        silent_share=float((block_rms < silence).mean()),
        clipped_share=float((np.abs(waveform) >= settings.clipping_level).mean()),
    )


def check_loudness(loudness: Loudness, settings: MelSettings) -> None:
    """Rejects audio from which no lip motion can be learned.

    Raises:
        Rejected: silent_audio or clipped_audio.
    """
    if loudness.silent_share > settings.max_silent_share:
        raise Rejected(
            STAGE,
            "silent_audio",
            f"{loudness.silent_share:.1%} of the audio is below {settings.silence_dbfs:g} dBFS (peak "
            f"{loudness.peak:.4f} of full scale); at most {settings.max_silent_share:.1%} may be",
        )
    if loudness.clipped_share > settings.max_clipped_share:
        raise Rejected(
            STAGE,
            "clipped_audio",
            f"{loudness.clipped_share:.1%} of the samples are clipped; at most "
            f"{settings.max_clipped_share:.1%} may be",
        )
