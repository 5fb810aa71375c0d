"""What has to be known of a face's looks before the first frame is drawn, read in one pass over a part of the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.choose_faces import Stretch
from pipelines.dubbing.closed_mouths import closed_frames, closed_mouths
from pipelines.dubbing.covered_face import UsualMouth, compared_frames, patch_of
from pipelines.dubbing.cut_crop import cut_crop
from pipelines.dubbing.paste_mouth import lower_face_mask
from pipelines.dubbing.rest import Rest, RestingMouths
from pipelines.dubbing.source_video import SourceFrame


@dataclass(frozen=True, kw_only=True)
class FaceLooks:
    """Looks of the face of each stretch.

    Args:
        resting: draws its closed mouth.
        usual: how its mouth usually looks.
    """

    resting: RestingMouths
    usual: list[UsualMouth]


def read_looks(
    frames: Iterable[SourceFrame], stretches: Sequence[Stretch], rests: Sequence[Rest], crop_px: int
) -> FaceLooks:
    """The looks of the face of each stretch.

    Args:
        frames: of the source, from the first on; read as far as they are needed.
        stretches: of the chosen faces.
        rests: of each stretch, when its mouth rests.
        crop_px: side of the crops.
    """
    any_rests = any(rest.weights.any() for rest in rests)
    closed = [set(closed_frames(stretch)) if any_rests else set() for stretch in stretches]
    compared = [set(compared_frames(stretch)) for stretch in stretches]
    last = max(
        stretch.first_frame + max(closed[place] | compared[place]) for place, stretch in enumerate(stretches)
    )
    crops: list[dict[int, NDArray[np.uint8]]] = [{} for _ in stretches]
    patches: list[list[NDArray[np.float32]]] = [[] for _ in stretches]
    for frame in frames:
        for place, stretch in enumerate(stretches):
            number = frame.index - stretch.first_frame
            if number not in closed[place] | compared[place]:
                continue
            crop = cut_crop(frame.decoded, stretch.transforms[number], crop_px)
            if number in closed[place]:
                crops[place][number] = crop
            if number in compared[place]:
                patches[place].append(patch_of(crop))
        if frame.index >= last:
            break
    mouths = [closed_mouths(*pair) for pair in zip(stretches, crops, strict=True)] if any_rests else []
    return FaceLooks(
        resting=RestingMouths(rests, mouths, lower_face_mask(crop_px)),
        usual=[UsualMouth(taken) for taken in patches],
    )
