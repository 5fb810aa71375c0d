"""What a study fixes, and when it can't be continued."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from assets.mos.study import StudyError, load_study, open_study
from assets.mos.videos import encode_videos, missing_videos
from assets.project.home import Home
from tests.assets.mos.mos_studies import DATASET, METHODS, clip_id, list_renders, make_renders, make_study


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_study_stays_as_it_began(home: Home) -> None:
    study = make_study(home)
    assert len(study.videos) == 12 and len({video.name for video in study.all_videos}) == 14
    assert {(v.method, v.clip_id) for v in study.videos} == {(m, c) for m in METHODS for c in study.clip_ids}
    again = open_study(home, DATASET, ["cals"])
    assert again == study == load_study(home, DATASET, "main")


def test_practice_shows_a_clip_that_is_not_rated(home: Home) -> None:
    study = make_study(home)
    assert {label: video.audio for label, video in study.practice.items()} == {
        "in_sync": "own",
        "out_of_sync": "other",
    }
    assert all(video.clip_id not in study.clip_ids for video in study.practice.values())
    assert all(video.method == "ground_truth" for video in study.practice.values())


def test_opaque_names_tell_nothing(home: Home) -> None:
    names = " ".join(video.name for video in make_study(home).all_videos)
    assert not any(method in names for method in METHODS) and all(
        char in "0123456789abcdef " for char in names
    )


def test_too_few_clips_or_methods_never_rendered_are_errors(home: Home) -> None:
    list_renders(home, num_clips=2)
    with pytest.raises(StudyError, match="2 test clips are rendered by all of"):
        open_study(home, DATASET, METHODS, num_clips=3)
    with pytest.raises(StudyError, match="a2l of talks was never rendered; run: cals run"):
        open_study(home, DATASET, ["ground_truth", "a2l"])
    with pytest.raises(StudyError, match="give 1 or more"):
        open_study(home, DATASET, METHODS, num_clips=0)
    with pytest.raises(StudyError, match="lower-case"):
        open_study(home, DATASET, METHODS, name="../elsewhere")
    with pytest.raises(StudyError, match="no study 'other'"):
        load_study(home, DATASET, "other")
    assert open_study(home, DATASET, METHODS).clip_ids == (clip_id(0), clip_id(1))


def test_other_renders_or_another_size_end_a_study(home: Home) -> None:
    make_study(home)
    with pytest.raises(StudyError, match="began with 3 clips"):
        open_study(home, DATASET, METHODS, num_clips=2)
    list_renders(home, num_clips=1)
    with pytest.raises(StudyError, match="is gone since the study began"):
        open_study(home, DATASET, METHODS)


def test_a_damaged_study_says_so(home: Home) -> None:
    study = make_study(home)
    (study.folder / "study.json").write_text("{}")
    with pytest.raises(StudyError, match="not a readable study"):
        open_study(home, DATASET, METHODS)


def test_videos_are_encoded_once_without_a_name_in_them(home: Home) -> None:
    make_renders(home, num_clips=1, methods=METHODS[:2])
    study = open_study(home, DATASET, METHODS[:2])
    encoded: list[int] = []
    encode_videos(home, study, encoded.append)
    assert len(encoded) == len(study.all_videos) == 4 and missing_videos(study) == []
    for video in study.all_videos:
        with av.open(str(study.video_path(video.name))) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 384, 384)
            assert len(container.streams.audio) == 1
        data = study.video_path(video.name).read_bytes()
        assert not any(word.encode() in data for word in (*METHODS, DATASET))
    study.video_path(study.videos[0].name).unlink()
    assert missing_videos(study) == [study.videos[0]]
