"""A finished dub, and its row in the warehouse."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.dubbing.mouth_readings import Followed
from pipelines.dubbing.provenance import Origin, sha256_of
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import SourceVideo
from pipelines.dubbing.spoken import Spoken

if TYPE_CHECKING:
    from pipelines.dubbing.dub import DubInputs


@dataclass(frozen=True, kw_only=True)
class DubResult:
    """A finished dub.

    Args:
        num_frames: frames of the output; ``num_dubbed_frames`` of them with a generated mouth.
        duration_s: length of the output; ``seconds`` is how long the work took.
        is_signed: carries a C2PA manifest.
        written: codec, bits and chroma, and quality of the video.
        kept, dropped: tracks, chapters, attachments and texts of the source that the dub has too, and that it lacks.
        fit_changes: what of the video and the audio is left out, repeated or held.
        frame_changes: what was done to the given frames besides the dub; None if nothing.
        audio_changes: what was done to the given audio; None where it is taken as a person would expect.
        without_speech: where no speech was found in the audio, in words; None if nowhere.
        enlarged: how much smaller faces are in the video than large crops of the model, in words; None if they are not.
        num_bridged_frames: dubbed frames in which a face was not found, so that its place is interpolated.
        num_covered_frames: frames left alone since something covers a mouth.
        speaker: why the face was chosen, where the one who speaks was asked for; None elsewhere.
        cast: which face speaks what, in words; none where there is one audio.
        followed: what the mouths' openings go with.
    """

    dub_id: str
    out: Path
    num_frames: int
    num_dubbed_frames: int
    duration_s: float
    seconds: float
    faces: tuple[str, ...]
    is_signed: bool
    written: str = ""
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    fit_changes: tuple[str, ...] = ()
    frame_changes: str | None = None
    audio_changes: str | None = None
    without_speech: str | None = None
    enlarged: str | None = None
    num_bridged_frames: int = 0
    num_covered_frames: int = 0
    cast: tuple[str, ...] = ()
    speaker: str | None = None
    followed: Followed = field(default_factory=Followed)

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of video; below 1 is faster than real time."""
        return self.seconds / self.duration_s


def result_row(
    inputs: DubInputs,
    origin: Origin,
    result: DubResult,
    source: SourceVideo,
    spoken: Spoken,
    settings: DubSettings,
    model_dir: Path,
    written: Path,
) -> dict[str, Any]:
    """The row of a dub.

    Args:
        inputs: files given.
        origin: model and digests.
        result: of the dub.
        source: as read.
        spoken: what is spoken.
        settings: of the dub.
        model_dir: folder of the generator.
        written: where the file is at present, under its temporary name.
    """
    return {
        "dub_id": origin.dub_id,
        "model_dataset": origin.dataset,
        "model_method": origin.method,
        "weights_sha256": origin.weights_sha256,
        "model_path": str(model_dir.absolute()),
        "video_path": str(inputs.video.absolute()),
        "video_sha256": origin.video_sha256,
        "audio_path": None if inputs.audio is None else str(inputs.audio.absolute()),
        "audio_sha256": origin.audio_sha256 if isinstance(origin.audio_sha256, str) else None,
        "cast_json": _cast_json(inputs, origin, spoken),
        "audio_taken": spoken.taken,
        "output_path": str(inputs.out.absolute()),
        "output_sha256": sha256_of(written),
        "width_px": source.grid_size[0] // 2 * 2,
        "height_px": source.grid_size[1] // 2 * 2,
        "frame_changes": result.frame_changes,
        "without_speech": result.without_speech,
        "enlarged": result.enlarged,
        "written_as": result.written,
        "kept_json": json.dumps(result.kept),
        "dropped_json": json.dumps([*result.dropped, *result.fit_changes]),
        "num_frames": result.num_frames,
        "num_dubbed_frames": result.num_dubbed_frames,
        "num_bridged_frames": result.num_bridged_frames,
        "num_covered_frames": result.num_covered_frames,
        "opening_audio": result.followed.audio,
        "opening_source": result.followed.source,
        "opening_at_rest": result.followed.at_rest,
        "duration_s": result.duration_s,
        "fit": settings.fit,
        "faces_json": json.dumps([face + _chosen(result) for face in result.faces]),
        "is_marked": settings.mark,
        "seconds": result.seconds,
    }


def _chosen(result: DubResult) -> str:
    return "" if result.speaker is None else f"; the speaker: {result.speaker}"


def _cast_json(inputs: DubInputs, origin: Origin, spoken: Spoken) -> str | None:
    """The rows of the cast, each with the digest of its audio."""
    if inputs.cast is None or spoken.cast is None:
        return None
    digests = dict(zip(inputs.cast.audios, origin.audio_sha256, strict=True))
    rows = [
        {
            **row,
            "audio": None if audio is None else str(audio.absolute()),
            "audio_sha256": None if audio is None else digests[audio],
        }
        for row in spoken.cast
        for audio in [row["audio"]]
    ]
    return json.dumps(rows)
