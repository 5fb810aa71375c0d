"""``cals import-model``: a model trained on another machine becomes the partition's, as if it had been trained here.

It must have been trained from the inputs that a training here would read: the same shards, input models, settings and
code (comments apart); library versions may differ and are recorded. Its files are copied to where the training would
write them, and the asset is materialised as usual: it finds the training finished, registers it and writes its ledger
row.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.models.train_stage import training_folder
from assets.models.training_files import placed_training
from assets.project.code_version import CodeVersion
from assets.project.settings import Project
from assets.project.settings_names import settings_name
from assets.stage.run import StageRun, require_method
from assets.store import ledger
from assets.store.mlflow_tracking import Tracking
from assets.store.partition_runs import DONE, work_on
from assets.workers.clip_pool import PoolSettings
from cals_models.declarations.declared import fields_without_effect
from cals_models.fingerprint.trainings import training_code
from pipelines.cause import Cause
from pipelines.lineage.ledger_graph import MODEL_ASSETS
from pipelines.staleness import StalePartition, find_stale

COPIED = ("model.json", "result.json", "progress.jsonl", "job.json")
FACTS = {
    "stage": str, "dataset": str, "method": str | None, "weights_sha256": str, "code_digest": str, "host": str | None,
    "device_name": str, "steps": int, "num_parameters": int, "seconds": float, "warnings": list,
}  # fmt: skip
"""Types of what result.json says; besides, the tables of digests, versions and figures."""
SHOWN = 4
DIGITS = 12


class ImportRejected(ValueError):
    """A model that can't be imported: what differs, where, and what would be right."""


def import_model(
    project: Project, folder: Path, dataset: str, *, method: str | None = None, asset: str | None = None
) -> list[str]:
    """Imports a trained model's folder into a dataset's partition.

    Args:
        folder: as a training left it, or a portable one (weights in half precision, in parts).
        dataset: whose partition it becomes.
        method: must be the model's own, if given.
        asset: likewise.

    Returns:
        Lines on what was done and on the state of the partition.

    Raises:
        ImportRejected: the model is incomplete, or was trained from something else.
    """
    result = _facts(folder, asset, method, dataset)
    stage, of = str(result["stage"]), result.get("method")
    with work_on(project.home, [(stage, dataset, of)], "", print) as work:
        run = _stage_run(project, dataset, stage, of)
        check_origin(run, folder, result)
        _place(folder, training_folder(run), result)
        work.end(DONE)
    return _adopt(project, run, folder)


def _facts(folder: Path, asset: str | None, method: str | None, dataset: str) -> dict[str, Any]:
    """Contents of result.json, checked to be complete and to fit the request."""
    _require_own_files(folder)
    result = _read(folder / "result.json")
    if lacking := {
        "stage",
        "dataset",
        "weights_sha256",
        "shards",
        "inputs",
        "code",
        "code_digest",
        "versions",
    } - set(result):
        raise ImportRejected(
            f"{folder / 'result.json'}: lacks {', '.join(sorted(lacking))}; train the model again by this version of cals"
        )
    _check_types(folder / "result.json", result)
    if result["stage"] not in MODEL_ASSETS:
        raise ImportRejected(
            f"{folder}: holds {result['stage']!r}; one of {', '.join(MODEL_ASSETS)} can be imported"
        )
    for name, wanted, found in (
        ("--asset", asset, result["stage"]),
        ("--method", method, result.get("method")),
        ("--dataset", dataset, result["dataset"]),
    ):
        if wanted is not None and wanted != found:
            raise ImportRejected(
                f"{folder}: {name} {wanted}: the model says {found or 'none'}; give what it was trained for"
            )
    return result


def _check_types(path: Path, result: Mapping[str, Any]) -> None:
    """That each fact of result.json is of its type."""
    wrong = [name for name, kind in FACTS.items() if not _is(result.get(name), kind)]
    for name in ("shards", "inputs", "code", "versions", "figures"):
        kind = float if name == "figures" else str
        if not isinstance(result.get(name), dict) or not all(_is(v, kind) for v in result[name].values()):
            wrong.append(name)
    if wrong:
        raise ImportRejected(
            f"{path}: {wrong[0]} is of another type than a training writes; copy the folder of the training again"
        )


def _is(value: Any, kind: Any) -> bool:
    """Whether a value of a JSON file is of a type; a whole number is also a float, and true is no number."""
    return isinstance(value, int | float if kind is float else kind) and not isinstance(value, bool)


def _require_own_files(folder: Path) -> None:
    """Rejects a folder whose files are links to elsewhere, which would be copied into the home, or no plain files."""
    from cals_models.networks.portable_model import WEIGHTS

    names = [*COPIED, WEIGHTS, *(path.name for path in sorted(folder.glob(f"{WEIGHTS}.[0-9][0-9]")))]
    for path in (folder / name for name in names):
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise ImportRejected(f"{path}: is a link out of the folder; copy the file itself")
        if path.exists() and not path.is_file():
            raise ImportRejected(f"{path}: is no plain file; give the folder of a finished training")


