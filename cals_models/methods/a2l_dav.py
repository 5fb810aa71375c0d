"""Table 1, second step: Audio-to-Lip units with the audio-visual sync loss d_av in place of Wav2Lip's."""

from cals_models.methods.lip_to_face import LipToFaceMethod

METHOD = LipToFaceMethod(
    name="a2l_dav",
    label="+ audio-visual sync loss",
    position=8,
    audio_path="audio_to_lip",
    sync_losses=("d_av",),
    description="Audio-to-Lip units and the audio-visual sync loss",
)
