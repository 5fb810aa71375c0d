"""Videos with several audio tracks, each with a tone of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

NONE = Disposition(0)


@dataclass(frozen=True, kw_only=True)
class AudioTrack:
    """A track: a tone of this frequency, its marks, language and title. `channels` are gains of the tone.

    `levels` are its levels, frame by frame of 40 ms; 1 everywhere if None.
    """

    tone_hz: float
    marks: Disposition = NONE
    language: str | None = None
    title: str | None = None
    channels: tuple[float, ...] = (1.0,)
    levels: tuple[float, ...] | None = None


def write_tracks(
    path: Path, tracks: list[AudioTrack], *, video_language: str | None = None, seconds: float = 1.0
) -> Path:
    """Writes a grey video of 160x96 pixels with the tracks in this order."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height = 160, 96
        if video_language:
            video.metadata["language"] = video_language
        streams = []
        for track in tracks:
            layout = "mono" if len(track.channels) == 1 else "stereo"
            stream = container.add_stream("pcm_s16le", rate=16_000, layout=layout)
            stream.disposition = track.marks
            for name, value in (("language", track.language), ("title", track.title)):
                if value:
                    stream.metadata[name] = value
            streams.append(stream)
        for _ in range(round(25 * seconds)):
            grey = np.full((96, 160, 3), 60, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(grey)))
        for stream, track in zip(streams, tracks, strict=True):
            tone = 0.5 * np.sin(2 * np.pi * track.tone_hz * np.arange(round(16_000 * seconds)) / 16_000)
            if track.levels is not None:
                tone *= np.repeat(track.levels, 640)
            samples = np.stack([gain * tone for gain in track.channels], axis=-1) * 32_767
            block = samples.astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=stream.layout.name)
            frame.sample_rate = 16_000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        container.mux(video.encode(None))
    return path


def tone_of(samples: np.ndarray) -> float:
    """Frequency of the strongest tone of (N,) samples at 16 kHz, Hz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(spectrum.argmax() * 16_000 / len(samples))
