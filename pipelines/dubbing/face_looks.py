"""What has to be known of a face's looks before the first frame is drawn, from the views that the search has kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.closed_mouths import closed_mouths
from pipelines.dubbing.covered_face import UsualMouth, patch_of
from pipelines.dubbing.paste_mouth import lower_face_mask
from pipelines.dubbing.rest import Rest, RestingMouths


@dataclass(frozen=True, kw_only=True)
class FaceLooks:
    """Looks of the face of each stretch.

    Args:
        resting: draws its closed mouth.
        usual: how its mouth usually looks.
    """

    resting: RestingMouths
    usual: list[UsualMouth]


def read_looks(stretches: Sequence[Stretch], rests: Sequence[Rest], crop_px: int) -> FaceLooks:
    """The looks of the face of each stretch.

    Args:
        stretches: of the chosen faces.
        rests: of each stretch, when its mouth rests.
        crop_px: side of the crops.
    """
    any_rests = any(rest.weights.any() for rest in rests)
    return FaceLooks(
        resting=RestingMouths(
            rests,
            [closed_mouths(stretch) for stretch in stretches] if any_rests else [],
            lower_face_mask(crop_px),
        ),
        usual=[_usual_mouth(stretch) for stretch in stretches],
    )


def _usual_mouth(stretch: Stretch) -> UsualMouth:
    return UsualMouth(
        [
            patch_of(mouth.grey_crop(stretch.transforms[frame]))
            for frame, mouth in stretch.mouths.items()
            if mouth.grey is not None
        ]
    )
