"""Which raters do not count: a rule that is fixed beforehand and does not depend on the methods.

A rater with at least 6 answered videos is left out if one of these holds, checked in this order:

- hasty: more than a fifth of the answers whose time is known came before the video could have ended;
- flat: all ratings are the same number;
- contrary: over all (video, scale) that others rated too, the correlation with the mean of the others who are neither
  hasty nor flat is below 0.2, where there are at least two such others.

Raters with fewer answers are kept. Nothing is deleted: ratings that do not count stay on record and are marked.

Source: the third rule is the post-experiment screening of ITU-T P.913 (11.4) with one threshold, far below the 0.75
that it has for well-separated conditions, since methods in a study may differ little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets.mos.ratings import Rater
from assets.mos.scales import SCALE_NAMES
from assets.mos.study import LONGEST_FRAMES, Study
from cals_models.timebase import FPS

FEWEST_ANSWERS = 6
MOST_HASTY_SHARE = 0.2
LEAST_CORRELATION = 0.2
FEWEST_OTHERS = 2

Ratings = dict[tuple[str, str], int]


def screen_raters(study: Study, raters: Sequence[Rater]) -> dict[str, str]:
    """Raters who do not count: pseudonym -> the reason in words."""
    judged = [rater for rater in raters if len(rater.answers) >= FEWEST_ANSWERS]
    found = {}
    for rater in judged:
        reason = _hasty(study, rater) or _flat(rater)
        if reason:
            found[rater.name] = reason
    fair = {rater.name: _ratings(rater) for rater in judged if rater.name not in found}
    contrary = {name: _contrary(own, [r for n, r in fair.items() if n != name]) for name, own in fair.items()}
    return found | {name: reason for name, reason in contrary.items() if reason}


def _hasty(study: Study, rater: Rater) -> str:
    lasts_s = {video.name: min(video.num_frames, LONGEST_FRAMES) / FPS for video in study.videos}
    timed = [answer for answer in rater.answers.values() if answer.seconds is not None]
    hasty = sum(1 for answer in timed if (answer.seconds or 0.0) < lasts_s[answer.video])
    if hasty > MOST_HASTY_SHARE * len(timed):
        return f"hasty: {hasty} of {len(timed)} answers came sooner than the video lasts"
    return ""


def _flat(rater: Rater) -> str:
    values = set(_ratings(rater).values())
    return f"flat: every rating is {values.pop()}" if len(values) == 1 else ""


def _contrary(own: Ratings, others: list[Ratings]) -> str:
    if len(others) < FEWEST_OTHERS:
        return ""
    shared = [(value, [o[key] for o in others if key in o]) for key, value in sorted(own.items())]
    pairs = np.array([(value, np.mean(theirs)) for value, theirs in shared if theirs], np.float64)
    if len(pairs) < FEWEST_ANSWERS or np.ptp(pairs, axis=0).min() == 0:
        return ""
    correlation = float(np.corrcoef(pairs[:, 0], pairs[:, 1])[0, 1])
    if correlation < LEAST_CORRELATION:
        return f"contrary: correlation {correlation:.2f} with the other raters, below {LEAST_CORRELATION}"
    return ""


def _ratings(rater: Rater) -> Ratings:
    return {(a.video, scale): a.ratings[scale] for a in rater.answers.values() for scale in SCALE_NAMES}
