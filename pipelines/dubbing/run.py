"""``cals dub``: loads the model, dubs, publishes the record, prints the result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assets.project.settings import Project
from pipelines.dubbing.choose_model import choose_model
from pipelines.dubbing.content_credentials import configured_key
from pipelines.dubbing.deaf_model import reject_deaf_model, trained_on
from pipelines.dubbing.ending_signals import unwound_by_signals
from pipelines.dubbing.output_folder import check_folder
from pipelines.dubbing.output_format import check_output, container_of
from pipelines.dubbing.process_memory import collections_paused
from pipelines.dubbing.settings import DubSettings

if TYPE_CHECKING:
    from assets.faces.backends.interface import FaceBackend
    from assets.faces.settings import TrackSettings
    from cals_models.inference.frame_generator import UnitGenerator
    from pipelines.dubbing.dub import DubInputs, DubModel
    from pipelines.dubbing.dub_result import DubResult

    LoadedModels = dict[Path, tuple[DubModel, FaceBackend]]


def run_dub(
    project: Project,
    inputs: DubInputs,
    requested_model: str | None,
    settings: DubSettings,
    say: Callable[[str], None],
    models: LoadedModels | None = None,
) -> DubResult:
    """Dubs a video with a model of the project.

    Args:
        project: home of models and records; settings of the model's dataset, if it is one of the project's.
        inputs: files.
        requested_model: see ``choose_model``.
        settings: of the dub.
        say: prints a line.
        models: those that are loaded already, where several videos are dubbed; a further one is added.

    Raises:
        ValueError: no such model, or bad input; nothing is written then.
    """
    check_files(inputs, settings)
    choice = choose_model(project.home, requested_model)
    with collections_paused():
        from pipelines.dubbing.dub import make_dub

        model, backend = _loaded(project, choice.folder, settings.device, {} if models is None else models)
    if settings.speaker:
        from pipelines.dubbing.find_speaker import find_probe

        model = replace(model, probe=find_probe(project, model.generator.dataset))
    if not settings.force_model:
        reject_deaf_model(choice.folder)
    say(
        f"model: {model.generator.dataset}/{model.generator.method}, {choice.why}, {trained_on(choice.folder)} "
        f"({choice.folder})"
    )
    with unwound_by_signals():
        result = make_dub(inputs, model, backend, settings, project.home, _bar)
    if project.home.database.exists():
        from assets.store.warehouse import publish

        publish(project.home)
    for line in result_lines(result):
        say(line)
    return result


def run_sheet(
    project: Project, video: Path, sheet: Path, requested_model: str | None, say: Callable[[str], None]
) -> None:
    """Writes an image of the faces of a video, as a dub by a model would find and number them.

    Args:
        project: home of models; settings of the model's dataset.
        video: a video or a photograph.
        sheet: the image, a PNG.
        requested_model: see ``choose_model``; without any model faces are found by the default settings.
        say: prints a line.

    Raises:
        ValueError: no face, an unreadable video, or a bad name for the image; nothing is written then.
    """
    if not video.is_file():
        raise ValueError(f"{video}: no such file; give the path of a readable file")
    from pipelines.dubbing.face_sheet import write_sheet

    with unwound_by_signals():
        write_sheet(video, sheet, _track_settings(project, requested_model), _bar, say)


def _track_settings(project: Project, requested_model: str | None) -> TrackSettings:
    """How a dub finds faces, from the description of its model; nothing is loaded."""
    from assets.faces.settings import TrackSettings

    try:
        folder = choose_model(project.home, requested_model).folder
        dataset = json.loads((folder / "model.json").read_text(encoding="utf-8"))["dataset"]
    except (ValueError, OSError, KeyError):
        if requested_model is not None:
            raise
        return TrackSettings()
    known = dataset in project.datasets
    return project.stage_settings(dataset, "face_tracks") if known else TrackSettings()


def check_files(inputs: DubInputs, settings: DubSettings) -> None:
    """What is wrong with the files and can be known before any work.

    Raises:
        ValueError: a file is missing, or the result can't be written as it is wanted.
    """
    for given in inputs.given:
        if not given.is_file():
            raise ValueError(f"{given}: no such file; give the path of a readable file")
    check_folder(inputs.out)
    container = container_of(inputs.out, inputs.container)
    check_output(container, settings, is_signed=configured_key() is not None)


def _loaded(
    project: Project, folder: Path, device: str, models: LoadedModels
) -> tuple[DubModel, FaceBackend]:
    """The generator of a folder and the backend that finds its faces, loaded once."""
    from assets.faces.backends.opening import open_backend

    if folder not in models:
        model = load_model(project, folder, device)
        models[folder] = model, open_backend(model.tracks)
    return models[folder]


def load_model(project: Project, folder: Path, device: str) -> DubModel:
    """The generator of a folder, with tracking, cropping and mel as its dataset has them.

    Settings are the defaults where the dataset is not in ``cals.yaml``.

    Raises:
        ValueError: the folder holds no generator, or a damaged one.
    """
    from assets.faces.settings import CropSettings, TrackSettings
    from assets.mels.settings import MelSettings
    from pipelines.dubbing.dub import DubModel

    generator = _load_generator(folder, device)
    dataset = generator.dataset
    known = dataset in project.datasets
    return DubModel(
        generator=generator,
        folder=folder,
        tracks=project.stage_settings(dataset, "face_tracks") if known else TrackSettings(),
        crops=project.stage_settings(dataset, "face_crops") if known else CropSettings(),
        mels=project.stage_settings(dataset, "mels") if known else MelSettings(),
    )


def _load_generator(folder: Path, device: str) -> UnitGenerator:
    import torch

    from cals_models.inference.frame_generator import UnitGenerator, open_generator

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = open_generator(folder, device=device)
    if not isinstance(generator, UnitGenerator):
        raise ValueError(
            f"{folder}: a generator of method {generator.method}, which draws whole clips and not single frames from"
            " units of the audio; a dub needs one that does, such as cals"
        )
    return generator


def result_lines(result: DubResult) -> list[str]:
    """The result in words."""
    untouched = result.num_frames - result.num_dubbed_frames - result.num_covered_frames
    which = "in which nobody of the cast is in view and speaks" if result.cast else "without the face"
    left = f"; {untouched} frames {which} are unchanged" if untouched else ""
    signed = (
        "it carries a signed C2PA manifest"
        if result.is_signed
        else "it carries no C2PA manifest: no key is configured (CALS_C2PA_KEY, CALS_C2PA_CERTIFICATES)"
    )
    kept = [f"kept from the video: {', '.join(result.kept)}"] if result.kept else []
    dropped = [f"left out: {', '.join(result.dropped)}"] if result.dropped else []
    changed = [f"the given frames were {result.frame_changes}"] if result.frame_changes else []
    taken = [f"audio: {result.audio_changes}"] if result.audio_changes else []
    without = [result.without_speech] if result.without_speech else []
    enlarged = [result.enlarged] if result.enlarged else []
    followed = [told] if (told := result.followed.text()) else []
    if result.num_covered_frames:
        left += f"; in {result.num_covered_frames} something covers the mouth, which is left alone there"
    if result.num_bridged_frames:
        left += (
            f"; in {result.num_bridged_frames} the face was lost for a moment and its place is interpolated"
        )
    return [
        f"{result.out}: {result.num_frames} frames, {result.duration_s:.2f} s{left} ({result.written})",
        *([f"the speaker is the face {result.faces[0]}: {result.speaker}"] if result.speaker else []),
        *result.cast,
        *result.fit_changes,
        *kept,
        *dropped,
        *changed,
        *taken,
        *without,
        *enlarged,
        *followed,
        f"real-time factor {result.real_time_factor:.2f} ({result.seconds:.1f} s of work for {result.duration_s:.1f} s)",
        f"the file says that it is synthetic; recorded as dubs/{result.dub_id}",
        signed,
    ]


@contextmanager
def _bar(title: str, num_frames: int) -> Iterator[Callable[[int], None]]:
    from assets.workers.progress import progress_bar

    with progress_bar(title, num_frames, unit="frame") as advance:
        yield advance
