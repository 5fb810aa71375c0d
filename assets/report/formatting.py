"""How the page prints numbers, counts, durations and sizes."""

from __future__ import annotations

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def format_number(value: float, decimals: int = 3) -> str:
    """A value with a true minus sign; never -0.000."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def format_signed(value: float, decimals: int = 3) -> str:
    """A difference: always with its sign, except 0."""
    text = format_number(value, decimals)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def format_interval(
    low: float | None, high: float | None, decimals: int = 3, *, with_sign: bool = False
) -> str:
    """``low to high``, or nothing where there is no interval."""
    if low is None or high is None:
        return ""
    if with_sign:
        return f"{format_signed(low, decimals)} to {format_signed(high, decimals)}"
    return f"{format_number(low, decimals)} to {format_number(high, decimals)}"


def format_p_value(value: float | None) -> str:
    """A two-sided p-value, or nothing where there is none."""
    if value is None:
        return ""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def format_percent(share: float) -> str:
    """A share between 0 and 1 as per cent, with a decimal where it is small."""
    return f"{100 * share:.1f} %" if abs(share) < 0.1 else f"{100 * share:.0f} %"


def format_count(count: int, noun: str, plural: str = "") -> str:
    """``1 clip``, ``2,000 clips``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def format_duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_size(num_bytes: int) -> str:
    """Bytes in kB, MB or GB (powers of 1000)."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.1f} {unit}"
    return f"{num_bytes} bytes"
