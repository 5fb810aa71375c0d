"""``mos_ratings``: answers of raters, observed; new ones make the report stale."""

from assets.mos.part import ratings_digest
from assets.stage.observed_source import observed_source
from assets.stage.resources import ProjectResource


@observed_source(
    "mos_ratings", "sources", "Ratings of each dataset's MOS studies; data version: digest over all answers."
)
def mos_ratings(project: ProjectResource) -> dict[str, str]:
    loaded = project.load()
    return {name: ratings_digest(loaded.home, name) for name in loaded.datasets}
