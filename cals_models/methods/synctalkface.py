"""SyncTalkFace (arXiv 2211.00924): audio recalls mouths from a memory that was filled with lip features."""

from cals_models.methods.method import Method
from cals_models.references import ByStage

METHOD = Method(
    name="synctalkface",
    label="SyncTalkFace",
    position=6,
    description="0.2 s of mel recalls a mouth from an audio-lip memory of 96 slots",
    parts=ByStage(
        settings="cals_models.config.synctalkface:SyncTalkFaceConfig",
        profiles="cals_models.config.synctalkface:PROFILES",
        generator="cals_models.training.synctalkface:build_stage",
        renders="cals_models.inference.synctalkface:load_synctalkface",
    ),
    inputs=("sync_encoder",),
    has_units=True,
    differs="compact re-implementation: frozen F_v as lip encoder and expert, Lip-to-Face as the U-Net, kappa 16",
    is_optional=True,
)
