"""Of several audio streams the one is used that goes with the lips, where a probe is sure; else the main one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.stream import Disposition

from assets.av_offsets import probes
from assets.av_offsets.offsets import OffsetPayload, compute_offset
from assets.av_offsets.probe_source import ProbeSource
from assets.av_offsets.probes import SyncEncoderProbe
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.speaker_probe import LipProbe
from assets.faces.speaker_probe import Footage
from assets.media.other_audio import MOST_OTHERS, other_audio
from assets.media.probe import ProbeLimits, probe
from assets.media.timeline import common_span
from assets.mels.mel_clip import MelPayload, compute_mels
from assets.mels.settings import MelSettings
from assets.shards.settings import ShardSettings
from assets.shards.write_shards import BucketInput, write_bucket
from assets.workers.rejected import Rejected
from cals_models.shards.shard_set import ShardSet
from tests.assets.av_offsets.test_offsets import OpenMouth
from tests.support.audio_tracks import AudioTrack, tone_of, write_tracks
from tests.support.shard_sets import clip_rows, facts_of, jpeg_columns, write_manifest, write_stage_files

NUM_FRAMES = 60
CLIP = "made/train/a"
SOURCE = ProbeSource(kind="sync_encoder", path=Path("model"), digest="d" * 64)
OPENING, OTHER = (np.random.default_rng(seed).uniform(0, 1, NUM_FRAMES) for seed in (0, 1))
TALK_HZ, COMMENTARY_HZ = 700.0, 400.0


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe whose lips are as bright as the audio that goes with them is loud."""
    opened = SyncEncoderProbe(OpenMouth())  # type: ignore[arg-type]
    monkeypatch.setattr(probes, "open_probe", lambda source: opened)


def track(tone_hz: float, opening: np.ndarray, **marks: Any) -> AudioTrack:
    return AudioTrack(tone_hz=tone_hz, levels=tuple(0.01 * 100**opening), **marks)


def mels_of(path: Path) -> dict[str, Any]:
    found = probe(path)
    payload = MelPayload(
        path=str(path), start_s=common_span(found).start_s, num_frames=NUM_FRAMES, limits=ProbeLimits(),
        settings=MelSettings(),
    )  # fmt: skip
    columns = compute_mels(payload, frozenset({"mels"}))["mels"]
    assert not isinstance(columns, Rejected)
    return dict(columns)


def stage_files(folder: Path, mels: dict[str, Any], offset: dict[str, Any] | None = None) -> dict[str, Path]:
    """Crops whose lower half is as bright as the mouth is open, with mels and, where given, the offset."""
    frames = np.full((NUM_FRAMES, 128, 128, 3), 90, np.uint8)
    frames[:, 64:] = np.round(40 + 160 * OPENING)[:, None, None, None]
    rows = clip_rows(CLIP, 0, NUM_FRAMES)
    rows["face_crops"] |= jpeg_columns(frames)
    for stage, columns in (("mels", mels), ("av_offsets", offset or {})):
        rows[stage] |= {name: value for name, value in columns.items() if name in rows[stage]}
    return write_stage_files(folder, 0, [rows])


def offset_of(folder: Path, mels: dict[str, Any]) -> dict[str, Any]:
    files = stage_files(folder, mels)
    payload = OffsetPayload(
        clip_id=CLIP, crops_file=files["face_crops"], mels_file=files["mels"], probe=SOURCE,
        settings=AvOffsetSettings(probe="sync_encoder", probe_path="model"),
    )  # fmt: skip
    columns = compute_offset(payload, frozenset({"av_offsets"}))["av_offsets"]
    assert not isinstance(columns, Rejected)
    return dict(columns)


