"""The clips of the corpus, planned before anything is rendered: names, speakers, durations."""

import hashlib
from dataclasses import dataclass, field

import numpy as np

from assets.sample_corpus.frames import Framing
from assets.sample_corpus.settings import SampleCorpusSettings
from assets.sample_corpus.speakers import SPEAKERS
from assets.sample_corpus.utterance import Utterance, centred_word, random_sentence
from cals_models.timebase import FPS

LRW_FRAMES = 29
HDTF_FULL_FRAMING = Framing(width_px=480, height_px=360, face_scale=0.86, nose_x=236.0, nose_y=196.0)
HDTF_CLIP_FRAMING = Framing(width_px=320, height_px=320, face_scale=0.85, nose_x=160.0, nose_y=168.0)
HDTF_GROUPS = ("RD", "WDA", "WRA")


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """One clip to render.

    Attributes:
        dataset: lrs2, lrw, hdtf or hdtf_full.
        path: below the dataset's folder, without its suffix.
        word: for LRW the word in the middle of the clip; else None, and the clip is a sentence.
        duration_s: at least this long; rounded up to whole frames.
    """

    dataset: str
    split: str
    path: str
    speaker: int
    duration_s: float
    word: str | None = None
    framing: Framing = field(default_factory=Framing)

    def rng(self, settings: SampleCorpusSettings, purpose: str) -> np.random.Generator:
        """The clip's own random generator, independent of other clips and purposes."""
        name = hashlib.sha256(f"{self.dataset}/{self.path}/{purpose}".encode()).digest()
        return np.random.default_rng([settings.seed, *name[:16]])

    def utterance(self, settings: SampleCorpusSettings) -> Utterance:
        """What is said in the clip."""
        rng = self.rng(settings, "words")
        rate = SPEAKERS[self.speaker].voice.rate
        if self.word is not None:
            return centred_word(self.word, LRW_FRAMES, rate, rng)
        return random_sentence(self.duration_s, rate, rng, settings.vocabulary)

    def audio_delay_frames(self, settings: SampleCorpusSettings) -> int:
        """Delay of the audio in video frames; negative if it is early."""
        return int(self.rng(settings, "delay").choice(settings.audio_delay_frames))


def lrs2_folder(split: str, speaker: int) -> str:
    """A broadcast's number as in LRS2: 19 digits; each belongs to one speaker and one split."""
    digest = hashlib.sha256(f"{split}/{SPEAKERS[speaker].name}".encode()).hexdigest()
    return str(5_500_000_000_000_000_000 + int(digest, 16) % 900_000_000_000_000_000)


def _plan_lrs2(settings: SampleCorpusSettings) -> list[ClipPlan]:
    counts = {
        "pretrain": settings.num_pretrain_clips,
        "train": settings.num_train_clips,
        "val": settings.num_val_clips,
        "test": settings.num_test_clips,
    }
    plans = []
    for split, count in counts.items():
        for number in range(count):
            speaker = number % len(SPEAKERS)
            part = "pretrain" if split == "pretrain" else "main"
            path = f"mvlrs_v1/{part}/{lrs2_folder(split, speaker)}/{number // len(SPEAKERS) + 1:05d}"
            rng = np.random.default_rng([settings.seed, *path.encode()])
            duration_s = float(rng.uniform(settings.min_clip_s, settings.max_clip_s))
            plans.append(
                ClipPlan(dataset="lrs2", split=split, path=path, speaker=speaker, duration_s=duration_s)
            )
    return plans


def _plan_lrw(settings: SampleCorpusSettings) -> list[ClipPlan]:
    plans = []
    for word_number, word in enumerate(settings.lrw_words):
        for split, count in zip(("train", "val", "test"), settings.num_lrw_clips_per_word, strict=True):
            for number in range(1, count + 1):
                path = f"lipread_mp4/{word}/{split}/{word}_{number:05d}"
                speaker = (number + word_number) % len(SPEAKERS)
                plans.append(
                    ClipPlan(
                        dataset="lrw",
                        split=split,
                        path=path,
                        speaker=speaker,
                        duration_s=LRW_FRAMES / FPS,
                        word=word,
                    )
                )
    return plans


def _plan_hdtf(settings: SampleCorpusSettings) -> list[ClipPlan]:
    clips = [
        ClipPlan(
            dataset="hdtf",
            split="all",
            path=f"{HDTF_GROUPS[number % 3]}_{SPEAKERS[number % len(SPEAKERS)].name.capitalize()}{number}_000",
            speaker=number % len(SPEAKERS),
            duration_s=settings.hdtf_clip_s,
            framing=HDTF_CLIP_FRAMING,
        )
        for number in range(settings.num_hdtf_clips)
    ]
    full = [
        ClipPlan(
            dataset="hdtf_full",
            split="all",
            path=f"Radio{number + 1}",
            speaker=(number + 1) % len(SPEAKERS),
            duration_s=8.0,
            framing=HDTF_FULL_FRAMING,
        )
        for number in range(settings.num_hdtf_full_videos)
    ]
    return clips + full


def plan_corpus(settings: SampleCorpusSettings) -> list[ClipPlan]:
    """All clips of the corpus, in a fixed order."""
    return [*_plan_lrs2(settings), *_plan_lrw(settings), *_plan_hdtf(settings)]
