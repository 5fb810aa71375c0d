"""Times in words."""

from __future__ import annotations


def clock(time_s: float, digits: int = 1) -> str:
    """Minutes and seconds, with as many digits of a second as needed, at most ``digits``.

    >>> clock(3.0), clock(63.44), clock(63.44, 2)
    ('0:03', '1:03.4', '1:03.44')
    """
    units = 10**digits
    minutes, rest = divmod(round(units * time_s), 60 * units)
    whole, part = divmod(rest, units)
    return f"{minutes}:{whole:02d}" + (f".{part:0{digits}d}".rstrip("0") if part else "")
