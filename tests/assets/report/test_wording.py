"""Numbers and names as the page prints them."""

from __future__ import annotations

from assets.report import wording


def test_numbers_have_true_minus_signs_and_no_negative_zero() -> None:
    assert (
        wording.number(-1.2345) == "\N{MINUS SIGN}1.234" or wording.number(-1.2345) == "\N{MINUS SIGN}1.235"
    )
    assert wording.number(-0.0001) == "0.000"
    assert wording.signed(0.5, 2) == "+0.50" and wording.signed(-0.5, 1) == "\N{MINUS SIGN}0.5"
    assert wording.signed(0.0) == "0.000"


def test_intervals_durations_sizes_and_counts() -> None:
    assert wording.interval(1, 2, 1) == "1.0 to 2.0" and wording.interval(None, 2) == ""
    assert [wording.duration(s) for s in (4.2, 185, 7800)] == ["4.2 s", "3 min 05 s", "2 h 10 min"]
    assert [wording.size(n) for n in (12, 3_500_000, 2e9)] == ["12 bytes", "3.5 MB", "2.0 GB"]
    assert wording.counted(1, "clip") == "1 clip" and wording.counted(2000, "clip") == "2,000 clips"
    assert wording.percent(0.0323) == "3.2 %" and wording.percent(0.41) == "41 %"


def test_rates_are_told_from_losses() -> None:
    assert wording.is_rate("retrieval_at_1") and wording.is_rate("clip_offset_exact")
    assert not wording.is_rate("loss") and not wording.is_rate("temperature")
    assert wording.figure_label("clip_offset_exact").startswith("Offset of a whole clip")
    assert wording.stage_label("generator", "CALS") == "Lip-to-Face generator, CALS"