def test_the_talkers_own_track_is_used_though_another_is_the_default(tmp_path: Path) -> None:
    tracks = [track(COMMENTARY_HZ, OTHER, marks=Disposition.default), track(TALK_HZ, OPENING)]
    path = write_tracks(tmp_path / "two.mkv", tracks, seconds=NUM_FRAMES / 25)
    mels = mels_of(path)
    assert [other["audio_stream"] for other in mels["other_tracks"]] == [2]
    assert tone_of(np.frombuffer(mels["pcm"], np.int16)) == pytest.approx(COMMENTARY_HZ, abs=2)
    offset = offset_of(tmp_path / "measured", mels)
    assert (offset["audio_stream"], offset["offset_status"], offset["applied_frames"]) == (2, "in sync", 0)
    assert offset["audio_stream_why"].startswith(
        "of 2 audio streams the lips go most surely with stream 2, not the main one ("
    )
    source = BucketInput(
        bucket=0, clips={CLIP: facts_of(CLIP, "made", "train")}, version="1", settings_digest="made",
        stage_files=stage_files(tmp_path / "chosen", mels, offset),
    )  # fmt: skip
    write_bucket(tmp_path / "shards", source, ShardSettings())
    write_manifest(tmp_path / "shards", "made", [0])
    (clip,) = ShardSet(tmp_path / "shards").clips("train")
    assert tone_of(clip.audio()) == pytest.approx(TALK_HZ, abs=2)
    np.testing.assert_array_equal(
        clip.mel.astype(np.float16).ravel(), np.frombuffer(mels["other_tracks"][0]["mel"], np.float16)
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (OPENING, OTHER, "of 2 audio streams the lips go most surely with the main one: confidence "),
        (OTHER, OTHER[::-1], "of 2 audio streams none surely goes with the lips: the main one is kept"),
    ],
)
def test_the_main_track_is_kept_unless_the_probe_is_surer_of_another(
    tmp_path: Path, first: np.ndarray, second: np.ndarray, said: str
) -> None:
    tracks = [track(TALK_HZ, first), track(COMMENTARY_HZ, second)]
    offset = offset_of(tmp_path, mels_of(write_tracks(tmp_path / "a.mkv", tracks, seconds=NUM_FRAMES / 25)))
    assert offset["audio_stream"] is None and offset["audio_stream_why"].startswith(said)


def test_one_track_costs_nothing_and_has_the_digest_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = track(TALK_HZ, OPENING)
    path = write_tracks(tmp_path / "one.mkv", [alone], seconds=NUM_FRAMES / 25)
    two = mels_of(write_tracks(tmp_path / "two.mkv", [alone, track(400, OTHER)], seconds=NUM_FRAMES / 25))

    def opened(*_: object) -> None:
        raise AssertionError("one track: the file is not opened again")

    monkeypatch.setattr("assets.media.other_audio.open_media", opened)
    one = mels_of(path)
    assert one["other_tracks"] is None and one["pcm"] == two["pcm"] and one["digest"] != two["digest"]
    offset = offset_of(tmp_path, one)
    assert (offset["audio_stream"], offset["audio_stream_why"]) == (None, None)


def test_further_tracks_are_the_likeliest_and_few(tmp_path: Path) -> None:
    marks: Callable[[int], dict[str, Any]] = lambda n: {"title": "Director's commentary"} if n < 3 else {}  # noqa: E731
    tracks = [AudioTrack(tone_hz=300 + 50 * n, **marks(n)) for n in range(7)]
    found = probe(write_tracks(tmp_path / "many.mkv", tracks))
    others = other_audio(found, stage="mels")
    assert found.audio.index == 4
    assert [other.audio.index for other in others] == [5, 6, 7][:MOST_OTHERS]
    assert all((other.video, other.path) == (found.video, found.path) for other in others)


def test_a_face_is_compared_with_each_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [track(COMMENTARY_HZ, OTHER), track(TALK_HZ, OPENING)]
    path = write_tracks(tmp_path / "two.mkv", tracks, seconds=NUM_FRAMES / 25)

    def confidence(self: LipProbe, face: str, audio: dict[str, Any]) -> float | None:
        is_talk = tone_of(np.frombuffer(audio["pcm"], np.int16)) > 550
        return {"talker": 6.0 if is_talk else None, "listener": None if is_talk else 3.0, "wall": None}[face]

    monkeypatch.setattr(LipProbe, "_confidence", confidence)
    footage = Footage(path=path, limits=ProbeLimits(), span=common_span(probe(path)))
    faces: Any = ["listener", "talker", "wall"]
    assert LipProbe(source=SOURCE).confidences(footage, faces) == [3.0, 6.0, None]
