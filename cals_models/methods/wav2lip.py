"""The baseline row of Table 1: Wav2Lip's audio encoder and its sync loss (arXiv 2008.10010)."""

from cals_models.methods.lip_to_face import LipToFaceMethod

METHOD = LipToFaceMethod(
    name="wav2lip",
    label="Wav2Lip",
    position=5,
    audio_path="wav2lip_audio",
    inputs=("sync_encoder",),
    sync_losses=("wav2lip_sync",),
    description="baseline of Table 1: 0.2 s of mel a frame, binary sync loss",
)
