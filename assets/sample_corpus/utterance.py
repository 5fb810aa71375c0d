"""Utterances: words drawn from the lexicon, laid out in time phone by phone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assets.sample_corpus.lexicon import LEXICON, pronounce
from assets.sample_corpus.phones import PHONES
from cals_models.timebase import FPS

# Share of words after a pause: as in GRID, pauses close the lips and give audio and video a common rhythm.
PAUSE_SHARE = 0.5


@dataclass(frozen=True)
class TimedPhone:
    """A phone in time; `word` counts the words of the utterance from 0, None in silence."""

    label: str
    start_s: float
    end_s: float
    word: int | None


@dataclass(frozen=True)
class Utterance:
    """Phones that follow each other without gaps from 0 to `num_frames` / 25 seconds."""

    words: tuple[str, ...]
    phones: tuple[TimedPhone, ...]
    num_frames: int

    @property
    def duration_s(self) -> float:
        return self.num_frames / FPS

    def word_times(self) -> list[tuple[str, float, float]]:
        """Returns (word, start, end) in seconds."""
        times = []
        for index, word in enumerate(self.words):
            own = [phone for phone in self.phones if phone.word == index]
            times.append((word, own[0].start_s, own[-1].end_s))
        return times


def _say(word: str, index: int, start_s: float, rate: float, rng: np.random.Generator) -> list[TimedPhone]:
    """One word from `start_s` on; phones vary by about 15 % in duration."""
    phones = []
    for label, share in pronounce(word):
        duration_s = PHONES[label].duration_s * share / rate * float(np.exp(rng.normal(0.0, 0.15)))
        phones.append(TimedPhone(label, start_s, start_s + duration_s, index))
        start_s += duration_s
    return phones


def _silence(start_s: float, end_s: float) -> TimedPhone:
    return TimedPhone("SIL", start_s, end_s, None)


def random_sentence(
    duration_s: float, rate: float, rng: np.random.Generator, vocabulary: Sequence[str] = tuple(LEXICON)
) -> Utterance:
    """Draws a sentence that lasts `duration_s`, rounded up to whole frames, with silence at both ends.

    Args:
        vocabulary: words to draw from, of the lexicon.
        duration_s: length of the clip, at least 1 s.
        rate: speaking rate; 1 gives the inventory's typical durations.
        rng: random generator.
    """
    num_frames = int(np.ceil(duration_s * FPS - 1e-9))
    end_s = num_frames / FPS
    phones = [_silence(0.0, float(rng.uniform(0.12, 0.4)))]
    words: list[str] = []
    failures = 0
    while failures < 8:  # a word that is too long for the rest is replaced by another
        word = vocabulary[int(rng.integers(len(vocabulary)))]
        start_s = phones[-1].end_s
        pause_s = float(rng.uniform(0.1, 0.35)) if words and rng.random() < PAUSE_SHARE else 0.0
        spoken = _say(word, len(words), start_s + pause_s, rate, rng)
        if spoken[-1].end_s > end_s - 0.1:
            failures += 1
            continue
        if pause_s:
            phones.append(_silence(start_s, start_s + pause_s))
        words.append(word)
        phones += spoken
    phones.append(_silence(phones[-1].end_s, end_s))
    return Utterance(tuple(words), tuple(phones), num_frames)


def centred_word(word: str, num_frames: int, rate: float, rng: np.random.Generator) -> Utterance:
    """The given word in the middle of running speech that is cut at both ends, as LRW's clips are.

    Returns:
        Its words are those of which at least one phone is left.
    """
    vocabulary = list(LEXICON)
    around = [vocabulary[int(index)] for index in rng.integers(len(vocabulary), size=12)]
    words = [*around[:6], word, *around[6:]]
    phones: list[TimedPhone] = []
    for index, each in enumerate(words):
        phones += _say(each, index, phones[-1].end_s if phones else 0.0, rate, rng)
    own = [phone for phone in phones if phone.word == 6]
    end_s = num_frames / FPS
    shift_s = end_s / 2 - (own[0].start_s + own[-1].end_s) / 2
    moved = [
        TimedPhone(p.label, max(p.start_s + shift_s, 0.0), min(p.end_s + shift_s, end_s), p.word)
        for p in phones
    ]
    kept = [phone for phone in moved if phone.end_s - phone.start_s > 1e-3]
    first = kept[0].word or 0
    last = kept[-1].word or 0
    kept = [TimedPhone(p.label, p.start_s, p.end_s, (p.word or 0) - first) for p in kept]
    kept[0] = TimedPhone(kept[0].label, 0.0, kept[0].end_s, kept[0].word)
    kept[-1] = TimedPhone(kept[-1].label, kept[-1].start_s, end_s, kept[-1].word)
    return Utterance(tuple(words[first : last + 1]), tuple(kept), num_frames)
