"""Audio2Head (IJCAI 2021), compact: audio and one image move keypoints, which animate that image; head pose of its own."""

from cals_models.methods.method import Method, Needs
from cals_models.references import ByStage

PARTS = ByStage(
    settings="cals_models.config.audio2head:Audio2HeadConfig",
    profiles="cals_models.config.audio2head:PROFILES",
    generator="cals_models.training.audio2head:build_stage",
    renders="cals_models.inference.audio2head:load_audio2head",
)
DIFFERS = (
    "compact: mels in place of cepstra and pitch; 128 or 256 px; animator without VGG, with affine equivariance and"
    " keypoints drawn to places of the aligned face; all that is predicted is the change from the image; poses by PnP"
    " from landmarks without mouth and chin"
)

METHOD = Method(
    name="audio2head",
    label="Audio2Head",
    position=3,
    description="keypoints from audio and one image animate that image; draws the whole crop, head pose of its own",
    parts=PARTS,
    draws="whole_crop",
    pose_from="none",
    needs=Needs(clip_frames="window_frames"),
    differs=DIFFERS,
    is_optional=True,
)
