"""The sample corpus as files: layouts, faces, audio, ground truth, reproducible bytes."""

import dataclasses
import hashlib
import json
from pathlib import Path

import av
import numpy as np
import pytest

from assets.sample_corpus.corpus import SampleCorpus, make_sample_corpus
from assets.sample_corpus.photograph import find_landmarks
from assets.sample_corpus.settings import SampleCorpusSettings

SETTINGS = SampleCorpusSettings(
    num_train_clips=4,
    num_val_clips=1,
    num_test_clips=1,
    num_pretrain_clips=1,
    min_clip_s=2.0,
    max_clip_s=2.2,
    lrw_words=("ABOUT",),
    num_lrw_clips_per_word=(1, 1, 1),
    num_hdtf_clips=1,
    hdtf_clip_s=2.0,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SampleCorpus:
    return make_sample_corpus(
        tmp_path_factory.mktemp("corpus") / "sample", settings=SETTINGS, num_processes=1
    )


def _truth(corpus: SampleCorpus, dataset: str) -> dict:
    return json.loads((corpus.truth / f"{dataset}.json").read_text())


def _frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _audio(path: Path) -> tuple[float, np.ndarray]:
    """Start in seconds and samples, as a player that honours the edit list gets them."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return float(frames[0].pts * frames[0].time_base), samples


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_lrs2_lists_name_existing_clips_of_one_split_each(corpus: SampleCorpus) -> None:
    root = corpus.lrs2 / "mvlrs_v1"
    folders: dict[str, str] = {}
    counts = {}
    for split in ("pretrain", "train", "val", "test"):
        lines = (root / f"{split}.txt").read_text().splitlines()
        counts[split] = len(lines)
        for line in lines:
            name, *rest = line.split()
            assert rest == (["NF"] if split == "test" else [])
            clip = root / ("pretrain" if split == "pretrain" else "main") / name
            assert clip.with_suffix(".mp4").is_file()
            text = clip.with_suffix(".txt").read_text().splitlines()
            assert text[0].startswith("Text:  ") and text[1].startswith("Conf:  ")
            assert ("WORD START END ASDSCORE" in text) == (split == "pretrain")
            assert folders.setdefault(name.split("/")[0], split) == split
    assert counts == {"pretrain": 1, "train": 4, "val": 1, "test": 1}


def test_lrw_clips_have_29_frames_of_256_px_with_the_word_in_the_middle(corpus: SampleCorpus) -> None:
    truth = _truth(corpus, "lrw")["clips"]
    assert sorted(path.split("/")[2] for path in truth) == ["test", "train", "val"]
    for path, facts in truth.items():
        assert len(_frames(corpus.lrw / path)) == 29
        (start, end) = next((start, end) for word, start, end in facts["words"] if start <= 0.58 <= end)
        assert (start + end) / 2 == pytest.approx(29 / 25 / 2, abs=1e-3)
        sidecar = (corpus.lrw / path).with_suffix(".txt").read_text()
        assert f"Duration: {end - start:.2f} seconds" in sidecar


def test_hdtf_annotations_fit_the_full_video(corpus: SampleCorpus) -> None:
    assert [path.name for path in corpus.hdtf.glob("*.mp4")] == ["RD_Ada0_000.mp4"]
    frames = _frames(corpus.hdtf_full / "Radio1.mp4")
    name, height = (corpus.hdtf_full / "RD_resolution.txt").read_text().split()
    assert (name, int(height)) == ("Radio1.mp4", frames[0].shape[0])
    spans = (corpus.hdtf_full / "RD_annotion_time.txt").read_text().split()[1:]
    assert spans == ["00:00-00:04", "00:04-00:08"] and len(frames) == 200
    for line in (corpus.hdtf_full / "RD_crop_wh.txt").read_text().splitlines():
        x, width, y, height_px = map(int, line.split()[1:])
        assert x + width <= frames[0].shape[1] and y + height_px <= frames[0].shape[0]
        find_landmarks(np.ascontiguousarray(frames[60][y : y + height_px, x : x + width]))


def test_detector_finds_every_face_and_its_lips_follow_the_truth(corpus: SampleCorpus) -> None:
    truth = _truth(corpus, "lrs2")["clips"]
    train = {path: facts for path, facts in truth.items() if facts["split"] == "train"}
    assert len({facts["speaker"] for facts in train.values()}) == 4
    for path, facts in train.items():
        frames = _frames(corpus.lrs2 / path)
        assert len(frames) == facts["num_frames"] == len(facts["aperture"])
        landmarks = np.array([find_landmarks(frame) for frame in frames])  # raises where there is no face
        eyes = np.hypot(*(landmarks[:, 36:42].mean(1) - landmarks[:, 42:48].mean(1)).T)
        opening = (landmarks[:, 65:68, 1].mean(1) - landmarks[:, 61:64, 1].mean(1)) / eyes
        at_shift = {
            shift: _shifted_correlation(opening, np.array(facts["aperture"]), shift) for shift in range(-3, 4)
        }
        assert at_shift[0] > 0.9
        assert max(at_shift, key=lambda shift: at_shift[shift]) == 0


def _shifted_correlation(measured: np.ndarray, true: np.ndarray, shift: int) -> float:
    inner = slice(3, len(true) - 3)
    return float(np.corrcoef(np.roll(measured, shift)[inner], true[inner])[0, 1])


def test_reference_frame_alone_does_not_show_the_target(corpus: SampleCorpus) -> None:
    path = next(iter(_truth(corpus, "lrs2")["clips"]))
    frames = np.array(_frames(corpus.lrs2 / path), np.float64)
    error = ((frames[: len(frames) // 2] - frames[3 * len(frames) // 4]) ** 2).mean(axis=(1, 2, 3))
    assert (10 * np.log10(255**2 / error)).mean() < 28


def test_audio_starts_with_the_video_and_is_voiced_where_the_truth_says(corpus: SampleCorpus) -> None:
    for path, facts in _truth(corpus, "lrs2")["clips"].items():
        start_s, samples = _audio(corpus.lrs2 / path)
        assert start_s == 0.0
        level = np.sqrt((samples[: facts["num_frames"] * 640].reshape(-1, 80) ** 2).mean(axis=1))
        times = (np.arange(len(level)) + 0.5) * 0.005
        vowel = np.zeros(len(level), bool)
        for start, end, label in facts["phones"]:
            if label[0] in "AEIOU":
                vowel |= (times >= start) & (times < end)
        centred = np.log(level + 1e-4) - np.log(level + 1e-4).mean()
        lags = range(-20, 21)  # of 5 ms
        match = [float((np.roll(centred, -lag) * vowel).sum()) for lag in lags]
        assert abs(list(lags)[int(np.argmax(match))]) <= 4


def test_same_settings_give_the_same_bytes_and_nothing_is_made_twice(
    corpus: SampleCorpus, tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    few = dataclasses.replace(
        SETTINGS, num_train_clips=1, num_pretrain_clips=0, num_hdtf_clips=0, num_hdtf_full_videos=0
    )
    again = make_sample_corpus(
        tmp_path / "a",
        settings=few,
        num_processes=2,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert again.generated and calls[0] == (0, 6) and calls[-1] == (6, 6)
    assert _digests(again.lrw) == _digests(corpus.lrw)
    whole = _digests(corpus.lrs2)  # a clip does not depend on how many others there are
    clips = {path: digest for path, digest in _digests(again.lrs2).items() if path.endswith(".mp4")}
    assert len(clips) == 3 and all(whole[path] == digest for path, digest in clips.items())
    assert not make_sample_corpus(tmp_path / "a", settings=few).generated
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_rejects_a_folder_that_holds_something_else(corpus: SampleCorpus, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="is not a sample corpus"):
        make_sample_corpus(tmp_path / "mine", settings=SETTINGS)
    with pytest.raises(FileExistsError, match="other settings"):
        make_sample_corpus(corpus.root, settings=dataclasses.replace(SETTINGS, seed=1))


def test_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_sample_corpus(tmp_path / "a", settings=SETTINGS, progress=stop, num_processes=1)
    assert list(tmp_path.iterdir()) == []
