"""Numbers and labels as the page prints them."""

from __future__ import annotations

from assets.report import formatting, labels


def test_numbers_have_true_minus_signs_and_no_negative_zero() -> None:
    assert (
        formatting.format_number(-1.2345) == "\N{MINUS SIGN}1.234"
        or formatting.format_number(-1.2345) == "\N{MINUS SIGN}1.235"
    )
    assert formatting.format_number(-0.0001) == "0.000"
    assert (
        formatting.format_signed(0.5, 2) == "+0.50"
        and formatting.format_signed(-0.5, 1) == "\N{MINUS SIGN}0.5"
    )
    assert formatting.format_signed(0.0) == "0.000"


def test_intervals_durations_sizes_and_counts() -> None:
    assert formatting.format_interval(1, 2, 1) == "1.0 to 2.0" and formatting.format_interval(None, 2) == ""
    assert [formatting.format_duration(s) for s in (4.2, 185, 7800)] == ["4.2 s", "3 min 05 s", "2 h 10 min"]
    assert [formatting.format_size(n) for n in (12, 3_500_000, 2e9)] == ["12 bytes", "3.5 MB", "2.0 GB"]
    assert (
        formatting.format_count(1, "clip") == "1 clip"
        and formatting.format_count(2000, "clip") == "2,000 clips"
    )
    assert formatting.format_percent(0.0323) == "3.2 %" and formatting.format_percent(0.41) == "41 %"


def test_rates_and_losses_are_distinguished() -> None:
    assert labels.is_rate("retrieval_at_1") and labels.is_rate("clip_offset_exact")
    assert not labels.is_rate("loss") and not labels.is_rate("temperature")
    assert labels.model_metric_label("clip_offset_exact").startswith("Offset of a whole clip")
    assert labels.model_label("generator", "CALS") == "Lip-to-Face generator, CALS"
