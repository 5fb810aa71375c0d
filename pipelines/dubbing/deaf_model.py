"""Whether a generator has learned to follow the audio, by the last validation of its training."""

from __future__ import annotations

import json
from pathlib import Path

from assets.models.training_files import RESULT_FILE, read_result
from cals_models.config.generated_frames import GeneratedFramesConfig
from cals_models.methods.configs import model_config


def reject_deaf_model(folder: Path) -> None:
    """Rejects a model whose mouths do not follow the audio: its dubs keep the mouth of the source, a little blurred.

    Args:
        folder: of a generator of any method; the limits are those of its training's settings. One whose settings have none
            is not judged.

    Raises:
        ValueError: says which metric is below which limit.
    """
    plain = json.loads((folder / "model.json").read_text())
    config = model_config("generator", plain["method"], plain["config"])
    why = deafness(folder, config) if isinstance(config, GeneratedFramesConfig) else None
    if why is not None:
        raise ValueError(
            f"{folder}: {why}: its dubs would keep the mouth of the source; train it longer or on more speech "
            "(docs/dubbing.md), or give --force-model to dub all the same"
        )


def deafness(folder: Path, config: GeneratedFramesConfig) -> str | None:
    """Why a model counts as deaf, in words; None where it listens, or where nothing is on record."""
    if not (folder / RESULT_FILE).is_file():
        return None
    metrics = read_result(folder).get("figures", {})
    gain, nearness = metrics.get("audio_gain"), metrics.get("reference_nearness")
    found = []
    if nearness is not None and nearness < config.copies_reference_margin:
        found.append(
            f"its mouths were {nearness:.2f} of the way from the reference's to the true ones "
            f"(reference_nearness; at least {config.copies_reference_margin:g})"
        )
    if gain is not None and gain < config.min_audio_gain_db:
        found.append(
            f"a clip's own audio brought {gain:.2f} dB over another's (audio_gain; at least "
            f"{config.min_audio_gain_db:g} dB)"
        )
    return "it does not follow the audio: " + ", ".join(found) if found else None


def trained_on(folder: Path) -> str:
    """What a model was trained on, in words: datasets, updates, and those of the base that it adapts."""
    if not (folder / RESULT_FILE).is_file():
        return "with no training on record"
    result = read_result(folder)
    names = ", ".join(sorted(Path(shards).name for shards in result["shards"]))
    text = f"trained on {names}, {result['steps']} updates"
    base = _base_of(folder)
    return f"{text}, from a base {trained_on(base)}" if base is not None else text


def _base_of(folder: Path) -> Path | None:
    """Folder of the generator that a training continued; None if it began anew, or where that is not on record."""
    job = folder / "job.json"
    if not job.is_file():
        return None
    base = json.loads(job.read_text(encoding="utf-8")).get("inputs", {}).get("generator")
    return None if base is None else Path(base)
