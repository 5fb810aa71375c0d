"""``cals adapt``: continues a dataset's generator on one person's own video.

The video becomes a dataset of its own, of two stretches: what is trained on, and at the end what is validated on. Its
sync encoder and f_theta are those of the base, so that the audio path keeps what it learned from much speech. The base's own
clips are trained on along with the video's, half of the time each: with the video alone, whose audio f_theta may not
know, the generator unlearns to follow the audio.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.media.limits import ProbeLimits
from assets.models.training_files import read_result
from assets.project.atomic_files import replacing, write_text
from assets.project.graph import stage_names
from assets.project.settings import NAME_PATTERN, Dataset, Project, SettingsError, add_dataset, load_project
from assets.raw_videos.layouts.folder import SPLITS_NAME
from assets.shards.contents import find_in_contents, write_missing_contents
from assets.store.current_model import find_current_model
from assets.store.file_digests import sha256_of
from assets.store.withdrawals import forgotten_hashes
from pipelines.dubbing.choose_model import newest_base
from pipelines.dubbing.source_video import open_source

if TYPE_CHECKING:
    from pipelines.runner import RunOutcome

FOLDER = "adapted"
MOST_S = 60.0
LEAST_S = 2.6
"""Shorter videos leave too little to train on beside the stretch for validation."""
VALIDATED_SHARE, LEAST_VALIDATED_S, MOST_VALIDATED_S = 0.2, 1.2, 5.0
TRAINED_SHARE = 0.7
"""Of the time that is given; reading, tracking and validation take the rest."""
LEAST_STEPS = 50
NUM_VALIDATIONS = 8
VALIDATIONS_WITHOUT_BETTER = 4
OWN_SHARE = 0.5
"""Of the visits; the rest are the base's clips."""


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What is adapted to whom.

    Args:
        video: of the person.
        base: dataset whose models are adapted; None for that of the newest ``cals`` generator.
        method: of the generator.
        minutes: about how long reading and training may take, by the rate at which the base was trained.
        name: of the new dataset; None derives it from the video's.
    """

    video: Path
    base: str | None = None
    method: str = "cals"
    minutes: float = 5.0
    name: str | None = None

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise SettingsError(f"--minutes {self.minutes:g}: give a number above 0")
        if not self.video.is_file():
            raise SettingsError(f"{self.video}: no such file; give a video of the person")
        if self.name is not None and not NAME_PATTERN.fullmatch(self.name):
            raise SettingsError(f"--name {self.name}: use lower-case letters, digits and single underscores")

    @property
    def dataset_name(self) -> str:
        return self.name or name_of(self.video)


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """An adaptation that was run.

    Args:
        project: with the dataset.
        dataset: its name.
        outcome: of the run up to its generator.
    """

    project: Project
    dataset: str
    outcome: RunOutcome


def add_adapted_dataset(project: Project, wanted: Adaptation, say: Callable[[str], None]) -> Project:
    """Copies the video into the home and adds the dataset to ``cals.yaml``; trains nothing.

    Returns:
        The project with the new dataset, which is the last one.

    Raises:
        ValueError: no video, too short, no such base, or the name is taken by other data.
    """
    source = open_source(wanted.video, ProbeLimits())
    length_s = float(source.num_frames / source.frame_rate)
    if source.photograph is not None or length_s < LEAST_S:
        raise SettingsError(
            f"{wanted.video}: {length_s:.1f} s; at least {LEAST_S:g} s of a person who speaks are needed"
        )
    if sha256_of(wanted.video) in forgotten_hashes(project.home):
        raise SettingsError(f"{wanted.video}: was forgotten (cals forget): no model may be trained on it")
    base = project.dataset(wanted.base or newest_base(project, wanted.method))
    steps = _steps(project, base, wanted)
    name = wanted.dataset_name
    used_s = min(length_s, MOST_S)
    beside = _trained_beside(project, base, wanted.video, say)
    entry = _entry(base, wanted.method, name, steps, beside)
    add_dataset(
        project.config_path, name, entry
    )  # a name that is taken is an error before its data are touched
    _write_data(project.home.root / FOLDER / name, wanted.video, used_s)
    if used_s < length_s:
        say(f"{wanted.video}: its first {used_s:g} s of {length_s:.1f} s are read")
    say(f"{name}: {wanted.method} of {base.name}, {steps} more updates on {wanted.video.name}")
    return load_project(project.config_path, project.home.root)


def _steps(project: Project, base: Dataset, wanted: Adaptation) -> int:
    """Updates that the given time allows, at the rate of the base's training."""
    if base.base is not None:
        raise SettingsError(f"{base.name} was adapted itself; give its base, --base {base.base}")
    folder = find_current_model(project.home.model("generator", base.name, wanted.method))
    if folder is None:
        raise SettingsError(
            f"{base.name} has no {wanted.method} generator; run: cals run --dataset {base.name} --to generator"
        )
    result = read_result(folder)
    rate = float(result["steps"]) / float(result["seconds"])
    return max(LEAST_STEPS, round(60 * wanted.minutes * TRAINED_SHARE * rate))


