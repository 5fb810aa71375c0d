"""What the data may be used for, by where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from assets.project.settings import Dataset, Project


@dataclass(frozen=True, kw_only=True)
class Licence:
    """Terms of a dataset.

    Args:
        name: short.
        url: where the terms are.
        note: what they mean for shards, models and videos made of the data.
    """

    name: str
    url: str
    note: str


LANDMARKS_NOTE = (
    "Face landmarks come from a 68-point model that was trained on iBUG 300-W, whose terms exclude commercial use; "
    "crops are aligned by them, so this holds for what is made of the crops too."
)
_BBC = "https://www.robots.ox.ac.uk/~vgg/data/lip_reading/"
_BY_LAYOUT = {
    "grid": Licence(
        name="CC BY 4.0",
        url="https://creativecommons.org/licenses/by/4.0/",
        note="GRID (Cooke, Barker, Cunningham and Shao 2006) is under CC BY 4.0: name the authors.",
    ),
    "lrw": Licence(
        name="research only (BBC, LRW)",
        url=_BBC,
        note="LRW is for non-commercial research under an agreement with BBC R&D: do not pass the shards on.",
    ),
    "lrs2": Licence(
        name="research only (BBC, LRS2)",
        url=_BBC,
        note="LRS2 is for non-commercial research under an agreement with BBC R&D: do not pass the shards on.",
    ),
    "hdtf": Licence(
        name="see HDTF and each video's own terms",
        url="https://github.com/MRzzm/HDTF",
        note="HDTF's lists point at videos of others: the terms of each video hold for what is made of it.",
    ),
}
_SAMPLE = Licence(
    name="made by this project",
    url="https://www.nasa.gov/nasa-brand-center/images-and-media/",
    note="Made here from a NASA photograph in the public domain and synthesised speech; nobody's recording.",
)
_UNKNOWN = Licence(
    name="not stated",
    url="https://schema.org/license",
    note="The terms of these recordings are not known to the pipeline: state them before anything is passed on.",
)


def licence_of(project: Project, dataset: Dataset) -> Licence:
    """Terms of a dataset, by its layout; the sample corpus is known by where it lies."""
    if dataset.root.is_relative_to(project.home.root / "sample"):
        return _SAMPLE
    return _BY_LAYOUT.get(dataset.layout, _UNKNOWN)
