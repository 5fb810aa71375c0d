"""What the sample corpus holds and how it is made."""

import dataclasses
import hashlib
import json

from assets.sample_corpus.lexicon import LEXICON

FRAME_PX = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleCorpusSettings:
    """Size, seed and physics of the made corpus.

    The same four synthetic speakers occur in train, val and test (the corpus is far too small to learn faces
    that it never saw); their sentences differ.

    Attributes:
        coarticulation_s: width of the whole window of phones that shapes the lips at one moment: lips at t
            depend on phones within t +- coarticulation_s / 2, and on nothing else. 0 makes them jump from
            phone to phone.
        vocabulary: words of the LRS2 and HDTF parts; few, as GRID has but 51, so that a training of minutes hears
            each of them often. Words of the sample lexicon.
        audio_delay_frames: delays of the sound against the picture, in video frames of 40 ms; each clip draws
            one of them. Positive: the sound is late. (0,) is in sync.
        head_motion: 1 is the natural amount of head turning and drift, 0 holds the head still.
        noise_rms: sensor noise of the pictures in grey levels of 255.
    """

    seed: int = 20_230_519
    num_train_clips: int = 60
    num_val_clips: int = 6
    num_test_clips: int = 8
    num_pretrain_clips: int = 2
    min_clip_s: float = 2.4
    max_clip_s: float = 3.2
    lrw_words: tuple[str, ...] = ("ABOUT", "PEOPLE")
    vocabulary: tuple[str, ...] = (
        "ABOUT", "BLUE", "FATHER", "FIVE", "GOOD", "HAPPY", "HOUSE", "KEEP", "MAYBE", "MOVE", "OPEN", "PAPER", "SHOW",
        "THANK", "WATER", "YOU",
    )  # fmt: skip
    num_lrw_clips_per_word: tuple[int, int, int] = (3, 1, 1)
    num_hdtf_clips: int = 3
    hdtf_clip_s: float = 4.0
    num_hdtf_full_videos: int = 1
    coarticulation_s: float = 0.6
    audio_delay_frames: tuple[int, ...] = (0,)
    head_motion: float = 1.0
    noise_rms: float = 1.6
    video_crf: int = 16
    audio_bits_per_s: int = 64_000

    def __post_init__(self) -> None:
        for name in ("num_train_clips", "num_val_clips", "num_test_clips"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: every split needs at least 1 clip")
        for name in ("num_pretrain_clips", "num_hdtf_clips", "num_hdtf_full_videos"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: give 0 or more")
        if not 1.2 <= self.min_clip_s <= self.max_clip_s <= 30.0:
            raise ValueError(
                f"clips of {self.min_clip_s} to {self.max_clip_s} s: give 1.2 <= min_clip_s <= max_clip_s <= 30"
            )
        unknown = sorted(set(self.vocabulary) - set(LEXICON))
        if unknown or not self.vocabulary:
            raise ValueError(
                f"vocabulary: {', '.join(unknown) or 'empty'}; give one or more of: {', '.join(LEXICON)}"
            )
        if not 0.0 <= self.coarticulation_s <= 2.0:
            raise ValueError(f"coarticulation_s is {self.coarticulation_s}: give 0 (none) to 2 seconds")
        if not self.audio_delay_frames or max(map(abs, self.audio_delay_frames)) > 15:
            raise ValueError(
                f"audio_delay_frames is {self.audio_delay_frames}: give delays within +-15 frames"
            )

    def digest(self) -> str:
        """Returns the sha256 (hex) of all fields."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()
