"""Which tracks show one person, and moments between them in which the face was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assets.faces.appearance import similarity
from assets.faces.landmarks import boxes_of, overlap
from assets.faces.track import SAME_FACE_AFTER_CUT, Track
from cals_models.timebase import FPS

# Least similarity of two tracks of one person: lower where their boxes overlap by ``IN_PLACE_OVERLAP`` (IoU) or more.
SAME_FACE_IN_PLACE = 0.75
IN_PLACE_OVERLAP = 0.3
# A face that is lost for no longer, in one shot, and found again so near and of such a size, is the same whatever it looks
# like then: people turn, laugh and blur. Distance in sides of the box for each second, and to begin with.
LOST_TICKS = FPS
NEAR_SIDES, NEAR_SIDES_PER_S = 0.5, 1.0
LARGEST_GROWTH = 1.5
# Unless the two have nothing in common.
UNLIKE = 0.1


def people(tracks: Sequence[Track]) -> list[list[Track]]:
    """The tracks of each person, in time order; those between which the face was lost for a moment are one.

    Args:
        tracks: by first frame.
    """
    groups: list[list[Track]] = []
    for track in tracks:
        fitting = [group for group in groups if continues(group[-1], track)]
        best = max(fitting, key=lambda group: _nearness(group[-1], track), default=None)
        if best is None:
            groups.append([track])
        elif is_lost_for_a_moment(best[-1], track):
            best[-1] = bridged(best[-1], track)
        else:
            best.append(track)
    return groups


def continues(before: Track, track: Track) -> bool:
    """Whether a track shows the person of an earlier one: by look, or by place and time."""
    if before.last >= track.first:
        return False
    in_place = overlap(before.median_box, track.median_box) >= IN_PLACE_OVERLAP
    likeness = _likeness(before, track)
    if likeness >= (SAME_FACE_IN_PLACE if in_place else SAME_FACE_AFTER_CUT):
        return True
    return likeness >= UNLIKE and is_lost_for_a_moment(before, track)


def is_lost_for_a_moment(before: Track, track: Track) -> bool:
    """Whether a face is found again soon, near the place where it was lost, in the same shot, and of about the same size."""
    lost = track.first - before.last - 1
    if lost > LOST_TICKS or before.shot != track.shot:
        return False
    old, new = boxes_of(before.points[before.last]), boxes_of(track.points[track.first])
    sides = float(old[2] - old[0]), float(new[2] - new[0])
    away = float(np.linalg.norm((new[:2] + new[2:] - old[:2] - old[2:]) / 2)) / max(sides)
    return max(sides) <= LARGEST_GROWTH * min(sides) and away <= NEAR_SIDES + NEAR_SIDES_PER_S * lost / FPS


def bridged(before: Track, track: Track) -> Track:
    """One track of two; what lies between is a gap of it."""
    between = range(before.last + 1, track.first)
    return replace(
        track,
        points={**before.points, **track.points},
        confidences={**before.confidences, **track.confidences},
        regions={
            **before.regions,
            **dict.fromkeys(between, before.regions[before.last]),
            **track.regions,
        },
        images={},
        evidence=max((before, track), key=lambda one: one.confidence).evidence,
    )


def _likeness(before: Track, track: Track) -> float:
    return max(
        similarity(before.last_appearance, track.last_appearance),
        similarity(before.confirmed_appearance, track.confirmed_appearance),
    )


def _nearness(before: Track, track: Track) -> tuple[bool, float]:
    return is_lost_for_a_moment(before, track), _likeness(before, track)
