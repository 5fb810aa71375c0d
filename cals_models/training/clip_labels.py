"""Who speaks in a clip and which word at which frame, as class numbers that need no list of all speakers or words.

A name's class is its hash: no pass over the data set is needed, and two names rarely share one.
"""

import hashlib

from cals_models.shards.shard_clip import ShardClip
from cals_models.timebase import FPS

SPEAKER_CLASSES = 1024
WORD_CLASSES = 1024
UNKNOWN = -1
"""Class where no label is known."""


def class_of(name: str, num_classes: int) -> int:
    """The class of a name: 0 to num_classes - 1."""
    digest = hashlib.sha256(name.casefold().encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "little") % num_classes


def speaker_class(clip: ShardClip) -> int:
    """The class of the clip's speaker, -1 where the data set names none."""
    speaker = clip.meta.get("speaker")
    return class_of(speaker, SPEAKER_CLASSES) if isinstance(speaker, str) and speaker else UNKNOWN


def word_class(clip: ShardClip, frame: int) -> int:
    """The class of the word that is spoken at a frame's middle; -1 where none is or it is not known.

    Where words have no times, a transcript of one word, as LRW's, is the word of each frame.
    """
    words = clip.meta.get("words")
    if words:
        moment = (frame + 0.5) / FPS
        for start, end, word in words:
            if start <= moment < end:
                return class_of(str(word), WORD_CLASSES)
        return UNKNOWN
    transcript = clip.meta.get("transcript")
    if isinstance(transcript, str) and len(transcript.split()) == 1:
        return class_of(transcript.strip(), WORD_CLASSES)
    return UNKNOWN