def _read(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ImportRejected(
            f"{path}: not readable ({error}); give the folder of a finished training"
        ) from error
    if not isinstance(plain, dict):
        raise ImportRejected(f"{path}: must hold an object; give the folder of a finished training")
    return plain


def _stage_run(project: Project, dataset: str, stage: str, method: str | None) -> StageRun:
    entry = project.dataset(dataset)
    require_method(entry, method)
    return StageRun(
        stage=stage,
        project=project,
        dataset=entry,
        method=method,
        pool=PoolSettings(),
        heads=ledger.heads(project.home),
        dagster_run_id="",
        tracking=Tracking(project.home.mlflow),
        log=print,
    )


def check_origin(run: StageRun, folder: Path, result: Mapping[str, Any]) -> None:
    """Compares what the model was trained from with what the partition would be trained from here.

    Raises:
        ImportRejected: size of the crops, shards, input models, settings or code differ.
    """
    _check_crops(run, folder)
    _check_shards(run, folder, result)
    for name, digest in result["inputs"].items():
        continued = name == run.stage  # a generator that continued from the base's
        here = (run.head(name, run.method, dataset=run.dataset.base) if continued else run.head(name))[
            "data_version"
        ]
        if here != digest:
            raise ImportRejected(
                f"{folder}: was trained with {name} {digest[:DIGITS]}, {run.dataset.name} has {here[:DIGITS]}; import that "
                f"{name} first"
            )
    _check_settings(run, folder)
    changes = _code_changes(run, result)
    if changes:
        raise ImportRejected(
            f"{folder}: was trained by other code ({_some(changes)}); use the code it was trained by, or train it again"
        )


def _code_changes(run: StageRun, result: Mapping[str, Any]) -> list[str]:
    """How the code that trains here differs from that of the model, in words."""
    here = training_code(run.stage, run.method)
    code = CodeVersion(digest=here.digest, definitions=here.definitions, libraries={})
    changes = code.changed_since(result["code"], {})
    same = here.digest == result["code_digest"]
    return changes or ([] if same else ["what a name in it refers to"])


def _check_crops(run: StageRun, folder: Path) -> None:
    """Rejects a generator of another crop size than the dataset's."""
    from cals_models.networks.model_files import crop_px_of

    here = run.project.stage_settings(run.dataset.name, "face_crops").crop_px
    try:
        there = crop_px_of(folder)
    except ValueError as error:
        raise ImportRejected(str(error)) from error
    if run.stage == "generator" and there != here:
        raise ImportRejected(
            f"{folder}: the {run.method} generator draws crops of {there} px, {run.dataset.name} has {here} px; import it into "
            f"a dataset with face_crops.crop_px {there}"
        )


def _check_shards(run: StageRun, folder: Path, result: Mapping[str, Any]) -> None:
    names = (run.dataset.name, *run.dataset.train_on)
    here = [run.head("shards", dataset=name)["data_version"] for name in names]
    there = list(result["shards"].values())
    if here != there:
        shown = [", ".join(digest[:DIGITS] for digest in some) for some in (there, here)]
        raise ImportRejected(
            f"{folder}: was trained on the shards {shown[0]}; those of {', '.join(names)} are {shown[1]}: train it on the "
            f"shards in {run.home.shards(run.dataset.name)}"
        )


def _check_settings(run: StageRun, folder: Path) -> None:
    there = _read(folder / "model.json").get("config")
    here = json.loads(json.dumps(run.settings_values))
    if not isinstance(there, dict):
        raise ImportRejected(f"{folder / 'model.json'}: config is missing; train the model again")
    free = fields_without_effect(type(run.settings))
    names = sorted(name for name in {*there, *here} - {*free} if there.get(name) != here.get(name))
    if names:
        words = [f"{name} {there.get(name, 'none')} there, {here.get(name, 'none')} here" for name in names]
        raise ImportRejected(
            f"{folder}: settings of {run.stage} differ: {_some(words)}; put those it was trained with under "
            f"datasets.{run.dataset.name}.settings.{settings_name(run.stage, run.method)} in {run.project.config_path}"
        )


def _some(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")


def _place(folder: Path, out: Path, result: Mapping[str, Any]) -> None:
    """Copies the model's files to where the training would write them; atomic: all of them or none."""
    from cals_models.networks.generator_files import read_any_model
    from cals_models.networks.portable_model import WEIGHTS, joined_weights

    if (out / "result.json").exists():
        there = _read(out / "result.json")["weights_sha256"]
        if there == result["weights_sha256"]:
            return
        raise ImportRejected(
            f"{folder}: the same training was done here already, with other weights ({there[:DIGITS]}); remove {out} to "
            "import this one instead"
        )
    with placed_training(folder, result, out) as staged:
        for name in COPIED:
            if not (folder / name).is_file():
                raise ImportRejected(f"{folder}: lacks {name}; copy the whole folder of the training")
            shutil.copyfile(folder / name, staged / name)
        (staged / WEIGHTS).write_bytes(joined_weights(folder))
        read_any_model(staged, str(result["stage"]))
        if _read(staged / "model.json").get("weights_sha256") != result["weights_sha256"]:
            raise ImportRejected(
                f"{folder}: model.json and result.json are of different trainings; copy the folder again"
            )
        shutil.copyfile(staged / "job.json", staged / "config.json")


def _adopt(project: Project, run: StageRun, folder: Path) -> list[str]:
    from pipelines.runner import make_partition

    name = run.dataset.name
    partition = StalePartition(
        asset=run.stage,
        dataset=name,
        method=run.method,
        cause=Cause(kind="imported", text=f"imported from {folder}"),
        estimated_s=None,
        ready=True,
    )
    outcome = make_partition(project, partition)
    if partition.label in outcome.failed:
        raise ImportRejected(f"{partition.label}: {outcome.failed[partition.label]}")
    row = ledger.heads(project.home)[(run.stage, name, run.method)]
    lines = [
        f"{partition.label}: imported, weights {row['data_version'][:DIGITS]}, trained on {row['host']} ({row['device']})"
    ]
    causes = {p.label: p.cause.text for p in find_stale(project, [name], run.stage)}
    if row["blocked_by"]:
        lines.append(f"the check {row['blocked_by']} failed: what follows is blocked")
    elif partition.label in causes:
        lines.append(f"it is stale: {causes[partition.label]}")
    else:
        lines.append("it is up to date: cals run goes on from it")
    return lines
