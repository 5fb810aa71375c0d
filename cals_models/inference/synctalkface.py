"""Opening a trained SyncTalkFace, which generates clips as the other methods with units do."""

from pathlib import Path

from cals_models.config.synctalkface import SyncTalkFaceConfig
from cals_models.inference.lip_generator import LipGenerator, opened_generator
from cals_models.networks.generator_files import read_generator
from cals_models.networks.synctalkface import SyncTalkFace


def load_synctalkface(model_dir: Path | str, device: str = "cpu", *, precision: str = "auto") -> LipGenerator:
    """Loads a trained model's folder.

    Args:
        model_dir: holds model.json and model.safetensors.
        device: cpu, cuda, ...
        precision: `auto` or `fp32`.

    Raises:
        ValueError: damaged, incomplete, another method's, or not the weights that model.json describes.
    """
    files = read_generator(Path(model_dir))
    config = files.config
    if not isinstance(config, SyncTalkFaceConfig):
        raise ValueError(f"{files.folder}: a generator of method {files.method!r}, not of synctalkface")
    model = SyncTalkFace(config, files.crop_px)
    return opened_generator(files, model, config.context_frames, device, precision)
