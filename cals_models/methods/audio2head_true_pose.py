"""Audio2Head with the head pose of the true frames, read from their upper halves: six numbers a frame."""

from cals_models.methods.audio2head import DIFFERS, PARTS
from cals_models.methods.method import Method, Needs

METHOD = Method(
    name="audio2head_true_pose",
    label="Audio2Head, true pose",
    position=3,
    description="Audio2Head with the head pose of the true frames: six numbers, read from the upper half of each",
    parts=PARTS,
    settings_name="audio2head",
    shares_training_of="audio2head",
    draws="whole_crop",
    pose_from="target_frame",
    needs=Needs(clip_frames="window_frames"),
    differs=DIFFERS,
    is_optional=True,
)
