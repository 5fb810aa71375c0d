"""Speech, co-articulation and settings of the sample corpus, without rendering."""

import dataclasses

import numpy as np
import pytest

from assets.sample_corpus.clip import delay_audio
from assets.sample_corpus.coarticulation import lip_track
from assets.sample_corpus.corpus import _context_error
from assets.sample_corpus.lexicon import LEXICON, pronounce
from assets.sample_corpus.phones import PHONES
from assets.sample_corpus.plan import plan_corpus
from assets.sample_corpus.settings import SampleCorpusSettings
from assets.sample_corpus.utterance import TimedPhone, Utterance, centred_word, random_sentence
from assets.sample_corpus.voice import Voice, synthesise

VOICE = Voice(pitch_hz=120.0)


def _utterance(*labels: str, each_s: float = 0.2) -> Utterance:
    phones = tuple(TimedPhone(label, k * each_s, (k + 1) * each_s, 0) for k, label in enumerate(labels))
    return Utterance(("X",), phones, round(len(labels) * each_s * 25))


def _spectrum(label: str, voice: Voice = VOICE) -> np.ndarray:
    """Level in dB by frequency, 0..8 kHz in 80 steps of 100 Hz, over the middle of one long phone."""
    audio = synthesise(_utterance("SIL", label, "SIL", each_s=0.4), voice, np.random.default_rng(0))
    middle = audio[int(0.45 * 16_000) : int(0.75 * 16_000)].astype(float)
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    return 10 * np.log10(power[:2400].reshape(80, 30).mean(axis=1))


def test_every_word_of_the_lexicon_is_pronounceable() -> None:
    assert all(pronounce(word) for word in LEXICON)
    with pytest.raises(ValueError, match="'XYZZY' is not in the sample lexicon"):
        pronounce("XYZZY")


@pytest.mark.parametrize("duration_s", [1.2, 2.0, 2.71])
def test_sentences_fill_whole_frames_without_gaps(duration_s: float) -> None:
    said = random_sentence(duration_s, 1.0, np.random.default_rng(3))
    assert said.num_frames == int(np.ceil(duration_s * 25 - 1e-9))
    assert said.phones[0].start_s == 0 and said.phones[-1].end_s == said.duration_s
    for before, after in zip(said.phones, said.phones[1:], strict=False):
        assert before.end_s == pytest.approx(after.start_s) and before.start_s < before.end_s
    assert [word for word, _, _ in said.word_times()] == list(said.words)


def test_centred_word_is_centred() -> None:
    for seed in range(20):
        said = centred_word("PEOPLE", 29, 1.0, np.random.default_rng(seed))
        assert any(
            word == "PEOPLE" and (start + end) / 2 == pytest.approx(0.58)
            for word, start, end in said.word_times()
        )
        assert said.phones[0].start_s == 0 and said.phones[-1].end_s == pytest.approx(1.16)


