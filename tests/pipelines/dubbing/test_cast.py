"""``cals dub --cast``: each face moves with its own audio in its own stretches, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from PIL import Image

from assets.faces.backends.dlib import DlibBackend
from assets.faces.settings import CropSettings, TrackSettings
from assets.mels.settings import MelSettings
from assets.project.home import Home
from pipelines.dubbing.cast_table import read_cast
from pipelines.dubbing.dub import DubInputs, DubModel, make_dub
from pipelines.dubbing.dub_result import DubResult
from pipelines.dubbing.provenance import sha256_of
from pipelines.dubbing.run import result_lines
from pipelines.dubbing.settings import DubSettings
from tests.pipelines.dubbing.dub_inputs import ReferenceGenerator, write_video
from tests.pipelines.dubbing.dub_outputs import no_bar
from tests.support.array_frames import astronaut, moved

NUM_FRAMES = 50
RATE_HZ = 16_000
SIDE = 240
LEFT, RIGHT = slice(0, SIDE), slice(SIDE, 2 * SIDE)


class Listener(ReferenceGenerator):
    """Draws a black mouth where the unit's audio is loud, and a white one elsewhere."""

    speech_level = None  # type: ignore[assignment]

    def units_from_mel(self, mel: torch.Tensor) -> torch.Tensor:
        loudness = mel.reshape(80, -1, 4).mean(dim=(0, 2))
        return loudness[:, None].expand(-1, 512)

    def render_batches(
        self, pose: torch.Tensor, reference: torch.Tensor, units: torch.Tensor, batch_frames: int
    ) -> Iterator[torch.Tensor]:
        drawn = pose.clone()
        drawn[:, 64:] = reference[:, 64:]
        drawn[:, 90:104, 50:78] = torch.where(units[:, :1] > -4, 10, 245).to(torch.uint8)[:, None, None]
        yield drawn


@cache
def backend() -> DlibBackend:
    return DlibBackend()


