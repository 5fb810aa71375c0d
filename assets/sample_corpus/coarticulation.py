"""Lip motion from phones: a dominance blend with a known, finite span.

Cohen & Massaro (1993), "Modeling coarticulation in synthetic visual speech": each phone has a target and a dominance
that rises and falls around it; the lips are the average of the targets, weighted by the dominances. Theirs decay
exponentially and never end. Here they end linearly at a known distance, so that the window of phones that shapes the
lips is known exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.sample_corpus.phones import PHONES
from assets.sample_corpus.utterance import TimedPhone

Track = NDArray[np.float64]


@dataclass(frozen=True)
class LipTrack:
    """Lip parameters, one value for each requested time.

    Attributes:
        aperture: (N,) 0 closed ... 1 widest open.
        width: (N,) -1 rounded ... 1 spread.
        protrusion: (N,) 0 flat ... 1 pushed forward.
    """

    aperture: Track
    width: Track
    protrusion: Track


def _taper(distance_s: Track, reach_s: Track) -> Track:
    """1 inside the phone, falling linearly to 0 at `reach_s` from it; a step if the reach is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        taper = 1.0 - distance_s / reach_s
    return np.where(distance_s <= 0.0, 1.0, np.clip(np.nan_to_num(taper, neginf=0.0, posinf=0.0), 0.0, 1.0))


def lip_track(
    phones: tuple[TimedPhone, ...], times_s: Track, *, coarticulation_s: float, window_s: float | None = None
) -> LipTrack:
    """The lips at the given times.

    Formula: p(t) = sum_i D_i(t) p_i / sum_i D_i(t), D_i(t) = a_i max(0, 1 - d_i(t) / (r_i h)), with target p_i,
    dominance a_i and reach r_i <= 1 of phone i, d_i(t) its distance from t (0 inside it), h = coarticulation_s / 2.

    Args:
        phones: cover all of `times_s` without gaps.
        times_s: (N,) seconds.
        coarticulation_s: full width of the window of phones that shapes the lips, seconds.
        window_s: if given, phones farther than window_s / 2 from t are left out: the best estimate of the lips from
            that window of audio. None: all phones count.
    """
    starts = np.array([phone.start_s for phone in phones])
    ends = np.array([phone.end_s for phone in phones])
    lips = [PHONES[phone.label].lips for phone in phones]
    t = times_s[:, None]
    distance_s = np.maximum(np.maximum(starts[None] - t, t - ends[None]), 0.0)  # (N, phones)
    # a boundary belongs to the phone that starts there
    at_boundary = (t == ends[None]) & (ends[None] < ends[-1])
    distance_s = np.where(at_boundary, 1e-9, distance_s)
    half_s = coarticulation_s / 2
    shape_taper = _taper(distance_s, np.full(len(phones), half_s))
    aperture_taper = _taper(distance_s, half_s * np.array([lip.aperture_reach for lip in lips]))
    if window_s is not None:
        known = distance_s <= window_s / 2
        shape_taper, aperture_taper = shape_taper * known, aperture_taper * known

    def blend(taper: Track, dominances: list[float], targets: list[float]) -> Track:
        weights = taper * np.array(dominances)
        return np.asarray((weights @ np.array(targets)) / weights.sum(axis=1))

    shape_dominances = [lip.shape_dominance for lip in lips]
    return LipTrack(
        aperture=blend(
            aperture_taper, [lip.aperture_dominance for lip in lips], [lip.aperture for lip in lips]
        ),
        width=blend(shape_taper, shape_dominances, [lip.width for lip in lips]),
        protrusion=blend(shape_taper, shape_dominances, [lip.protrusion for lip in lips]),
    )
