"""Which source frame is displayed when."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.dubbing.frame_plan import FrameLog, plan_frames


def log_of(num_frames: int, rate: float) -> FrameLog:
    num_ticks = round(num_frames / rate * 25)
    return FrameLog(
        times_s=[k / rate for k in range(num_frames)],
        tick_frames=[min(int((k + 0.5) / 25 * rate), num_frames - 1) for k in range(num_ticks)],
        last_step_s=1 / rate,
    )


@pytest.mark.parametrize(
    ("fit", "audio_s", "num_frames"),
    [
        ("trim", 1.0, 25),
        ("trim", 3.0, 50),
        ("loop", 1.0, 25),
        ("loop", 5.0, 125),
        ("hold", 1.0, 50),
        ("hold", 3.0, 75),
    ],
)
def test_each_fit_lasts_as_it_says(fit: str, audio_s: float, num_frames: int) -> None:
    plan = plan_frames(log_of(50, 25), audio_s, fit)
    assert plan.num_frames == num_frames and plan.end_s == pytest.approx(num_frames / 25)
    assert np.array_equal(plan.ticks, np.arange(num_frames))
    assert np.allclose(plan.times_s, np.arange(num_frames) / 25)


def test_loop_begins_again_and_hold_stays() -> None:
    assert plan_frames(log_of(50, 25), 2.5, "loop").source_frames[48:54].tolist() == [48, 49, 0, 1, 2, 3]
    assert plan_frames(log_of(50, 25), 2.5, "hold").source_frames[48:].tolist() == [48] + [49] * 14


def test_a_few_milliseconds_more_audio_do_not_jump_back_to_the_first_frame() -> None:
    assert plan_frames(log_of(250, 25), 10.0078, "loop").num_frames == 250


def test_a_photograph_lasts_as_long_as_the_audio_whatever_the_fit() -> None:
    log = FrameLog(times_s=[0.0], tick_frames=[0])
    for fit in ("trim", "loop", "hold"):
        plan = plan_frames(log, 9.6, fit, photograph=True)
        assert plan.num_frames == 240 and not plan.source_frames.any() and plan.end_s == pytest.approx(9.6)


@pytest.mark.parametrize("rate", [12.5, 24, 30000 / 1001, 50, 60])
def test_other_rates_keep_their_frames_and_take_the_mouth_of_their_time(rate: float) -> None:
    plan = plan_frames(log_of(round(2 * rate), rate), 2.0, "trim")
    middles = plan.times_s + 0.5 / rate
    assert abs(plan.num_frames - 2 * rate) <= 1
    assert (np.abs(middles - (plan.ticks + 0.5) / 25) <= 0.02 + 1e-6).all()


def test_uneven_times_are_kept() -> None:
    times = [0.0, 0.03, 0.1, 0.11, 0.2]
    plan = plan_frames(FrameLog(times_s=times, tick_frames=[0, 1, 2, 3, 3, 4]), 5.0, "trim")
    assert plan.times_s.tolist() == times and plan.ticks.tolist() == [0, 1, 2, 3, 5]
