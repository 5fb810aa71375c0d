"""The sync encoder from a trained model's folder."""

from pathlib import Path

from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.networks.model_files import load_network, read_model
from cals_models.networks.sync_encoder import SyncEncoder


def load_sync_encoder(folder: Path) -> SyncEncoder:
    """The trained sync encoder of a folder, frozen and in evaluation mode.

    Raises:
        ValueError: not a sync encoder's folder, damaged, or the weights are another network's.
    """
    model = read_model(folder, "sync_encoder")
    assert isinstance(model.config, SyncEncoderConfig)
    encoder = SyncEncoder(model.config)
    load_network(encoder, model.weights.get("sync_encoder", {}), str(model.folder))
    return encoder.eval().requires_grad_(False)
