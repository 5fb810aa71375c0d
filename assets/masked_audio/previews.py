"""Figure 2 as PNGs: frames under a mask, and LMD against the length of the mask."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np

from assets.masked_audio.masks import Strip
from assets.masked_audio.strip_file import ALL_AUDIO, MASKED, TRUE, FrameStrip, StripRow, strip_png

COLOURS = ("#2a6fbb", "#c4572c", "#3c8d4f", "#7a4fa3")


def strip_image(strip: Strip) -> bytes:
    """PNG: the true frames, then each method's with all audio and with the mask."""
    rows, frames = [StripRow(method="", audio=TRUE)], [strip.true]
    for method, (every, part) in strip.generated.items():
        rows += [StripRow(method=method, audio=ALL_AUDIO), StripRow(method=method, audio=MASKED)]
        frames += [every, part]
    hidden = tuple(bool(some) for some in strip.hidden)
    return strip_png(
        FrameStrip(clip_id=strip.clip_id, rows=tuple(rows), hidden=hidden, frames=np.stack(frames))
    )


def mask_chart(rows: Iterable[Mapping[str, Any]], methods: Sequence[str]) -> bytes:
    """PNG: mean LMD of masked frames (solid) and of the same frames with all audio (dashed), by length."""
    matplotlib.rcdefaults()  # whatever a `matplotlibrc` here or at home says
    matplotlib.use("Agg")
    from matplotlib.figure import Figure as Canvas

    measured = [row for row in rows if row["lmd_masked"] is not None]
    canvas = Canvas(figsize=(7.2, 4.2), dpi=110, layout="constrained")
    axes = canvas.add_subplot()
    for number, method in enumerate(methods):
        lengths = sorted({row["mask_frames"] for row in measured if row["method"] == method})
        colour = COLOURS[number % len(COLOURS)]
        for column, style, what in (("lmd_masked", "-", "masked"), ("lmd_unmasked", "--", "all audio")):
            means = [
                np.mean([r[column] for r in measured if (r["method"], r["mask_frames"]) == (method, length)])
                for length in lengths
            ]
            axes.plot(
                lengths, means, style, color=colour, marker="o", markersize=3.5, label=f"{method}, {what}"
            )
    axes.set_xlabel("audio masked, video frames of 40 ms")
    axes.set_ylabel("LMD of the masked frames, px (lower is better)")
    axes.set_title("Figure 2: frames whose audio is masked", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if measured:
        axes.legend(frameon=False)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
