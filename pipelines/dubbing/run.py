"""``cals dub``: which model, settings like those of its training data, and the lines that are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.project.home import Home
from assets.project.settings import NAME_PATTERN, Project
from assets.store.current_model import CURRENT_FILE, read_current_model
from pipelines.dubbing.settings import DubSettings

if TYPE_CHECKING:
    from cals_models.inference.lip_generator import LipGenerator
    from pipelines.dubbing.dub import DubInputs, DubResult, PixelSettings

STAGE = "generator"
DEFAULT_METHOD = "cals"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The generator that a dub uses: its folder, and in words why it is this one."""

    folder: Path
    why: str


def choose_model(home: Home, wanted: str | None) -> ModelChoice:
    """Finds a generator.

    Args:
        home: where registered models lie.
        wanted: a model's folder, ``DATASET`` or ``DATASET/METHOD``; None for the newest registered ``cals`` generator.

    Raises:
        ValueError: there is none; says which there are.
    """
    if wanted is None:
        return _newest(home)
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        return ModelChoice(folder=folder, why="the folder given")
    dataset, _, method = wanted.partition("/")
    method = method or DEFAULT_METHOD
    if all(NAME_PATTERN.fullmatch(name) for name in (dataset, method)):
        current = home.model(STAGE, dataset, method) / CURRENT_FILE
        if current.is_file():
            return ModelChoice(
                folder=read_current_model(current.parent), why=f"the current model of {dataset}/{method}"
            )
    raise ValueError(
        f"--model {wanted}: neither a folder nor a registered generator; give a folder that holds model.json, or "
        f"DATASET or DATASET/METHOD of: {_known(home)}"
    )


def _newest(home: Home) -> ModelChoice:
    registered = sorted((home.root / "models").glob(f"*/{STAGE}/{DEFAULT_METHOD}/{CURRENT_FILE}"))
    if not registered:
        raise ValueError(
            f"no {DEFAULT_METHOD} generator is registered in {home.root}; train one (cals run, or cals demo), or give "
            f"--model; generators: {_known(home)}"
        )
    newest = max(registered, key=lambda path: path.stat().st_mtime)
    dataset = newest.relative_to(home.root / "models").parts[0]
    why = f"the newest registered {DEFAULT_METHOD} generator, trained on {dataset}"
    return ModelChoice(folder=read_current_model(newest.parent), why=why)


def _known(home: Home) -> str:
    found = sorted((home.root / "models").glob(f"*/{STAGE}/*/{CURRENT_FILE}"))
    names = [f"{path.parts[-4]}/{path.parts[-2]}" for path in found]
    return ", ".join(names) or "none"


def run_dub(
    project: Project, inputs: DubInputs, wanted: str | None, settings: DubSettings, say: Callable[[str], None]
) -> DubResult:
    """Dubs a video with a model of the project.

    Args:
        project: home of models and records; settings of the model's dataset, if it is one of the project's.
        inputs: files.
        wanted: see ``choose_model``.
        settings: of the dub.
        say: prints a line for people.

    Raises:
        ValueError: no such model, or bad input; nothing is written then.
    """
    for given in (inputs.video, inputs.audio):
        if not given.is_file():
            raise ValueError(f"{given}: no such file; give the path of a readable file")
    choice = choose_model(project.home, wanted)
    from assets.faces.backends.opening import open_backend
    from assets.store.warehouse import publish
    from pipelines.dubbing.dub import make_dub

    generator = _load(choice.folder, settings.device)
    say(f"model: {generator.dataset}/{generator.method}, {choice.why} ({choice.folder})")
    pixels = pixel_settings(project, generator.dataset)
    result = make_dub(
        inputs, generator, choice.folder, open_backend(pixels.tracks), pixels, settings, project.home, _bar
    )
    if project.home.database.exists():
        publish(project.home)
    for line in result_lines(result):
        say(line)
    return result


def _load(folder: Path, device: str) -> LipGenerator:
    import torch

    from cals_models.inference.lip_generator import load_generator

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return load_generator(folder, device=device)


def pixel_settings(project: Project, dataset: str) -> PixelSettings:
    """Tracking, cropping and mel as the model's dataset has them; the defaults where it is not in ``cals.yaml``."""
    from assets.faces.settings import CropSettings, TrackSettings
    from assets.mels.settings import MelSettings
    from pipelines.dubbing.dub import PixelSettings

    if dataset not in project.datasets:
        return PixelSettings(tracks=TrackSettings(), crops=CropSettings(), mels=MelSettings())
    return PixelSettings(
        tracks=project.stage_settings(dataset, "face_tracks"),
        crops=project.stage_settings(dataset, "face_crops"),
        mels=project.stage_settings(dataset, "mels"),
    )


def result_lines(result: DubResult) -> list[str]:
    """What was made, in words."""
    untouched = result.num_frames - result.num_dubbed_frames
    left = f"; {untouched} frames without the face are as they were" if untouched else ""
    signed = (
        "it carries a signed C2PA manifest"
        if result.is_signed
        else "it carries no C2PA manifest: no key is configured (CALS_C2PA_KEY, CALS_C2PA_CERTIFICATES)"
    )
    return [
        f"{result.out}: {result.num_frames} frames, {result.duration_s:.2f} s{left}",
        f"real-time factor {result.real_time_factor:.2f} ({result.seconds:.1f} s of work for {result.duration_s:.1f} s)",
        f"the file says that it is synthetic; recorded as dubs/{result.dub_id}",
        signed,
    ]


@contextmanager
def _bar(title: str, num_frames: int) -> Iterator[Callable[[int], None]]:
    from assets.workers.progress import progress_bar

    with progress_bar(title, num_frames, unit="frame") as advance:
        yield advance
