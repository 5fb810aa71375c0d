"""The proposed method (CALS, arXiv 2305.19556): Audio-to-Lip units, L_sync = d_av + d_vv."""

from cals_models.methods.lip_to_face import LipToFaceMethod

METHOD = LipToFaceMethod(
    name="cals",
    label="CALS",
    position=9,
    audio_path="audio_to_lip",
    sync_losses=("d_av", "d_vv"),
    description="Audio-to-Lip units with audio-visual and visual-visual sync losses: the proposed method",
)
