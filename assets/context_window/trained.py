"""The trained methods of a dataset, opened and measured for a stage: Figures 2 and 3 share it."""

from __future__ import annotations

import torch

from assets.clips.rejections import require_results
from assets.context_window.measured_clips import ClipRows, Rows, TrainedMethods, measure_clips
from assets.faces.backends.opening import open_backend
from assets.faces.settings import TrackSettings
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.thread_map import num_threads_beside
from assets.models.train_stage import model_folder
from assets.renders.render import require_crops
from assets.stage.run import StageRun
from assets.store.table_parts import write_part
from assets.workers.progress import progress_bar
from cals_models.inference.frame_generator import UnitGenerator, open_generator
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_set import ShardSet


def open_trained(run: StageRun) -> TrainedMethods:
    """The generators of the run's dataset that draw from units, and the landmark detector that its settings name.

    Raises:
        ValueError: a generator draws crops of another size than the dataset's.
    """
    settings = run.settings
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    generators: dict[str, UnitGenerator] = {}
    shards = ShardSet(run.home.shards(run.dataset.name))
    for method in run.dataset.methods:
        if METHODS[method].has_units:
            folder = model_folder(run, "generator", method)
            require_crops(method, folder, shards)
            opened = open_generator(folder, device=device)
            assert isinstance(opened, UnitGenerator), method
            generators[method] = opened
    tracking = TrackSettings(backend=settings.landmark_backend, device=settings.device)
    return TrainedMethods(
        generators=generators, landmarks=LandmarkCache(lambda: open_backend(tracking), None)
    )


def measure_part(
    run: StageRun, trained: TrainedMethods, clip_rows: ClipRows, title: str, column: str
) -> tuple[Rows, int]:
    """Measures the clips that a stage's settings choose and writes its part of the table of the same name.

    Args:
        run: of the stage.
        trained: see `open_trained`.
        clip_rows: see `measure_clips`.
        title: of the progress bar.
        column: of the values; null in a row that has none.

    Returns:
        The rows, and the number of clips.

    Raises:
        PipelineFault: a method has no value, and unexpected errors are why.
    """
    name, settings = run.dataset.name, run.settings
    shards = run.home.shards(name)
    num_clips = min(settings.max_clips, ShardSet(shards).num_clips(settings.split))
    num_threads = num_threads_beside(*(generator.device for generator in trained.generators.values()))
    with progress_bar(f"{title} of {name}", num_clips * len(trained.generators)) as advance:
        rows = measure_clips(
            shards,
            trained,
            clip_rows,
            settings,
            dataset=name,
            progress=advance,
            num_threads=num_threads,
        )
    for method in trained.generators:
        require_results(f"{title} of {name} by {method}", [r for r in rows if r["method"] == method], column)
    write_part(run.home, run.stage, rows, dataset=name)
    return rows, num_clips