def name_of(video: Path) -> str:
    """The file's name as that of a dataset.

    >>> name_of(Path("videos/My Talk (2).mp4"))
    'my_talk_2'
    """
    name = re.sub(r"[^a-z0-9]+", "_", video.stem.lower()).strip("_")[:40].strip("_")
    if not name or not name[0].isalpha():
        name = f"video_{name}".rstrip("_")[:40]
    return name


def _write_data(folder: Path, video: Path, used_s: float) -> None:
    """Copies the video and writes which stretch is trained on and which is validated on."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"video{video.suffix.lower()}"
    with replacing(copy) as temporary:
        shutil.copyfile(video, temporary)
    validated_s = min(max(VALIDATED_SHARE * used_s, LEAST_VALIDATED_S), MOST_VALIDATED_S)
    split_s = used_s - validated_s
    rows = [(0.0, split_s, "train"), (split_s, used_s, "val")]
    lines = [f"{copy.name},{split},{start:.2f},{end:.2f}" for start, end, split in rows]
    write_text(folder / SPLITS_NAME, "\n".join(["path,split,start_s,end_s", *lines]) + "\n")


def _trained_beside(
    project: Project, base: Dataset, video: Path, say: Callable[[str], None]
) -> tuple[str, ...]:
    """The base's data sets that are trained on along with the video: all but those that hold the video itself.

    The end of the video is validated on, so it may not be in what is trained on.
    """
    write_missing_contents(project.home)
    found = find_in_contents(project.home, "raw_sha256", [sha256_of(video)])
    held = {dataset for dataset, _, _ in found}
    for name in (base.name, *base.train_on):
        if name in held:
            say(f"{name} holds {video.name} itself: its clips are not trained on along with it")
    return tuple(name for name in (base.name, *base.train_on) if name not in held)


def _entry(
    base: Dataset, method: str, name: str, steps: int, trained_beside: tuple[str, ...]
) -> dict[str, Any]:
    """The dataset in ``cals.yaml``: data as the base's are made, a generator that continues."""
    read_alike = {stage: base.settings[stage] for stage in stage_names("data") if stage in base.settings}
    generator = {
        **base.settings.get("generator", {}),
        "steps": steps,
        "validate_every_steps": max(20, steps // NUM_VALIDATIONS),
        "early_stopping_validations": VALIDATIONS_WITHOUT_BETTER,
        "own_share": OWN_SHARE,
        "finetune_audio_to_lip": False,
    }
    return {
        "layout": "folder",
        "root": f"$CALS_HOME/{FOLDER}/{name}",
        "profile": base.profile,
        "num_buckets": 1,
        "to": "generator",
        "methods": [method],
        "base": base.name,
        "train_on": list(trained_beside),
        "settings": {**read_alike, "generator": generator},
    }


def adapt(project: Project, wanted: Adaptation, say: Callable[[str], None]) -> RunOutcome:
    """Adds the dataset and materialises it up to its generator."""
    from pipelines.runner import run_stale

    with_new = add_adapted_dataset(project, wanted, say)
    return run_stale(with_new, [wanted.dataset_name], "generator")


def adapt_once(project: Project, wanted: Adaptation, say: Callable[[str], None]) -> Adapted:
    """As ``adapt``, but takes the dataset that the same video has become already, where there is one.

    Args:
        project: with the base.
        wanted: its ``minutes`` count for a new dataset only.
        say: prints a line.
    """
    from pipelines.runner import run_stale

    earlier = _adapted_before(project, wanted)
    if earlier is not None:
        say(f"{earlier.name}: {wanted.video.name} is adapted to already, from {earlier.base}")
        name = earlier.name
    else:
        name = wanted.name or _free_name(project, wanted.video)
        project = add_adapted_dataset(project, replace(wanted, name=name), say)
    return Adapted(project=project, dataset=name, outcome=run_stale(project, [name], "generator"))


def _adapted_before(project: Project, wanted: Adaptation) -> Dataset | None:
    """The dataset that the same bytes became, of the same base and method."""
    digest = sha256_of(wanted.video)
    for dataset in project.datasets.values():
        is_alike = wanted.base in (None, dataset.base) and wanted.method in dataset.methods
        copies = (project.home.root / FOLDER / dataset.name).glob("video.*")
        if dataset.base is not None and is_alike and any(sha256_of(copy) == digest for copy in copies):
            return dataset
    return None


def _free_name(project: Project, video: Path) -> str:
    """The name that the file gives, with a number where another video of that name has it."""
    name, number = name_of(video), 1
    while (free := name if number == 1 else f"{name[:36].rstrip('_')}_{number}") in project.datasets:
        number += 1
    return free
