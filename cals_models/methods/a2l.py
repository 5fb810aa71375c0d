"""Table 1, first step: Audio-to-Lip units in place of Wav2Lip's audio encoder, with Wav2Lip's sync loss."""

from cals_models.methods.lip_to_face import LipToFaceMethod

METHOD = LipToFaceMethod(
    name="a2l",
    label="+ Audio-to-Lip",
    position=7,
    audio_path="audio_to_lip",
    sync_losses=("wav2lip_sync",),
    description="Audio-to-Lip units in place of the 0.2 s window",
)
