"""Videos and a photograph are dubbed; bad input leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pillow_heif
import pyarrow.parquet as pq
import pytest
from PIL import Image

from assets.faces.backends.dlib import DlibBackend
from assets.faces.backends.opening import open_backend
from assets.faces.landmarks import mouth_opening
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.decoded_frame import DecodedFrame
from assets.media.display import Display, shown_frames
from assets.media.orientation import AS_STORED, Orientation, orientation_of
from assets.mels.settings import MelSettings
from assets.metrics.crop_landmarks import landmark_crops
from assets.project.home import Home
from assets.store.sql_files import read_sql_files
from pipelines.dubbing.dub import DubInputs, DubModel, make_dub
from pipelines.dubbing.dub_result import DubResult
from pipelines.dubbing.provenance import sha256_of
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import ReferenceGenerator, write_audio, write_video
from tests.support.array_frames import astronaut, moved
from tests.support.displayed_files import Stored, write_stored

Dub = Callable[..., DubResult]


@contextmanager
def no_bar(title: str, num_frames: int) -> Iterator[Callable[[int], None]]:
    yield lambda count: None


@pytest.fixture(scope="module")
def backend() -> DlibBackend:
    return DlibBackend()


@pytest.fixture
def generator() -> ReferenceGenerator:
    return ReferenceGenerator()


@pytest.fixture
def dub(tmp_path: Path, backend: DlibBackend, generator: ReferenceGenerator) -> Dub:
    def run(video: Path, audio: Path, **settings: object) -> DubResult:
        inputs = DubInputs(video=video, audio=audio, out=tmp_path / "out" / "dub.mp4")
        model = DubModel(
            generator=generator,  # type: ignore[arg-type]
            folder=tmp_path,
            tracks=TrackSettings(),
            crops=CropSettings(),
            mels=MelSettings(),
        )
        # the audio of most tests is a tone: no speech, so that every mouth would rest
        chosen = DubSettings(**{"rest": False, **settings})  # type: ignore[arg-type]
        home = Home(tmp_path / "home")
        return make_dub(inputs, model, backend, chosen, home, no_bar)

    return run


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that drifts: 36 frames at 30 a second, without audio."""
    frames = [moved(astronaut(), 0.4 * k, 0.2 * k) for k in range(36)]
    return write_video(tmp_path_factory.mktemp("talking") / "talking.mp4", frames, Fraction(30))


