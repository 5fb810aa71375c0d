"""Settings of `av_offsets`, and which probe they name. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assets.store.current_model import read_current_model
from cals_models.config.bounds import Count, NotNegative
from cals_models.config.settings import Settings

if TYPE_CHECKING:
    from assets.project.settings import Project

NOT_MADE = "not made"


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


@dataclass(frozen=True, kw_only=True)
class ProbeSource:
    """A probe that is at hand.

    Args:
        kind: `sync_encoder` or `syncnet`.
        path: model folder or weights file.
        digest: sha256 of the weights.
    """

    kind: str
    path: Path
    digest: str


def probe_source(project: Project, dataset: str) -> ProbeSource | None:
    """The probe that a dataset's settings name; None if they name none.

    Raises:
        ValueError: it would be trained on the very data that it measures.
        FileNotFoundError: it is not there; the message says how to get it.
    """
    settings: AvOffsetSettings = project.stage_settings(dataset, "av_offsets")
    if settings.probe == "none":
        return None
    if settings.probe_dataset == dataset:
        raise ValueError(
            f"av_offsets.probe_dataset of {dataset} is {dataset} itself: a probe that learned the offset of "
            "its own data can't find it; name another dataset"
        )
    given = project.config_path.parent / Path(settings.probe_path).expanduser()
    if settings.probe == "syncnet":
        return ProbeSource(kind="syncnet", path=given, digest=_file_digest(given))
    folder = given if settings.probe_path else _trained_folder(project, settings.probe_dataset)
    return ProbeSource(kind="sync_encoder", path=folder, digest=_weights_digest(folder))


def probe_digest(project: Project, dataset: str) -> str:
    """Data version of a dataset's probe: digest of its weights, `none`, or `not made` where it is not there yet.

    Raises:
        ValueError: the settings name the dataset's own sync encoder.
    """
    try:
        source = probe_source(project, dataset)
    except FileNotFoundError:
        return NOT_MADE
    return "none" if source is None else source.digest


def _trained_folder(project: Project, dataset: str) -> Path:
    project.dataset(dataset)
    try:
        return read_current_model(project.home.model("sync_encoder", dataset))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"av_offsets: the sync encoder of {dataset} was never trained; "
            f"run: cals run --dataset {dataset} --to sync_encoder"
        ) from error


def _weights_digest(folder: Path) -> str:
    try:
        return str(json.loads((folder / "model.json").read_text(encoding="utf-8"))["weights_sha256"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"av_offsets.probe_path: {folder} holds no model.json; give a trained model's folder"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / 'model.json'}: is not readable ({error!r}); train the model again"
        ) from error


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileNotFoundError(
            f"av_offsets.probe_path: {path} can't be read ({error.strerror}); give the file syncnet_v2.model"
        ) from error