def test_vowels_have_their_formants_and_fricatives_their_noise() -> None:
    def peak_hz(label: str, low: int, high: int) -> float:
        return 100 * (low // 100 + int(np.argmax(_spectrum(label)[low // 100 : high // 100]))) + 50

    assert peak_hz("IY", 1_500, 3_000) == pytest.approx(2_290, abs=250)
    assert peak_hz("UW", 600, 1_500) == pytest.approx(870, abs=200)
    assert peak_hz("S", 0, 8_000) == pytest.approx(6_000, abs=800)
    assert peak_hz("SH", 0, 8_000) == pytest.approx(2_900, abs=600)
    assert peak_hz("M", 0, 8_000) < 500


def test_all_phones_differ() -> None:
    """Any two steady phones differ by over 1 dB on average over the spectrum."""
    steady = [p.label for p in PHONES.values() if p.kind in ("vowel", "nasal", "fricative")]
    spectra = np.array([_spectrum(label) for label in steady])
    distance = np.abs(spectra[:, None] - spectra[None]).mean(axis=2) + 100 * np.eye(len(steady))
    assert distance.min() > 1.0


def test_synthesis_is_repeatable_and_exactly_as_long_as_the_video() -> None:
    said = random_sentence(2.0, 1.0, np.random.default_rng(0))
    first, second = (synthesise(said, VOICE, np.random.default_rng(5)) for _ in range(2))
    assert first.dtype == np.int16 and len(first) == 640 * said.num_frames
    np.testing.assert_array_equal(first, second)


def test_lips_depend_on_phones_within_the_span_and_on_no_others() -> None:
    times = np.arange(0, 2.0, 0.01)
    one = _utterance(*["T", "AA"] * 5)
    other = _utterance(*["T", "AA"] * 4, "UW", "UW")  # differs from 1.6 s on
    for span in (0.2, 0.6):
        a, b = (lip_track(u.phones, times, coarticulation_s=span) for u in (one, other))
        changed = times[np.abs(a.width - b.width) > 1e-9]
        assert changed.min() == pytest.approx(1.6 - span / 2, abs=0.02)


def test_without_coarticulation_lips_are_those_of_the_phone() -> None:
    said = random_sentence(2.0, 1.0, np.random.default_rng(1))
    times = np.arange(said.num_frames) / 25
    track = lip_track(said.phones, times, coarticulation_s=0.0)
    expected = [
        PHONES[next(p.label for p in said.phones if p.start_s <= t < p.end_s)].lips.aperture for t in times
    ]
    np.testing.assert_allclose(track.aperture, expected)


def test_lips_close_for_bilabials() -> None:
    times = np.array([0.3])
    for label in ("P", "B", "M"):
        track = lip_track(_utterance("AA", label, "AA").phones, times, coarticulation_s=0.6)
        assert track.aperture[0] < 0.1


def test_context_error_vanishes_at_the_span_and_not_before() -> None:
    settings = SampleCorpusSettings(num_train_clips=3)
    error = _context_error(plan_corpus(settings)[:8], settings)
    width = dict(zip(error["window_s"], error["width"], strict=True))
    assert width[0.64] == 0 and width[0.56] > 0 and width[0.24] > 5 * width[0.56]
    assert sorted(error["width"], reverse=True) == error["width"]


def test_delay_moves_audio_by_whole_frames() -> None:
    audio = np.arange(1, 2_001, dtype=np.int16)
    late, early = delay_audio(audio, 1), delay_audio(audio, -1)
    assert not late[:640].any() and late[640] == 1
    assert early[0] == 641 and not early[-640:].any()
    np.testing.assert_array_equal(delay_audio(audio, 0), audio)


def test_clips_draw_their_delay_from_the_settings() -> None:
    settings = SampleCorpusSettings(audio_delay_frames=(-2, 3))
    assert {plan.audio_delay_frames(settings) for plan in plan_corpus(settings)} == {-2, 3}


def test_every_test_speaker_is_trained_on_and_no_sentence_occurs_twice() -> None:
    settings = SampleCorpusSettings()
    plans = [plan for plan in plan_corpus(settings) if plan.dataset == "lrs2"]
    speakers = {split: {p.speaker for p in plans if p.split == split} for split in ("train", "test")}
    assert speakers["test"] <= speakers["train"] and len(speakers["train"]) == 4
    sentences = [plan.utterance(settings).words for plan in plans]
    assert len(set(sentences)) == len(sentences) == 76


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_test_clips": 0}, "every split needs at least 1 clip"),
        ({"min_clip_s": 4.0}, "min_clip_s <= max_clip_s"),
        ({"coarticulation_s": -1.0}, "0 .none. to 2 seconds"),
        ({"audio_delay_frames": ()}, "within .-15 frames"),
        ({"vocabulary": ("ABOUT", "XYZZY")}, "vocabulary: XYZZY; give one or more of"),
    ],
)
def test_settings_say_what_would_be_right(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SampleCorpusSettings(), **changes)