def decoded(path: Path) -> tuple[list[np.ndarray], int, int]:
    """Luma planes, audio samples, their rate."""
    with av.open(str(path)) as container:
        luma = [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        return luma, sum(frame.samples for frame in container.decode(audio=0)), rate


def test_a_video_keeps_size_rate_and_surroundings(
    talking: Path, dub: Dub, generator: ReferenceGenerator, tmp_path: Path
) -> None:
    result = dub(talking, write_audio(tmp_path / "a.wav", 2.0), quality_crf=1)
    luma, num_samples, rate = decoded(result.out)
    with av.open(str(result.out)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate, stream.codec_context.name) == (
            400, 320, Fraction(30), "h264",
        )  # fmt: skip
        facts = json.loads(container.metadata["comment"])
        assert container.metadata["description"].startswith("Synthetic")
    assert len(luma) == result.num_frames == result.num_dubbed_frames == 36
    assert abs(num_samples / rate - 36 / 30) <= 1 / 30
    with av.open(str(talking)) as container:
        before = [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]
    changes = np.abs(np.stack(luma).astype(int) - np.stack(before))
    assert changes[:, :, 260:].max() <= 6 and changes[:, :60].max() <= 6
    assert changes.max(axis=(1, 2)).min() > 50
    assert (changes > 6).mean() < 0.02, "more than the mouth was changed"
    poses = np.concatenate([pose.numpy() for pose in generator.poses])
    assert (
        len(poses) == generator.num_ticks_given == 30
        and not poses[:, 64:].any()
        and poses[:, :64].mean() > 30
    )
    assert generator.level_given == pytest.approx(-2, abs=0.02), "not as loud as the audio of the training"
    assert facts["synthetic"] and facts["video_sha256"] == sha256_of(talking)
    (part,) = (tmp_path / "home" / "warehouse" / "parts" / "dubs").glob("*.parquet")
    (row,) = pq.read_table(part).to_pylist()
    columns = {
        "at" if column.name == "dubbed_at" else column.name for column in read_sql_files()["dubs"].columns
    }
    assert columns == row.keys(), "sql/schema/dubs.sql and the row differ"
    assert f"dubs/{row['dub_id']}" == facts["ledger_row"] and row["output_sha256"] == sha256_of(result.out)


@pytest.mark.parametrize(
    "stored",
    [
        Stored(pixel_aspect=Fraction(2)),
        Stored(pixel_aspect=Fraction(4, 5), orientation=Orientation(is_sideways=True)),
        Stored(orientation=Orientation(reverses_y=True)),
    ],
    ids=str,
)
def test_a_dub_keeps_the_geometry(dub: Dub, tmp_path: Path, stored: Stored) -> None:
    """The source's own pixels, of their shape, upright; the mouth where the face has it."""
    video = write_stored(tmp_path / "face.mp4", [astronaut()] * 15, stored)
    with av.open(str(video)) as container:
        source = container.streams.video[0]
        grid = stored.orientation.size(source.width, source.height)
    result = dub(video, write_audio(tmp_path / "a.wav", 0.6))
    with av.open(str(result.out)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        aspect = Fraction(stream.sample_aspect_ratio or 1)
    assert (frame.width, frame.height) == grid and orientation_of(frame) == AS_STORED
    assert frame.width * aspect / frame.height == pytest.approx(400 / 320, rel=0.01)
    shown = cv2.resize(frame.to_ndarray(format="rgb24"), (400, 320), interpolation=cv2.INTER_CUBIC)
    change = np.abs(shown.astype(int) - astronaut()).mean(axis=-1)
    rows, columns = np.nonzero((change > 60) & (shown.mean(axis=-1) < 60))  # the dark mouth that was drawn
    assert np.abs(np.array([rows.mean() - 152, columns.mean() - 182])).max() < 12, "the mouth is elsewhere"
    assert np.ptp(columns) > 1.3 * np.ptp(rows), "the mouth is bent"
    assert change[:, 260:].mean() < 6 and change[:, :60].mean() < 6
    mirrored = "mirrored" in (result.frame_changes or "")
    assert mirrored == stored.orientation.is_mirrored


def test_a_dub_of_hdr_fields_is_progressive_and_says_so(dub: Dub, tmp_path: Path) -> None:
    stored = Stored(transfer="PQ", is_interlaced=True)
    video = write_stored(tmp_path / "face.mp4", [astronaut()] * 30, stored)
    result = dub(video, write_audio(tmp_path / "a.wav", 0.6))
    with av.open(str(result.out)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 15 and not any(frame.interlaced_frame for frame in frames)
    labels = (frames[0].color_trc, frames[0].color_primaries, frames[0].colorspace, frames[0].color_range)
    assert labels == (16, 9, 9, 1)
    as_sdr = Display(stored_width=400, stored_height=320, hdr="PQ")
    ((mapped, _),) = shown_frames([(frames[0], 0)], as_sdr)
    shown = DecodedFrame(mapped).rgb().astype(int)
    assert np.abs(shown - astronaut())[:, 260:].mean() < 6
    assert np.abs(shown[150:158, 178:186] - 15).mean() < 8, "the mouth is not as dark as it was drawn"
    assert result.frame_changes == "de-interlaced; PQ kept, mouths within BT.709, up to 203 nits"


def test_each_frame_with_its_mouth_closed_is_its_own_reference_and_a_loop_shows_it_again(
    talking: Path, dub: Dub, generator: ReferenceGenerator, tmp_path: Path
) -> None:
    dub(talking, write_audio(tmp_path / "a.wav", 3.0), fit="loop")
    shown = np.concatenate([reference.numpy() for reference in generator.references])
    poses = np.concatenate([pose.numpy() for pose in generator.poses])
    stills, shown, poses = shown[75:], shown[:75], poses[:75]
    assert (stills == shown[0]).all(), "what is drawn to tell whether the mouths follow the audio"
    assert len(shown) == 75 and np.array_equal(shown[:, :64], poses[:, :64]) and shown[:, 64:].mean() > 30
    backend = open_backend(TrackSettings())
    smiling = landmark_crops(cv2.resize(astronaut(), None, fx=1.5, fy=1.5)[None], backend).points
    closed = landmark_crops(cv2.resize(shown[0], None, fx=2.0, fy=2.0)[None], backend).points
    assert mouth_opening(closed)[0] < 0.6 * mouth_opening(smiling)[0]
    assert np.array_equal(shown[0], shown[30]) and not np.array_equal(shown[0], shown[29])


def test_mouths_rest_where_there_is_no_speech(
    talking: Path, dub: Dub, generator: ReferenceGenerator, tmp_path: Path
) -> None:
    """The model draws a dark mouth; over a tone the source's own, closed one is shown, and told."""
    result = dub(talking, write_audio(tmp_path / "a.wav", 1.2), quality_crf=1, rest=True)
    luma, _, _ = decoded(result.out)
    with av.open(str(talking)) as container:
        before = [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]
    assert not generator.references, "mouths were generated and not shown"
    mouth = (slice(None), slice(130, 180), slice(140, 230))
    assert (np.stack(luma)[mouth] < 30).mean() < (np.stack(before)[mouth] < 30).mean() + 0.01
    assert (
        result.without_speech == "no speech found from 0:00 to 0:01.2 (music or noise): the mouth rests there"
    )
    (part,) = (tmp_path / "home" / "warehouse" / "parts" / "dubs").glob("*.parquet")
    assert pq.read_table(part).to_pylist()[0]["without_speech"] == result.without_speech


def test_frames_with_a_covered_mouth_are_left_alone_and_counted(dub: Dub, tmp_path: Path) -> None:
    frames = [moved(astronaut(), 0.4 * k, 0.2 * k) for k in range(50)]
    for frame in frames[20:26]:
        cv2.ellipse(frame, (188, 166), (26, 20), 0, 0, 360, (25, 25, 28), -1)
    video = write_video(tmp_path / "covered.mp4", frames)
    result = dub(video, write_audio(tmp_path / "a.wav", 2.0), quality_crf=1)
    assert (result.num_frames, result.num_covered_frames, result.num_dubbed_frames) == (50, 6, 44)
    luma, _, _ = decoded(result.out)
    with av.open(str(video)) as container:
        before = [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]
    changes = np.abs(np.stack(luma).astype(int) - np.stack(before)).max(axis=(1, 2))
    assert changes[20:26].max() < 12 and changes[[19, 26]].min() > 50


def test_a_photograph_becomes_a_video_with_a_mark(dub: Dub, tmp_path: Path) -> None:
    photograph = tmp_path / "face.png"
    Image.fromarray(astronaut()[:, :399]).save(photograph)
    result = dub(photograph, write_audio(tmp_path / "a.wav", 0.6), mark=True)
    luma, num_samples, rate = decoded(result.out)
    assert len(luma) == 15 and luma[0].shape == (320, 398) and abs(num_samples / rate - 0.6) <= 0.04
    assert luma[0][300:, :60].max() > 200 and luma[0][300:, :60].mean() < luma[0][300:, 200:].mean() + 60


@pytest.mark.parametrize("suffix", ["heic", "avif", "jp2", "gif", "webp"])
def test_any_photograph_lasts_as_long_as_the_audio(dub: Dub, tmp_path: Path, suffix: str) -> None:
    photograph = tmp_path / f"face.{suffix}"
    pillow_heif.register_heif_opener()
    Image.fromarray(astronaut()).save(photograph)
    result = dub(photograph, write_audio(tmp_path / "a.aiff", 1.6))
    luma, _, _ = decoded(result.out)
    assert len(luma) == result.num_frames == result.num_dubbed_frames == 40
    assert result.frame_changes is None and result.audio_changes is None


def test_an_animation_keeps_its_times(dub: Dub, tmp_path: Path) -> None:
    frames = [Image.fromarray(moved(astronaut(), 2.0 * k, 0)) for k in range(12)]
    durations = [40, 80, 120] * 4
    frames[0].save(tmp_path / "face.webp", save_all=True, append_images=frames[1:], duration=durations)
    result = dub(tmp_path / "face.webp", write_audio(tmp_path / "a.wav", 2.0))
    with av.open(str(result.out)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx(np.cumsum([0, *durations[:-1]]) / 1000, abs=1e-3)
    assert result.duration_s == pytest.approx(0.96)


def test_two_faces_are_listed_and_one_is_chosen(dub: Dub, tmp_path: Path) -> None:
    pair = tmp_path / "pair.png"
    Image.fromarray(np.concatenate([astronaut(), astronaut()[:, ::-1]], axis=1)).save(pair)
    audio = write_audio(tmp_path / "a.wav", 0.2)
    with pytest.raises(
        ValueError, match=r"2 faces; choose with --face N: 1: at x \d+, y \d+, \d+ px wide.*; 2: at x"
    ):
        dub(pair, audio)
    with pytest.raises(ValueError, match="no face 3"):
        dub(pair, audio, faces=(3,))
    assert not (tmp_path / "out").exists()
    luma, _, _ = decoded(dub(pair, audio, faces=(2,)).out)
    assert len(luma) == 5


def test_bad_input_is_one_line_and_leaves_nothing(
    talking: Path, dub: Dub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generator: ReferenceGenerator
) -> None:
    spoken = write_audio(tmp_path / "a.wav", 0.5)
    empty, text, blank = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "blank.png"
    empty.touch()
    text.write_text("no video at all\n" * 50)
    Image.new("RGB", (200, 160), (90, 120, 200)).save(blank)
    cut = tmp_path / "cut.png"
    cut.write_bytes(blank.read_bytes()[:200])
    for video, audio, words in [
        (empty, spoken, "0 bytes"),
        (text, spoken, "FFmpeg can't open it"),
        (blank, spoken, "no face of 48 px"),
        (cut, spoken, "can't be read"),
        (spoken, spoken, "has no video stream"),
        (talking, talking, "has no audio track"),
        (talking, text, "FFmpeg can't open it"),
    ]:
        with pytest.raises(ValueError, match=words) as caught:
            dub(video, audio)
        assert "\n" not in str(caught.value) and str(tmp_path.parent) in str(caught.value)
    monkeypatch.setattr(generator, "render_batches", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dub(talking, spoken)
    assert not list((tmp_path / "out").iterdir()) and not (tmp_path / "home").exists()


def test_the_output_is_an_mp4_and_no_input(tmp_path: Path) -> None:
    video = tmp_path / "v.mp4"
    video.touch()
    with pytest.raises(ValueError, match=r"ends in \.mp4"):
        DubInputs(video=video, audio=video, out=tmp_path / "out.avi")
    with pytest.raises(ValueError, match="one of the inputs"):
        DubInputs(video=video, audio=tmp_path / "a.wav", out=video)
