"""Draws the asset graph of the README from the table that the assets are built from.

Run from the project's root: python -m docs.images.draw_graph
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from assets.project.graph import STAGES

PLACES = {
    "raw_videos": (0, 1.5),
    "clips": (1, 1.5),
    "face_tracks": (2, 2.2),
    "face_crops": (3, 2.2),
    "mels": (3, 0.8),
    "av_offsets": (4, 1.5),
    "shards": (5, 1.5),
    "sync_encoder": (6, 2.6),
    "lse_evaluator": (6, 0.4),
    "audio_to_lip": (7.3, 2.6),
    "generator": (8.3, 1.9),
    "renders": (9.3, 1.5),
    "clip_metrics": (10.3, 0.9),
    "masked_audio": (10.3, 2.8),
    "context_window": (10.3, 2.15),
    "metric_report": (11.6, 1.5),
}
COLOURS = {"sources": "#d9d9d9", "data": "#9ecae1", "models": "#fdae6b", "evaluation": "#a1d99b"}
NOT_DRAWN = {  # implied by the others
    *(("clips", name) for name in ("shards", "metric_report", "face_crops")),
    *((name, "shards") for name in ("face_crops", "mels")),
    *(("shards", name) for name in ("audio_to_lip", "generator", "renders", "clip_metrics", "metric_report")),
    *(("shards", name) for name in ("masked_audio", "context_window")),
    *((name, "metric_report") for name in ("sync_encoder", "audio_to_lip", "lse_evaluator", "generator")),
    ("sync_encoder", "generator"),
}


def draw(path: Path) -> None:
    """Writes a PNG: one box a stage, coloured by group; edges that others imply are left out."""
    plot, axes = plt.subplots(figsize=(15, 3.6))
    edges = [("raw_videos", "clips")]
    edges += [(dep, stage.name) for stage in STAGES.values() for dep in stage.deps if stage.name in PLACES]
    for start, end in edges:
        (x0, y0), (x1, y1) = PLACES[start], PLACES[end]
        if (start, end) in NOT_DRAWN:
            continue
        arrow = {"arrowstyle": "-|>", "color": "#777777", "shrinkA": 26, "shrinkB": 30, "lw": 1.1}
        axes.annotate("", xy=(x1, y1), xytext=(x0, y0), arrowprops=arrow)
    for name, (x, y) in PLACES.items():
        stage = STAGES.get(name)
        box = {
            "boxstyle": "round,pad=0.45",
            "fc": COLOURS[stage.group if stage else "sources"],
            "ec": "#444444",
        }
        text = name + ("\nby method" if stage and stage.by_method else "")
        axes.text(x, y, text, ha="center", va="center", fontsize=9, bbox=box)
    axes.set_xlim(-0.6, 12.2)
    axes.set_ylim(0, 3.1)
    axes.axis("off")
    plot.savefig(path, dpi=110, bbox_inches="tight", facecolor="white")


if __name__ == "__main__":
    draw(Path(__file__).parent / "graph.png")
