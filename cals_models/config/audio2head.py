"""Settings of Audio2Head: an animator of keypoints, then audio to keypoints."""

from dataclasses import dataclass
from typing import Annotated

from cals_models.config.training import TrainingConfig
from cals_models.declarations.bounds import Bound, Count, NotNegative, Positive, Width

_TINY: dict[str, object] = {
    "steps": 2_800,
    "animator_share": 0.2,
    "warmup_steps": 50,
    "learning_rate": 1e-3,
    "motion_learning_rate": 1e-3,
    "adam_beta_1": 0.9,
    "ema_decay": 0.99,
    "batch_samples": 8,
    "window_frames": 32,
    "window_samples": 4,
    "detector_widths": (32, 48, 64),
    "dense_motion_widths": (32, 48, 64),
    "renderer_widths": (16, 48),
    "renderer_blocks": 2,
    "audio_width": 64,
    "hourglass_width": 24,
    "pose_width": 64,
    "validate_every_steps": 200,
    "validation_clips": 16,
    "checkpoint_every_steps": 200,
    "log_every_steps": 10,
    "clip_cache_bytes": 512 * 1024**2,
    "frame_cache_bytes": 768 * 1024**2,
}

PROFILES: dict[str, dict[str, object]] = {"paper": {}, "tiny": _TINY}
"""Settings that differ from the defaults, by profile."""


@dataclass(frozen=True, kw_only=True)
class Audio2HeadConfig(TrainingConfig):
    """The animator, then head pose and keypoints from audio.

    The first updates train the animator, whose samples are pairs of frames; the others train the pose predictor and the
    audio to keypoints with the animator frozen, and their samples are windows of frames. Weights and widths are ours.

    Args:
        animator_share: share of the updates that train the animator.
        window_frames: video frames of a window, 64 in the original; clips with no window of so many valid frames are not
            trained on.
        window_samples: windows an update and process.
        detector_widths: channels of the keypoint detector at 32, 16 and 8 px.
        dense_motion_widths: channels of the dense motion at 32, 16 and 8 px.
        renderer_widths: channels of the renderer at half the crop's size and, at 32 px, where it moves features.
        renderer_blocks: residual blocks of the renderer at 32 px.
        audio_width: channels of the audio encoders.
        hourglass_width: channels of the 3-D hourglass at 16 px; the smaller maps have twice as many.
        pose_width: numbers in the state of the LSTM that predicts the head pose.
        motion_learning_rate: peak of the second part.
        pyramid_weight: of L1 between the generated and the true frame, summed over four sizes.
        mouth_weight: the mouth's region counts so many times in it. 1 is a plain mean, in which the mouth is a
            twentieth of the crop.
        equivariance_weight: of the keypoints of a frame that was moved.
        jacobian_equivariance_weight: of their Jacobians.
        keypoint_weight, jacobian_weight: of L1 between predicted and detected keypoints and Jacobians.
        pose_weight: of L1 between predicted and true head pose.
        velocity_weight: of L1 between their changes from frame to frame, relative to the weights above.
        min_audio_gain_db: warn if a clip's own audio brings the generated mouths no more PSNR than this over another
            clip's audio.
        min_keypoint_spread_px: warn if all keypoints lie within so many crop pixels of their mean, or if over a clip none
            moves as much as a tenth of it.
    """

    steps: Count = 100_000
    batch_samples: Count = 32
    learning_rate: Positive = 2e-4
    adam_beta_1: Annotated[float, Bound(at_least=0, below=1)] = 0.5
    animator_share: Annotated[float, Bound(above=0, below=1)] = 0.5
    window_frames: Annotated[int, Bound(at_least=8, text="8 or more")] = 64
    window_samples: Count = 8
    detector_widths: tuple[Width, Width, Width] = (64, 128, 256)
    dense_motion_widths: tuple[Width, Width, Width] = (64, 128, 256)
    renderer_widths: tuple[Width, Width] = (64, 128)
    renderer_blocks: Count = 6
    audio_width: Width = 128
    hourglass_width: Width = 64
    pose_width: Width = 128
    motion_learning_rate: Positive = 2e-4
    pyramid_weight: NotNegative = 10.0
    mouth_weight: Annotated[float, Bound(at_least=1, text="1 or more")] = 4.0
    equivariance_weight: NotNegative = 1.0
    jacobian_equivariance_weight: NotNegative = 0.3
    keypoint_weight: NotNegative = 10.0
    jacobian_weight: NotNegative = 1.0
    pose_weight: NotNegative = 1.0
    velocity_weight: NotNegative = 1.0
    min_audio_gain_db: NotNegative = 0.1
    min_keypoint_spread_px: NotNegative = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.animator_steps < self.steps:
            raise ValueError(
                f"animator_share: {self.animator_share} of {self.steps} steps leaves one of the two parts no update"
            )
        if self.early_stopping_validations:
            raise ValueError(
                f"early_stopping_validations is {self.early_stopping_validations}; audio2head trains in two parts, both in"
                " full: set it to 0"
            )

    @property
    def animator_steps(self) -> int:
        """Updates of the first part."""
        return round(self.animator_share * self.steps)
