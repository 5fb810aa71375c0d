"""How a file that is gone or damaged is brought back: from a copy with the same digest, or by its stage."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from assets.models.training_files import RESULT_FILE
from assets.project.atomic_files import replacing, write_text
from assets.project.graph import STAGES, stage_code
from assets.project.home import Home
from assets.shards.write_shards import index_path
from assets.store import ledger
from assets.store.file_digests import sha256_of
from assets.store.file_records import RecordedFile
from assets.store.mlflow_tracking import RUN_FILE, VERSION_FILE
from assets.store.table_parts import part_path, read_part, trained_part
from cals_models.shards.shard_format import MANIFEST_NAME
from pipelines.lineage.ledger_graph import Row, label, partition
from pipelines.repair.flaw import Flaw

REMADE = "to be made again"
DAMAGED = "damaged"
WEIGHTS = "model.safetensors"
BY_HAND = "put it back from a copy of the home"


def mend_of(home: Home, row: Row, file: RecordedFile, *, kind: str, text: str) -> Flaw:
    """The flaw of a recorded file that is gone or holds other bytes, with its repair.

    Args:
        row: ledger row of the partition that the file belongs to.
        file: as it was recorded.
        kind: ``missing_output`` or ``damaged_output``.
        text: what was found.
    """
    path = home.root / file.path
    flaw = partial(Flaw, kind=kind, text=f"{label(row)}: {text}")
    copy = find_copy(home, row, file)
    if copy is not None:
        remedy = f"copied from {copy.relative_to(home.root)}"
        return flaw(remedy=remedy, mend=partial(_copy, copy, path))
    place, *_ = Path(file.path).parts
    if place == "models":
        return _model_flaw(flaw, home, row, path)
    if path.is_relative_to(home.warehouse / "code"):
        return _code_flaw(flaw, home, row, path)
    mend: Callable[[], object] = partial(path.unlink, missing_ok=True)
    if place == "shards" and path.name != MANIFEST_NAME:
        mend = partial(_remove_shard, path)
    removed = REMADE if kind == "missing_output" else f"removed, {REMADE}"
    return flaw(remedy=removed, mend=mend, remake=(partition(row),))


def _model_flaw(flaw: Callable[..., Flaw], home: Home, row: Row, path: Path) -> Flaw:
    of = (partition(row),)
    text = _known_text(home, row, path.name)
    if text is not None:
        return flaw(remedy="written again", mend=partial(write_text, path, text), remake=of)
    if path.name in (WEIGHTS, RESULT_FILE):
        mend = partial(_undo_ending, path.parent)
        return flaw(remedy="removed; its training resumes from the checkpoint", mend=mend, remake=of)
    if path.parent.parent == home.model(*partition(row)) or path.parent.name == "samples":
        if path.name in ("checkpoint.pt", "training.log") or path.parent.name == "samples":
            mend = partial(path.unlink, missing_ok=True)
            return flaw(remedy="removed; the finished model does not need it", mend=mend, remake=of)
        remedy = f"{BY_HAND}, or train again: cals run --force {row['asset']}"
        return flaw(remedy=remedy)
    return flaw(remedy=REMADE, mend=partial(path.unlink, missing_ok=True), remake=of)


def _known_text(home: Home, row: Row, name: str) -> str | None:
    """The content of a file that names the model's MLflow run or registered version, which the tables have too."""
    if name == RUN_FILE:
        return str(row["mlflow_run_id"])
    part = part_path(home, "models", row["dataset"], trained_part(row["asset"], row["method"]))
    if name != VERSION_FILE or not part.exists():
        return None
    versions = read_part(part, ["weights_sha256", "registered_version"]).to_pylist()
    return next(
        (str(v["registered_version"]) for v in versions if v["weights_sha256"] == row["data_version"]), None
    )


def _code_flaw(flaw: Callable[..., Flaw], home: Home, row: Row, path: Path) -> Flaw:
    """The definitions of a code version can be written again while that code is here."""
    asset = row["asset"]
    if asset not in STAGES or stage_code(asset).digest != path.stem:
        return flaw(remedy=f"{BY_HAND}; the code itself is in git {row['git_commit'] or ''}".rstrip())
    return flaw(
        remedy="written again", mend=partial(_write_code, home, asset, path), remake=(partition(row),)
    )


def _write_code(home: Home, asset: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    ledger.remember_code(home, stage_code(asset))


def find_copy(home: Home, row: Row, file: RecordedFile) -> Path | None:
    """A file of the home with the recorded bytes: a kept version of a part, or MLflow's copy of a model's file."""
    for candidate in _candidates(home, row, Path(file.path)):
        if candidate.is_file() and sha256_of(candidate) == file.sha256:
            return candidate
    return None


def _candidates(home: Home, row: Row, path: Path) -> Iterator[Path]:
    if (home.root / path).is_relative_to(home.parts):
        digest = json.loads(row["parts_json"] or "{}").get(path.parent.name)
        if digest:
            yield home.history / path.parent.name / f"{digest}.parquet"
    elif path.parts[0] == "models" and row["mlflow_run_id"]:
        artifacts = home.mlflow / "artifacts"
        yield from artifacts.glob(f"**/{row['mlflow_run_id']}/artifacts/*/{path.name}")


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def aside(home: Home, path: str) -> Callable[[], Path]:
    """Moves a file of the home to ``damaged/``, so that nothing is lost."""
    return partial(set_aside, home, home.root / path)


def set_aside(home: Home, path: Path) -> Path:
    """Moves a file to ``damaged/<time>/<its path>``.

    Returns:
        Where it is now.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    target = home.root / DAMAGED / stamp / path.relative_to(home.root)
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
    return target


def _remove_shard(path: Path) -> None:
    shard = path.with_name(path.name.removesuffix(".index.json")).with_suffix(".tar")
    index_path(shard).unlink(missing_ok=True)
    shard.unlink(missing_ok=True)


def _undo_ending(folder: Path) -> None:
    for name in (RESULT_FILE, WEIGHTS):
        (folder / name).unlink(missing_ok=True)
