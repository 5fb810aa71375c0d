"""Decides how a dub is written, from the source's first frame and the settings, and says what that changes."""

from __future__ import annotations

import io
from pathlib import Path

import av

from pipelines.dubbing.frame_plan import FramePlan
from pipelines.dubbing.hdr_colours import with_light_data
from pipelines.dubbing.kept_tracks import plan_tracks
from pipelines.dubbing.output_folder import check_room
from pipelines.dubbing.output_format import MUXERS, encoder_of
from pipelines.dubbing.pixel_format import IN_WORDS, bits_of, writable_format
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceFrame, SourceVideo
from pipelines.dubbing.write_video import Writing

LEAST_TOLD_S = 0.05
"""Shorter ends are paddings of codecs."""


def plan_writing(
    out: Path,
    container: str,
    source: SourceVideo,
    template: SourceFrame,
    settings: DubSettings,
    stated: dict[str, str],
) -> Writing:
    """How the file is written.

    Args:
        out: the file; its disk must have room for the source's length.
        container: mp4, mkv or mov.
        source: whose tracks are kept.
        template: its first frame.
        settings: codec and quality.
        stated: metadata that says where the dub comes from.

    Raises:
        OSError: too little room.
    """
    encoder = encoder_of(settings, bits_of(template.image))
    sideways = template.display.orientation.is_sideways
    pixel_format, changes = writable_format(template.image, encoder.pixel_formats, is_sideways=sideways)
    width, height = source.grid_size
    check_room(out, width * height * source.num_frames, lossless=settings.lossless)
    with av.open(io.BytesIO(), "w", format=MUXERS[container]) as empty:
        supported = set(empty.supported_codecs)
    options = encoder.options(settings.quality_crf, lossless=settings.lossless)
    options, lost = with_light_data(options, encoder.name, template.image)
    return Writing(
        container=container,
        encoder=encoder,
        options=options,
        pixel_format=pixel_format,
        tracks=plan_tracks(source, container, supported, stated),
        changes="; ".join(filter(None, [source.changes, *changes, *lost])) or None,
        text=_text(container, encoder.name, pixel_format, settings, encoder.crf),
    )


def fit_changes(plan: FramePlan, source: SourceVideo, audio_s: float) -> tuple[str, ...]:
    """What of the video and the audio is not in the dub, or is there more than once, in words."""
    if source.photograph is not None:
        return ()
    video_s, end_s = float(source.num_frames / source.frame_rate), plan.end_s
    told = []
    if video_s - end_s > max(LEAST_TOLD_S, float(1 / source.frame_rate)):
        told.append(
            f"the video's last {video_s - end_s:.2f} s are left out: the audio ends before (--fit hold keeps them)"
        )
    if audio_s - end_s > LEAST_TOLD_S:
        told.append(
            f"the audio's last {audio_s - end_s:.2f} s are left out: the video ends before (--fit loop or hold)"
        )
    if end_s - video_s > max(LEAST_TOLD_S, float(1 / source.frame_rate)):
        again = len(plan.source_frames) and (plan.source_frames[1:] < plan.source_frames[:-1]).any()
        told.append(
            f"the video is shown {end_s / video_s:.1f} times"
            if again
            else f"the last frame is held for {end_s - video_s:.2f} s"
        )
    return tuple(told)


def _text(container: str, name: str, pixel_format: str, settings: DubSettings, crf: int) -> str:
    chroma = IN_WORDS[pixel_format[3:6]]
    bits = 10 if pixel_format.endswith("10le") else 8
    quality = (
        "without loss"
        if settings.lossless
        else f"quality {crf if settings.quality_crf is None else settings.quality_crf}"
    )
    return f"{container}, {name}, {bits} bits, {chroma}, {quality}"
