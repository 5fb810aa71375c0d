"""PC-AVS (arXiv 2104.11116), compact: identity of one frame, mouth of the audio, pose of another frame."""

from cals_models.methods.method import Method
from cals_models.references import ByStage

PARTS = ByStage(
    settings="cals_models.config.pc_avs:PcAvsConfig",
    profiles="cals_models.config.pc_avs:PROFILES",
    generator="cals_models.training.pc_avs:build_stage",
    renders="cals_models.inference.pc_avs:load_pc_avs",
)

METHOD = Method(
    name="pc_avs",
    label="PC-AVS",
    position=4,
    description="modulated generator from identity, audio and pose codes; draws the whole crop, pose of the true frames",
    parts=PARTS,
    inputs=("sync_encoder",),
    draws="whole_crop",
    pose_from="target_frame",
    differs="compact: ResNet18 encoders without norms on 128 px, audio encoder started from the sync encoder's F_a, pyramid L1"
    " in place of VGG, one discriminator; in profile tiny the identity frame's pixels are moved, and training takes the pose"
    " from another moment of nearly the same pose",
    is_optional=True,
)
