"""``--face speaker``: of several faces the one whose lips go with the video's own audio."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from assets.av_offsets import probes
from assets.av_offsets.probe_source import ProbeSource
from assets.av_offsets.probes import SyncEncoderProbe
from assets.faces.backends.dlib import DlibBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.mels.settings import MelSettings
from assets.project.home import Home
from assets.project.settings import Project
from assets.store.current_model import write_current_model
from pipelines.cli.main import make_parser
from pipelines.dubbing.choose_faces import Face, find_faces
from pipelines.dubbing.dub import DubInputs, DubModel, make_dub
from pipelines.dubbing.find_speaker import Speaker, find_probe, find_speaker
from pipelines.dubbing.frame_plan import FrameLog, frames_at_ticks
from pipelines.dubbing.run import result_lines
from pipelines.dubbing.settings import DubSettings
from pipelines.dubbing.source_video import open_source, read_frames
from tests.assets.av_offsets.test_offsets import OpenMouth
from tests.pipelines.dubbing.dub_inputs import ReferenceGenerator, write_audio
from tests.pipelines.dubbing.dub_outputs import no_bar
from tests.support.array_frames import astronaut

NUM_FRAMES = 60
SOURCE = ProbeSource(kind="sync_encoder", path=Path("model"), digest="d" * 64)
OPENINGS = [np.random.default_rng(seed).uniform(0, 1, NUM_FRAMES) for seed in range(3)]


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe whose lips are as bright as the audio that goes with them is loud."""
    opened = SyncEncoderProbe(OpenMouth())  # type: ignore[arg-type]
    monkeypatch.setattr(probes, "open_probe", lambda source: opened)


@cache
def backend() -> DlibBackend:
    return DlibBackend()


def write_pair(path: Path, left: np.ndarray, right: np.ndarray, audio: np.ndarray | None) -> Path:
    """Two faces whose lower halves are as bright as they are open, with noise that is as loud."""
    face = astronaut()[30:270, 60:300].astype(float)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 480, 240, "yuv420p"
        track = container.add_stream("pcm_s16le", rate=16_000, layout="mono") if audio is not None else None
        for opening in zip(left, right, strict=True):
            sides = [face.copy(), face[:, ::-1].copy()]
            for side, value in zip(sides, opening, strict=True):
                side[112:] *= 0.75 + 0.3 * value
            rgb = np.concatenate(sides, axis=1).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
        container.mux(stream.encode(None))
        if track is not None and audio is not None:
            noise = np.random.default_rng(9).uniform(-1, 1, 640 * len(audio)) * np.repeat(
                0.005 * 100**audio, 640
            )
            frame = av.AudioFrame.from_ndarray(
                (noise * 32_767).astype(np.int16)[None], format="s16", layout="mono"
            )
            frame.sample_rate = 16_000
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return path


def speaker_of(path: Path, probe: ProbeSource | None = SOURCE) -> Speaker:
    limits, log = DubSettings().limits, FrameLog()
    source = open_source(path, limits)
    ticks = frames_at_ticks(read_frames(source), log, source.last_step_s)
    faces: list[Face] = find_faces(ticks, backend(), TrackSettings(), path)
    return find_speaker(faces, source, log, probe, CropSettings(), MelSettings(), limits)


def test_the_face_whose_lips_go_with_the_audio_is_taken(tmp_path: Path) -> None:
    for speaks in (0, 1):
        path = write_pair(tmp_path / f"{speaks}.mkv", OPENINGS[0], OPENINGS[1], OPENINGS[speaks])
        found = speaker_of(path)
        assert found.number == speaks + 1
        assert found.why.startswith("its lips go with the video's audio (face 1: ")
        assert found.why.endswith("; sure from 4.5 on)")


def test_a_dub_says_whom_it_took_for_the_speaker(tmp_path: Path) -> None:
    video = write_pair(tmp_path / "pair.mkv", OPENINGS[0], OPENINGS[1], OPENINGS[1])
    model = DubModel(
        generator=ReferenceGenerator(),  # type: ignore[arg-type]
        folder=tmp_path,
        tracks=TrackSettings(),
        crops=CropSettings(),
        mels=MelSettings(),
        probe=SOURCE,
    )
    audio = write_audio(tmp_path / "a.wav", 0.4)
    inputs = DubInputs(video=video, audio=audio, out=tmp_path / "dub.mp4")
    settings = DubSettings(speaker=True, rest=False)
    result = make_dub(inputs, model, backend(), settings, Home(tmp_path / "home"), no_bar)
    (face,) = result.faces
    assert int(face.split("x ")[1].split(",")[0]) > 240 and result.num_dubbed_frames == 10
    told = f"the speaker is the face {face}: its lips go with the video's audio (face 1: "
    assert any(line.startswith(told) for line in result_lines(result))
    (part,) = (tmp_path / "home" / "warehouse" / "parts" / "dubs").glob("*.parquet")
    recorded = pq.read_table(part).to_pylist()[0]["faces_json"]
    assert json.loads(recorded) == [f"{face}; the speaker: {result.speaker}"]


def test_where_nobody_or_more_than_one_speaks_it_is_one_line_with_the_numbers(tmp_path: Path) -> None:
    advice = r"sure from 4\.5 on\); choose with --face N: 1: at x \d+, y \d+.*; 2: at x"
    off = write_pair(tmp_path / "off.mkv", OPENINGS[0], OPENINGS[1], OPENINGS[2])
    with pytest.raises(
        ValueError, match=rf"off\.mkv: nobody's lips clearly go with .* \(face 1: [-\d.]+, face 2: .*{advice}"
    ):
        speaker_of(off)
    both = write_pair(tmp_path / "both.mkv", OPENINGS[0], OPENINGS[0], OPENINGS[0])
    with pytest.raises(ValueError, match=rf"both\.mkv: the lips of several faces clearly go with .*{advice}"):
        speaker_of(both)
    silent = write_pair(tmp_path / "silent.mkv", OPENINGS[0], OPENINGS[1], None)
    with pytest.raises(
        ValueError, match=r"silent\.mkv: has no audio track .*; it would show who speaks; choose with --face"
    ):
        speaker_of(silent)
    with pytest.raises(
        ValueError, match=r"both\.mkv: the home holds no sync encoder of the model's dataset .*; choose with"
    ):
        speaker_of(both, None)


def test_the_models_own_sync_encoder_judges_unless_its_settings_name_another(tmp_path: Path) -> None:
    project = Project(
        config_path=tmp_path / "cals.yaml", home=Home(tmp_path / "home"), datasets={}, settings={}
    )
    assert find_probe(project, "made") is None
    base = project.home.model("sync_encoder", "made")
    (base / "abc").mkdir(parents=True)
    (base / "abc" / "model.json").write_text(json.dumps({"weights_sha256": "e" * 64}))
    write_current_model(base, "abc", "1")
    assert find_probe(project, "made") == ProbeSource(kind="sync_encoder", path=base / "abc", digest="e" * 64)


def test_a_speaker_is_asked_for_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_parser().parse_args(["dub", "--face", "speaker"]).face == ["speaker"]
    with pytest.raises(SystemExit):
        make_parser().parse_args(["dub", "--face", "left"])
    assert "'left': give a face's number or speaker" in capsys.readouterr().err
    with pytest.raises(ValueError, match="--face speaker and --face N; give one of them"):
        DubSettings(faces=(1,), speaker=True)
