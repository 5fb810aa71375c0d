"""Settings of `av_offsets`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cals_models.declarations.bounds import Count, NotNegative
from cals_models.declarations.settings import Settings


@dataclass(frozen=True, kw_only=True)
class AvOffsetSettings(Settings):
    """How the offset between audio and frames is measured and when it is corrected.

    Args:
        probe: `none` measures nothing and shifts nothing; `sync_encoder` is one trained by this pipeline on
            another dataset; `syncnet` is the public SyncNet.
        probe_dataset: the dataset whose sync encoder measures.
        probe_path: instead of a dataset the folder of a trained sync encoder, or the file `syncnet_v2.model`;
            relative to the folder of `cals.yaml`.
        max_shift_frames: offsets from minus to plus this are tried, in video frames of 40 ms.
        min_overlap_frames: a shift counts only if at least so many windows of audio and frames overlap.
        min_peak_clearness: sync encoder: how far the best shift must stand above each one more than two frames away:
            the paired t of their windows' cosines. Independent of the cosine's scale, which falls several times where
            the probe learned from other faces or other crops. Windows overlap, so it is no t of a table: 4.5 passes 2 %
            of wrong pairs of 3 s; clips of 1 s reach half as much (docs/benchmarks.md).
        min_distance_drop: SyncNet: how far the median shift's distance must be above the least (its confidence).
    """

    probe: Literal["none", "sync_encoder", "syncnet"] = "none"
    probe_dataset: str = ""
    probe_path: str = ""
    max_shift_frames: Count = 15
    min_overlap_frames: Count = 10
    min_peak_clearness: NotNegative = 4.5
    min_distance_drop: NotNegative = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.probe == "none" and (self.probe_dataset or self.probe_path):
            raise ValueError(
                "probe_dataset or probe_path is given, but probe is none; name the kind of probe"
            )
        if self.probe == "sync_encoder" and bool(self.probe_dataset) == bool(self.probe_path):
            raise ValueError("probe sync_encoder: give probe_dataset or probe_path, one of them")
        if self.probe == "syncnet" and (self.probe_dataset or not self.probe_path):
            raise ValueError(
                "probe syncnet: give probe_path, the file syncnet_v2.model, and no probe_dataset"
            )
        if self.probe == "syncnet" and self.max_shift_frames != 15:
            raise ValueError(f"max_shift_frames is {self.max_shift_frames}; SyncNet's protocol looks at 15")
