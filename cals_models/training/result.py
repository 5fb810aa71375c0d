"""The result of a training: model.safetensors, model.json, and last result.json."""

import hashlib
import importlib.metadata
import math
import platform
import resource
import sys
from collections.abc import Mapping

import torch

from cals_models.training.engine import TrainResult
from cals_models.training.job import TrainingJob
from cals_models.training.run_directory import RunDirectory
from cals_models.training.stage import TrainingStage


def write_result(
    job: TrainingJob,
    stage: TrainingStage,
    result: TrainResult,
    run: RunDirectory,
    trained_from: Mapping[str, object],
) -> None:
    """Writes model.safetensors, model.json, and last result.json.

    Args:
        job: what was trained.
        stage: its networks hold the weights to export, as `train` leaves them.
        result: what `train` returned.
        run: the training's folder.
        trained_from: digests of shards, input models and code, which identify the training on another machine.
    """
    weights = stage.export()
    path = run.write_weights(weights)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    plain = job.as_plain()
    model = {
        "format": 1,
        "stage": job.stage,
        "method": job.method,
        "dataset": job.dataset,
        "config": plain["config"],
        "weights_sha256": digest,
        **stage.description(),
    }
    run.write_json("model.json", model)
    device = stage.world.device
    run.write_json(
        "result.json",
        {
            "stage": job.stage,
            "method": job.method,
            "dataset": job.dataset,
            "steps": result.steps,
            "stopped_early": result.stopped_early,
            "num_parameters": sum(tensor.numel() for tensor in weights.values()),
            "weights_sha256": digest,
            **trained_from,
            "figures": {name: value for name, value in result.metrics.items() if math.isfinite(value)},
            "chance": stage.chance(),
            "warnings": list(run.warnings.values()),
            "seconds": round(result.seconds, 3),
            "device": device.type,
            "device_name": device_name(device),
            "num_processes": stage.world.size,
            "host": platform.node(),
            "peak_memory_bytes": peak_memory_bytes(device),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in ("torch", "torchaudio", "safetensors")},
            },
        },
    )


def device_name(device: torch.device) -> str:
    """The name that the GPU or CPU reports."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory so far: of the GPU where there is one, else resident memory of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
