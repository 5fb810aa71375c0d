"""Content and generation of the sample corpus."""

import dataclasses
import hashlib
import json
from typing import Annotated

from assets.sample_corpus.lexicon import LEXICON
from cals_models.declarations.bounds import Bound, Count, CountOrZero, Items, NotNegative
from cals_models.declarations.settings import Settings

FRAME_PX = 256
SplitSize = Annotated[int, Bound(at_least=1, text="1 or more (every split needs at least 1 clip)")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleCorpusSettings(Settings):
    """Size, seed and physics of the synthetic corpus.

    The same four synthetic speakers occur in train, val and test (the corpus is far too small to learn faces
    that it never saw); their sentences differ.

    Args:
        seed: decides every random draw.
        num_train_clips, num_val_clips, num_test_clips: clips of the LRS2 part, by split.
        num_pretrain_clips: clips of its folder `pretrain`.
        min_clip_s, max_clip_s: length of these clips.
        lrw_words: words of the LRW part.
        num_lrw_clips_per_word: clips of each of them in train, val and test.
        num_hdtf_clips: clips of the HDTF part.
        hdtf_clip_s: their length.
        num_hdtf_full_videos: full HDTF videos, with the annotation files that cut clips out of them.
        video_crf: x264's constant quality, 0 (lossless) to 51.
        audio_bits_per_s: bit rate of the audio.
        coarticulation_s: width of the whole window of phones that shapes the lips at one moment: lips at t
            depend on phones within t +- coarticulation_s / 2, and on nothing else. 0 makes them jump from
            phone to phone.
        vocabulary: words of the LRS2 and HDTF parts; few, as GRID has but 51, so that a training of minutes meets
            each of them often. Words of the sample lexicon.
        audio_delay_frames: delays of the audio after the frames, in video frames of 40 ms; each clip draws
            one of them. Positive: the audio is late. (0,) is in sync.
        head_motion: 1 is the natural amount of head turning and drift, 0 holds the head still.
        noise_rms: sensor noise of the frames in grey levels of 255.
    """

    seed: int = 20_230_519
    num_train_clips: SplitSize = 60
    num_val_clips: SplitSize = 6
    num_test_clips: SplitSize = 8
    num_pretrain_clips: CountOrZero = 2
    min_clip_s: float = 2.4
    max_clip_s: float = 3.2
    lrw_words: tuple[str, ...] = ("ABOUT", "PEOPLE")
    vocabulary: tuple[str, ...] = (
        "ABOUT", "BLUE", "FATHER", "FIVE", "GOOD", "HAPPY", "HOUSE", "KEEP", "MAYBE", "MOVE", "OPEN", "PAPER", "SHOW",
        "THANK", "WATER", "YOU",
    )  # fmt: skip
    num_lrw_clips_per_word: tuple[CountOrZero, CountOrZero, CountOrZero] = (3, 1, 1)
    num_hdtf_clips: CountOrZero = 3
    hdtf_clip_s: float = 4.0
    num_hdtf_full_videos: CountOrZero = 1
    coarticulation_s: Annotated[float, Bound(at_least=0, at_most=2, text="0 (none) to 2 seconds")] = 0.6
    audio_delay_frames: Annotated[
        tuple[Annotated[int, Bound(at_least=-15, at_most=15, text="within +-15 frames")], ...],
        Items(at_least=1),
    ] = (0,)
    head_motion: NotNegative = 1.0
    noise_rms: NotNegative = 1.6
    video_crf: Annotated[int, Bound(at_least=0, at_most=51, text="0 (lossless) to 51")] = 16
    audio_bits_per_s: Count = 64_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1.2 <= self.min_clip_s <= self.max_clip_s <= 30.0:
            raise ValueError(
                f"clips of {self.min_clip_s} to {self.max_clip_s} s: give 1.2 <= min_clip_s <= max_clip_s <= 30"
            )
        unknown = sorted(set(self.vocabulary) - set(LEXICON))
        if unknown or not self.vocabulary:
            raise ValueError(
                f"vocabulary: {', '.join(unknown) or 'empty'}; give one or more of: {', '.join(LEXICON)}"
            )

    def digest(self) -> str:
        """Returns the sha256 (hex) of all fields."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()
