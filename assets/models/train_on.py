"""``train_on``: the shards of other datasets that a dataset's trainings read too, observed."""

from assets.project.source_versions import TRAIN_ON, source_version
from assets.stage.observed_source import observed_source
from assets.stage.resources import ProjectResource


@observed_source(
    TRAIN_ON,
    "sources",
    "Shards of the other datasets that a dataset is trained on (train_on in cals.yaml); data version: digest over "
    "theirs. A training's ledger row names each of them as an input, shards@DATASET.",
)
def train_on(project: ProjectResource) -> dict[str, str]:
    loaded = project.load()
    return {name: source_version(loaded, TRAIN_ON, name) for name in loaded.datasets}
