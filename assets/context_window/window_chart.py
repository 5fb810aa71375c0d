"""Figure 3 as a PNG: LMD against the window, a curve a method, with the effective context of each."""

from __future__ import annotations

import io
from collections.abc import Mapping

import matplotlib
import numpy as np

from assets.context_window.effective_context import EffectiveContext, Floats

COLOURS = ("#2a6fbb", "#c4572c", "#3c8d4f", "#7a4fa3")


def window_chart(
    curves: Mapping[str, tuple[Floats, Floats]], contexts: Mapping[str, EffectiveContext]
) -> bytes:
    """PNG.

    Args:
        curves: method -> windows (W,) and LMD (N, W).
        contexts: method -> the fit.
    """
    matplotlib.rcdefaults()  # whatever a `matplotlibrc` here or at home says
    matplotlib.use("Agg")
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(7.2, 4.2), dpi=110, layout="constrained")
    axes = canvas.add_subplot()
    for number, (method, (windows, values)) in enumerate(curves.items()):
        if not len(values):
            continue
        colour = COLOURS[number % len(COLOURS)]
        mean = values.mean(axis=0)
        error = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0 * mean
        axes.fill_between(windows, mean - error, mean + error, color=colour, alpha=0.12, linewidth=0)
        axes.plot(windows, mean, color=colour, marker="o", markersize=3.5, label=method)
        context = contexts[method]
        if context.reach_frames is not None:
            assert context.low_frames is not None and context.high_frames is not None
            axes.axvline(context.reach_frames, color=colour, linestyle="--", linewidth=1)
            axes.axvspan(context.low_frames, context.high_frames, color=colour, alpha=0.08, linewidth=0)
    axes.set_xlabel("audio on each side of the frame, video frames of 40 ms")
    axes.set_ylabel("LMD of the frame, px (lower is better)")
    axes.set_title("Figure 3: effective context (dashed, with its 95 % interval)", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