def pair(right_px: float, down_px: float) -> np.ndarray:
    """Two faces; the left one is moved to the right, the right one down."""
    faces = (moved(astronaut(), right_px, 0), moved(astronaut()[:, ::-1], 0, down_px))
    return np.concatenate([faces[0][30:][:SIDE, 60:][:, :SIDE], faces[1][30:][:SIDE, 100:][:, :SIDE]], axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two faces side by side; an audio that is loud in its second half, and one that is loud throughout."""
    folder = tmp_path_factory.mktemp("cast")
    frames = [pair(0.3 * k, 0.2 * k) for k in range(NUM_FRAMES)]
    write_video(folder / "pair.mp4", frames)
    write_video(folder / "short.mp4", frames[:15])
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * RATE_HZ)
    noise[:RATE_HZ] = 0
    soundfile.write(folder / "late.wav", noise, RATE_HZ)
    soundfile.write(folder / "loud.wav", noise[RATE_HZ:], RATE_HZ)
    return folder


def dub(folder: Path, *rows: str, video: str = "pair.mp4", **settings: object) -> DubResult:
    table = folder / "cast.csv"
    table.write_text("\n".join(["face,audio,from,to,audio_from", *rows]) + "\n")
    model = DubModel(
        generator=Listener(),  # type: ignore[arg-type]
        folder=folder,
        tracks=TrackSettings(),
        crops=CropSettings(),
        mels=MelSettings(),
    )
    inputs = DubInputs(video=folder / video, out=folder / "out" / "dub.mkv", cast=read_cast(table))
    chosen = DubSettings(**{"rest": False, "lossless": True, **settings})  # type: ignore[arg-type]
    return make_dub(inputs, model, backend(), chosen, Home(folder / "home"), no_bar)


def luma_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack(
            [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]
        ).astype(int)


def frames_with(found: np.ndarray, least: int = 1) -> list[int]:
    """Frames in which so many pixels are found."""
    return [int(frame) for frame in np.flatnonzero(found.sum(axis=(1, 2)) >= least)]


def test_each_face_moves_in_its_own_stretches_with_its_own_audio(folder: Path) -> None:
    result = dub(folder, "1,late.wav,0.2,1.2,0.5", "2,loud.wav,1.2,2,0", "2,,0.4,1.2,")
    before, after = luma_of(folder / "pair.mp4"), luma_of(result.out)
    changed = after != before
    assert frames_with(changed[:, :, LEFT]) == list(range(5, 30)), "1 speaks from 0.2 to 1.2 s"
    assert frames_with(changed[:, :, RIGHT]) == list(range(10, 50)), (
        "2 rests from 0.4 s and speaks from 1.2 s on"
    )
    assert not changed[:, :60].any() and changed.mean() < 0.05, "more than the mouths was changed"
    white, black = (after > 235) & (before < 200), (after < 20) & (before > 40)
    shut, opened = frames_with(white[:, :, LEFT], 60), frames_with(black[:, :, LEFT], 60)
    assert set(range(8, 16)) <= set(shut) <= set(range(5, 19)), "1 is silent until 0.7 s"
    assert set(range(19, 27)) <= set(opened) <= set(range(17, 30)), "1 is loud from 0.7 s on"
    shut, opened = frames_with(white[:, :, RIGHT], 60), frames_with(black[:, :, RIGHT], 60)
    assert set(shut) <= {28, 29}, "2 rests until its word"
    assert set(range(31, 50)) <= set(opened) <= set(range(29, 50)), "2 is loud from 1.2 s on"
    assert (result.num_frames, result.num_dubbed_frames) == (50, 45)


def test_what_was_done_is_told_and_recorded(folder: Path) -> None:
    result = dub(folder, "1,late.wav,0.2,1.2,0.5", "2,loud.wav,1.2,2,0", ",loud.wav,1,2,0", rest=True)
    first, second, third = result.cast
    assert first.startswith(f"{folder}/cast.csv, line 2: face 1 (at x ") and first.endswith(
        f") speaks {folder}/late.wav from 0:00.2 to 0:01.2, the audio from 0:00.5 on; the audio's last 0.50 s are left out"
    )
    assert second.endswith(
        f") speaks {folder}/loud.wav from 0:01.2 to 0:02; the audio's last 0.20 s are left out"
    )
    assert third == f"{folder}/cast.csv, line 4: {folder}/loud.wav without a face from 0:01 to 0:02"
    assert result.without_speech == (
        "face 1: no speech found from 0:00.2 to 0:01.2 (music or noise): the mouth rests there"
    )
    lines = result_lines(result)
    assert set(result.cast) <= set(lines)
    assert "; 5 frames in which nobody of the cast is in view and speaks are unchanged" in lines[0]
    (row,) = (
        row
        for part in (folder / "home" / "warehouse" / "parts" / "dubs").glob("*.parquet")
        for row in pq.read_table(part).to_pylist()
        if row["dub_id"] == result.dub_id
    )
    assert row["audio_path"] is None and row["audio_sha256"] is None
    cast = json.loads(row["cast_json"])
    assert [(one["line"], one["face"], one["from_s"], one["to_s"], one["audio_from_s"]) for one in cast] == [
        (2, 1, 0.2, 1.2, 0.5), (3, 2, 1.2, 2.0, 0.0), (4, None, 1.0, 2.0, 0.0),
    ]  # fmt: skip
    assert [one["num_frames_in_view"] for one in cast] == [25, 20, None]
    assert cast[0]["audio_sha256"] == sha256_of(folder / "late.wav") and cast[0]["left_out_s"] == 0.5
    assert len(json.loads(row["faces_json"])) == 2
    with av.open(str(result.out)) as container:
        facts = json.loads({k.lower(): v for k, v in container.metadata.items()}["comment"])
    assert facts["audio_sha256"] == [sha256_of(folder / name) for name in ("late.wav", "loud.wav")]


def test_a_longer_dub_repeats_the_video_and_a_sum_that_would_clip_is_lower(folder: Path) -> None:
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    soundfile.write(folder / "full.wav", 0.9 * np.sin(2 * np.pi * 300 * time_s), RATE_HZ)
    rows = ("1,full.wav,0.6,,", "2,full.wav,0.6,,", ",full.wav,0,0.5,")
    result = dub(folder, *rows, video="short.mp4", fit="loop", lossless=False)
    assert result.audio_changes == "the sum of the audios would clip and is 5.1 dB lower"
    assert (result.num_frames, result.num_dubbed_frames) == (28, 12) and result.duration_s == pytest.approx(
        1.12
    )
    assert result.fit_changes == ("the video is shown 1.9 times",)
    with av.open(str(result.out)) as container:
        samples = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)[0]
    assert np.abs(samples[4800:19_200]).max() == pytest.approx(0.5, abs=0.05), (
        "both are lowered by the one gain"
    )
    assert np.abs(samples[33_600:48_000]).max() == pytest.approx(1, abs=0.1)


def test_a_photograph_lasts_as_long_as_its_cast(folder: Path) -> None:
    Image.fromarray(pair(0, 0)).save(folder / "pair.png")
    still = dub(folder, "2,loud.wav,0.2,0.6,0", video="pair.png", lossless=False)
    assert (still.num_frames, still.num_dubbed_frames) == (15, 10)


def test_a_face_that_is_not_there_is_one_line(folder: Path) -> None:
    for row, words in [
        (
            "3,loud.wav,0,0.5,0",
            r"cast\.csv, line 3: .*short\.mp4: there is no face 3; there are: 1: at x \d+",
        ),
        ("2,loud.wav,0.5,0.51,0", r"cast\.csv, line 3: no frame lies between 0:00\.5 and 0:00\.51"),
    ]:
        with pytest.raises(ValueError, match=words) as caught:
            dub(folder, "1,loud.wav,0,0.5,0", row, video="short.mp4")
        assert "\n" not in str(caught.value)


def test_a_face_out_of_view_in_its_stretch_is_told(folder: Path) -> None:
    blank = np.zeros_like(pair(0, 0))
    write_video(folder / "gone.mp4", [pair(0, 0)] * 15 + [blank] * 10)
    with pytest.raises(
        ValueError, match=r"line 2: face 1 \(at x .*\) is not in view between 0:00\.72 and 0:01"
    ):
        dub(folder, "1,loud.wav,0.72,1,0", video="gone.mp4")
    result = dub(folder, "1,loud.wav,0.4,0.8,0", video="gone.mp4", lossless=False)
    assert result.cast[0].endswith("are left out; the face is in view in 5 of 10 frames")
    assert result.num_dubbed_frames == 5
