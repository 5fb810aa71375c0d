"""The three scales of Table 2, each from 1 to 5, with the words that anchor every step.

Source: absolute category rating of ITU-T P.910 (five labelled steps); the quantities are those of CALS
(arXiv 2305.19556, Table 2).
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.store.metrics import Metric

LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One question about a video.

    Args:
        name: as in the warehouse's table ``mos_ratings``.
        label: heading.
        question: that the rater answers.
        anchors: what 1, 2, 3, 4 and 5 mean, in this order; 5 is best.
    """

    name: str
    label: str
    question: str
    anchors: tuple[str, str, str, str, str]


SCALES = (
    Scale(
        name="visual_quality",
        label="Picture",
        question="How good is the picture? Look for blur, flicker and odd edges, above all around the mouth.",
        anchors=("Bad", "Poor", "Fair", "Good", "Excellent"),
    ),
    Scale(
        name="lip_sync_quality",
        label="Lips and sound",
        question="How well do the lips fit what you hear?",
        anchors=("Not at all", "Badly", "Partly", "Well", "Perfectly"),
    ),
    Scale(
        name="realness",
        label="Realness",
        question="Does this look like a film of a real person speaking?",
        anchors=("Clearly fake", "Rather fake", "Unsure", "Rather real", "Clearly real"),
    ),
)
SCALE_NAMES = tuple(scale.name for scale in SCALES)


def _metric(label: str) -> Metric:
    return Metric(
        label=label, unit="1-5", better="higher", decimals=2, description="mean opinion score of human raters"
    )


VISUAL_QUALITY = _metric("Visual quality")
LIP_SYNC_QUALITY = _metric("Lip-sync quality")
REALNESS = _metric("Realness")
