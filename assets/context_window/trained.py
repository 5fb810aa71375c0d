"""The trained methods of a dataset and the landmark detector, for the figures that draw with partial hearing."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from assets.faces.backends.opening import open_backend
from assets.faces.settings import TrackSettings
from assets.metrics.landmark_cache import LandmarkCache
from assets.models.train_stage import model_folder
from assets.stage.run import StageRun
from cals_models.inference.lip_generator import LipGenerator, load_generator
from cals_models.methods.registry import METHODS

MAX_THREADS = 8


def open_trained(run: StageRun) -> tuple[dict[str, LipGenerator], LandmarkCache]:
    """The generators of the run's dataset, by method, and the landmark detector that its settings name.

    A dataset of controls alone has none.
    """
    settings = run.settings
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    methods = [method for method in run.dataset.methods if METHODS[method].is_trained]
    generators = {
        method: load_generator(model_folder(run, "generator", method), device=device) for method in methods
    }
    tracking = TrackSettings(backend=settings.landmark_backend, device=settings.device)
    return generators, LandmarkCache(lambda: open_backend(tracking), None)


def threads_for(generators: Mapping[str, LipGenerator]) -> int:
    """Clips at work at once: as many as torch has threads, one beside a GPU."""
    on_cpu = all(generator.device.type == "cpu" for generator in generators.values())
    return min(MAX_THREADS, torch.get_num_threads()) if on_cpu else 1
