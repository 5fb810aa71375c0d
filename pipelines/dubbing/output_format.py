"""How a dub is written: container, codec and quality. Whatever can't be written is told before any work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.dubbing.settings import CONTAINERS, DubSettings

EIGHT_AND_TEN_BITS = tuple(f"yuv{chroma}p{bits}" for bits in ("", "10le") for chroma in ("420", "422", "444"))


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder of FFmpeg, at the speed and quality that a dub has by default.

    Measured on 1080x1920 phone video: 48.7 dB (h264), 49.0 dB (hevc) and 47.0 dB (av1) of luma over the frame, 30, 96 and
    40 ms a frame on one core.

    Args:
        name: FFmpeg's.
        preset: speed against size.
        crf: default quality; 0 is the best, ``highest_crf`` the worst.
        pixel_formats: that it takes.
        containers: that hold its streams.
        codec_tag: where players expect another one than FFmpeg's default.
    """

    name: str
    preset: str
    crf: int
    highest_crf: int
    pixel_formats: tuple[str, ...]
    containers: tuple[str, ...]
    codec_tag: str | None = None

    def options(self, quality_crf: int | None, *, lossless: bool) -> dict[str, str]:
        """FFmpeg's options."""
        quality = {"crf": str(self.crf if quality_crf is None else quality_crf)}
        if lossless:
            quality = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "lossless=1"}}[self.name]
        if self.name == "libx265":
            quality["x265-params"] = ":".join(filter(None, [quality.get("x265-params"), "log-level=error"]))
        return {"preset": self.preset, "flags": "+bitexact", **quality}


ENCODERS = {
    "h264": Encoder(
        name="libx264",
        preset="veryfast",
        crf=14,
        highest_crf=51,
        pixel_formats=EIGHT_AND_TEN_BITS,
        containers=("mp4", "mkv", "mov"),
    ),
    "hevc": Encoder(
        name="libx265",
        preset="veryfast",
        crf=16,
        highest_crf=51,
        pixel_formats=EIGHT_AND_TEN_BITS,
        containers=("mp4", "mkv", "mov"),
        codec_tag="hvc1",
    ),
    "av1": Encoder(
        name="libsvtav1",
        preset="8",
        crf=18,
        highest_crf=63,
        pixel_formats=("yuv420p", "yuv420p10le"),
        containers=("mp4", "mkv"),
    ),
}
MUXERS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}


def container_of(out: Path, container: str | None) -> str:
    """The container that is given, or else that of the file's name.

    Raises:
        ValueError: the name says nothing, or something else.
    """
    by_name = out.suffix.lower().removeprefix(".")
    if container is None:
        if by_name not in CONTAINERS:
            raise ValueError(
                f"{out}: give a name that ends in .mp4, .mkv or .mov, or say which with --container"
            )
        return by_name
    if by_name in CONTAINERS and by_name != container:
        raise ValueError(f"{out}: the name says {by_name}, --container says {container}; give one of them")
    return container


def check_output(container: str, settings: DubSettings, *, is_signed: bool) -> None:
    """Rejects a combination that can't be written.

    Raises:
        ValueError: what is wrong, and what would be right.
    """
    import av

    if is_signed and container != "mp4":
        raise ValueError(
            f"a C2PA manifest is put into mp4 only, not {container}; choose --container mp4 or unset CALS_C2PA_KEY"
        )
    if settings.lossless and settings.quality_crf is not None:
        raise ValueError("--lossless has no --quality; give one of them")
    if settings.lossless and settings.codec == "av1":  # SVT-AV1's lossless mode changes chroma of 10 bits
        raise ValueError("--lossless: the av1 encoder changes some pixels; choose --codec h264 or hevc")
    for codec in ENCODERS if settings.codec == "auto" else (settings.codec,):
        encoder = ENCODERS[codec]
        if settings.codec == codec and container not in encoder.containers:
            raise ValueError(
                f"{codec} can't be put into {container}; choose {' or '.join(encoder.containers)}"
            )
        try:
            av.codec.Codec(encoder.name, "w")
        except ValueError as error:
            if settings.codec == codec or codec == "h264":
                raise ValueError(
                    f"the installed FFmpeg has no encoder {encoder.name} for {codec}; choose another --codec"
                ) from error
    highest = ENCODERS["h264" if settings.codec == "auto" else settings.codec].highest_crf
    if settings.quality_crf is not None and settings.quality_crf > highest:
        raise ValueError(f"--quality {settings.quality_crf}: {settings.codec} takes 0 (best) to {highest}")


def encoder_of(settings: DubSettings, num_bits: int) -> Encoder:
    """The encoder: by default h264, which everything plays, and hevc for more than 8 bits, which more players show than
    h264 of 10 bits."""
    if settings.codec != "auto":
        return ENCODERS[settings.codec]
    return ENCODERS["hevc" if num_bits > 8 else "h264"]
