"""The order in which a rater sees the videos: random, and balanced over raters.

A session is one block a clip; in each block every method is shown once, with another clip each as long as
there are enough clips, and over all blocks every method meets every clip once. The order of the methods within a block is
a row of a Williams square. Raters come in groups of as many as the square has rows; within a group, in every
block, each row is used once. So, in every full group and every block, each method is at each position equally
often and follows each other method equally often.

Legend: M methods, N clips, R rows of the square (M if M is even, 2 M if it is odd).

Source: Williams (1949), Experimental designs balanced for the estimation of residual effects of treatments.
"""

from __future__ import annotations

import random


def williams_rows(num_methods: int) -> list[tuple[int, ...]]:
    """Rows in which each number is at each position, and follows each other one, equally often.

    Args:
        num_methods: M, at least 1.

    Returns:
        M rows if M is even or 1, else 2 M: permutations of 0..M-1.
    """
    if num_methods == 1:
        return [(0,)]
    # 0, 1, M-1, 2, M-2, ...: neighbours differ by every amount modulo M once
    first = [0]
    for step in range(1, num_methods):
        first.append((step + 1) // 2 if step % 2 else num_methods - step // 2)
    rows = [tuple((place + shift) % num_methods for place in first) for shift in range(num_methods)]
    if num_methods % 2:
        rows += [tuple(reversed(row)) for row in rows]
    return rows


def session_order(num_methods: int, num_clips: int, rater_number: int, seed: str) -> list[tuple[int, int]]:
    """The videos of the rater of that number, first to last.

    Args:
        num_methods: M, at least 1.
        num_clips: N, at least 1.
        rater_number: 0 for the first who came.
        seed: of the study; all raters of a study share it.

    Returns:
        M x N pairs (method, clip), each once.
    """
    if min(num_methods, num_clips) < 1 or rater_number < 0:
        raise ValueError(
            f"{num_methods} methods, {num_clips} clips, rater {rater_number}: give 1, 1 and 0 or more"
        )
    rows = williams_rows(num_methods)
    group, member = divmod(rater_number, len(rows))
    names = _shuffled(num_methods, f"{seed}/methods")
    clips = _shuffled(num_clips, f"{seed}/clips/{rater_number}")
    offsets = _shuffled(num_methods, f"{seed}/offsets/{rater_number}")
    order = []
    for block in range(num_clips):
        row = rows[_shuffled(len(rows), f"{seed}/rows/{group}/{block}")[member]]
        for place in row:
            order.append((names[place], clips[(block + offsets[place]) % num_clips]))
    return order


def _shuffled(count: int, seed: str) -> list[int]:
    """0..count-1 in an order seeded by a text, the same on every machine and Python."""
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    return numbers
