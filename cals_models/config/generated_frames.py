"""Settings that all generators share, whatever network generates: their samples, and when a training is warned of."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import Bound, Count, NotNegative, Share, ShareBelowOne


@dataclass(frozen=True, kw_only=True)
class GeneratedFramesConfig(TrainingConfig):
    """What samples, validation and diagnoses of any generator need to know.

    Args:
        target_frames: S, consecutive frames that are generated; two real frames stand on each side of them.
        context_frames: video frames of mel around the targets that the audio path is given, where the clip has them.
        reference_from: `any` takes any other moment of the clip as the reference, as the paper does; `near_pose` one
            with nearly the head pose of the targets: less to learn where heads turn, and the case of a dub, whose
            reference is the frame itself. Validation takes the same; renders for an evaluation do not.
        brightness_jitter: largest relative change of a sample's brightness, contrast and colour balance, reference and
            targets alike: for models that meet faces and light they were not trained on.
        mirror_share: share of the samples that are mirrored left to right.
        min_audio_gain_db: warn if a clip's own audio brings the generated mouths no more PSNR than this over another
            clip's audio: then they do not follow the audio.
        copies_reference_margin: warn if the generated mouths are nearer to the reference's than this share of
            the distance between the reference's and the true mouths.
    """

    target_frames: Annotated[int, Bound(at_least=5, text="5 or more (d_vv is 0 for one frame)")] = 5
    context_frames: Count = 75
    reference_from: Literal["any", "near_pose"] = "any"
    brightness_jitter: ShareBelowOne = 0.0
    mirror_share: Share = 0.0
    min_audio_gain_db: NotNegative = 0.1
    copies_reference_margin: Annotated[float, Bound(above=0, below=1)] = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.target_frames + 4
        if self.context_frames < least:
            raise ValueError(
                f"context_frames is {self.context_frames}; give target_frames + 4 = {least} or more"
            )
