"""Balance of the order in which videos are shown."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from assets.mos.order import session_order, williams_rows


@pytest.mark.parametrize("num_methods", [1, 2, 3, 4, 5, 6, 7])
def test_each_method_stands_at_each_place_and_follows_each_other_equally_often(num_methods: int) -> None:
    rows = williams_rows(num_methods)
    assert all(sorted(row) == list(range(num_methods)) for row in rows)
    places = Counter((place, method) for row in rows for place, method in enumerate(row))
    followers = Counter(pair for row in rows for pair in pairwise(row))
    assert len(places) == num_methods**2 and len(set(places.values())) == 1
    assert len(followers) == num_methods * (num_methods - 1) and len(set(followers.values())) <= 1


@pytest.mark.parametrize(("num_methods", "num_clips"), [(4, 3), (6, 2), (3, 5), (1, 2), (4, 1)])
def test_each_rater_sees_each_video_once(num_methods: int, num_clips: int) -> None:
    everything = {(method, clip) for method in range(num_methods) for clip in range(num_clips)}
    orders = [session_order(num_methods, num_clips, rater, "study") for rater in range(13)]
    assert all(len(order) == len(everything) and set(order) == everything for order in orders)


@pytest.mark.parametrize(("num_methods", "group"), [(4, 4), (6, 6), (3, 6)])
def test_a_group_of_raters_is_balanced_in_every_block(num_methods: int, group: int) -> None:
    num_clips = 3
    for first in (0, group):
        orders = [session_order(num_methods, num_clips, first + member, "s") for member in range(group)]
        for block in range(num_clips):
            rows = [
                [m for m, _ in order[block * num_methods : (block + 1) * num_methods]] for order in orders
            ]
            places = Counter((place, method) for row in rows for place, method in enumerate(row))
            followers = Counter(pair for row in rows for pair in pairwise(row))
            assert set(places.values()) == {group // num_methods}
            assert len(set(followers.values())) == 1


def test_a_block_shows_different_clips_where_there_are_enough() -> None:
    for rater in range(8):
        order = session_order(4, 6, rater, "study")
        for start in range(0, 24, 4):
            assert len({clip for _, clip in order[start : start + 4]}) == 4


def test_raters_and_studies_have_their_own_order_which_stays() -> None:
    orders = {tuple(session_order(4, 3, rater, "a/main")) for rater in range(20)}
    assert len(orders) == 20
    assert session_order(4, 3, 5, "a/main") == session_order(4, 3, 5, "a/main")
    assert session_order(4, 3, 5, "a/main") != session_order(4, 3, 5, "a/second")


def test_nothing_to_show_is_an_error() -> None:
    with pytest.raises(ValueError, match="give 1, 1 and 0 or more"):
        session_order(0, 3, 0, "s")
