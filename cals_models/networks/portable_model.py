"""A trained model small enough for a slow link: weights in half precision, in files of a limited size.

A portable model is a model's folder (`cals_models.networks.model_files.read_model` reads it once its parts are joined):
half-precision weights are loaded into networks of single precision. Vectors (biases, norms and their running statistics)
keep single precision: they are small, and statistics of pixels from 0 to 255 leave the range of half precision.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

WEIGHTS = "model.safetensors"
COPIED = ("job.json", "progress.jsonl")
PART_BYTES = 16_000_000


def halved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with float32 tensors of two dimensions or more as float16, unless a value would become infinite."""
    return {name: _half(tensor) for name, tensor in weights.items()}


def _half(tensor: Tensor) -> Tensor:
    if tensor.ndim < 2 or tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if bool(torch.isfinite(half).all() == torch.isfinite(tensor).all()) else tensor


def make_portable(folder: Path, target: Path) -> None:
    """Copies a trained model's folder with its weights in half precision.

    `weights_sha256` in model.json and result.json is the digest of the new file; result.json keeps that of the trained
    one as `trained_weights_sha256`. A model trained on a portable one names the portable one's digest.

    Args:
        folder: of a finished training.
        target: created; left as it is if it is a copy of the same weights.
    """
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    trained = result["weights_sha256"]
    if (target / "result.json").exists():
        there = json.loads((target / "result.json").read_text(encoding="utf-8"))
        if there.get("trained_weights_sha256") == trained:
            return
    target.mkdir(parents=True, exist_ok=True)
    save_file(halved(load_file(folder / WEIGHTS)), target / WEIGHTS)
    digest = hashlib.sha256((target / WEIGHTS).read_bytes()).hexdigest()
    for name in COPIED:
        (target / name).write_bytes((folder / name).read_bytes())
    (target / "model.json").write_text(json.dumps({**model, "weights_sha256": digest}, indent=2))
    portable = {**result, "weights_sha256": digest, "trained_weights_sha256": trained}
    (target / "result.json").write_text(json.dumps(portable, indent=2))


def split_weights(folder: Path, target: Path, part_bytes: int = PART_BYTES) -> list[Path]:
    """Writes the weights of a folder as `model.safetensors.00`, `.01`, ... of at most `part_bytes` each."""
    data = (folder / WEIGHTS).read_bytes()
    target.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, start in enumerate(range(0, len(data), part_bytes)):
        parts.append(target / f"{WEIGHTS}.{number:02d}")
        parts[-1].write_bytes(data[start : start + part_bytes])
    return parts


def joined_weights(folder: Path) -> bytes:
    """The weights file of a folder, whole or joined from its parts.

    Raises:
        ValueError: there is none.
    """
    whole = folder / WEIGHTS
    parts = [whole] if whole.is_file() else sorted(folder.glob(f"{WEIGHTS}.[0-9][0-9]"))
    if not parts:
        raise ValueError(f"{folder}: holds neither {WEIGHTS} nor its parts {WEIGHTS}.00, ...; copy them all")
    return b"".join(part.read_bytes() for part in parts)
