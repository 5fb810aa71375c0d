"""Which generator a dub uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assets.project.home import Home
from assets.project.settings import NAME_PATTERN, Project
from assets.store.current_model import CURRENT_FILE, read_current_model

STAGE = "generator"
DEFAULT_METHOD = "cals"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The generator that a dub uses: its folder, and in words why it was chosen."""

    folder: Path
    why: str


def choose_model(home: Home, requested: str | None) -> ModelChoice:
    """Finds a generator.

    Args:
        home: with the registered models.
        requested: a model's folder, ``DATASET`` or ``DATASET/METHOD``; None for the newest registered ``cals``
            generator.

    Raises:
        ValueError: there is none; lists those there are.
    """
    if requested is None:
        return _newest(home)
    folder = Path(requested).expanduser()
    if folder.is_dir():
        return ModelChoice(folder=folder, why="the folder given")
    dataset, _, method = requested.partition("/")
    method = method or DEFAULT_METHOD
    if all(NAME_PATTERN.fullmatch(name) for name in (dataset, method)):
        current = home.model(STAGE, dataset, method) / CURRENT_FILE
        if current.is_file():
            return ModelChoice(
                folder=read_current_model(current.parent), why=f"the current model of {dataset}/{method}"
            )
    raise ValueError(
        f"--model {requested}: neither a folder nor a registered generator; give a folder that holds model.json, or "
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


def newest_base(project: Project, method: str) -> str:
    """The dataset of the newest generator of a method that was not adapted from another.

    Raises:
        ValueError: there is none.
    """
    bases = [name for name, dataset in project.datasets.items() if dataset.base is None]
    trained = {
        name: current.stat().st_mtime
        for name in bases
        if (current := project.home.model(STAGE, name, method) / CURRENT_FILE).is_file()
    }
    if not trained:
        raise ValueError(
            f"no {method} generator to adapt is registered in {project.home.root}; train one (cals run, or cals demo)"
        )
    return max(trained, key=lambda name: trained[name])


def _known(home: Home) -> str:
    found = sorted((home.root / "models").glob(f"*/{STAGE}/*/{CURRENT_FILE}"))
    names = [f"{path.parts[-4]}/{path.parts[-2]}" for path in found]
    return ", ".join(names) or "none"
