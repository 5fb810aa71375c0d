"""Resolves what a user typed to one thing on record, or raises an error that says why it can't."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.external_renders.video_set import TABLE as EXTERNAL_RENDERS
from assets.external_renders.video_set import find_video
from assets.project.graph import STAGES
from assets.project.settings import Project
from assets.raw_videos.walk import path_to_text
from assets.shards.contents import find_in_contents
from pipelines.lineage.ledger_graph import Row, label
from pipelines.lineage.registered_models import model_folders
from pipelines.lineage.trace import VALUE, LineageError, Tracer
from pipelines.lineage.values import MODEL_TABLES, Value, find_value

_HEX = re.compile(r"[0-9a-f]{8,64}")
_KINDS = (
    "a clip id, a shard (dataset/train-00000.tar), a raw file's path or sha256, a model (sha256, generator/DATASET/METHOD "
    "or cals-generator/VERSION), a value (table_3/DATASET/METHOD/METRIC or figure_2/DATASET/METHOD/COLUMN/FRAMES), metric_report/DATASET or a materialisation's id"
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Subject of a trace.

    Args:
        kind: ``clip``, ``raw_file``, ``shard``, ``materialization`` or ``VALUE``.
        text: its name in answers.
        row: materialisation; of a value the one that computed it.
        dataset: of a clip or a shard.
        clip_id: of a clip.
        sha256: content of a raw file or of a shard.
        shard: file name of a shard.
        value: of the kind ``VALUE``.
    """

    kind: str
    text: str
    row: Row | None = None
    dataset: str = ""
    clip_id: str = ""
    sha256: str = ""
    shard: str = ""
    value: Value | None = None


def resolve(tracer: Tracer, project: Project, identifier: str) -> Target:
    """The one thing that ``identifier`` names.

    Raises:
        LineageError: it names nothing, or more than one thing.
    """
    given = identifier.strip()
    if not given:
        raise LineageError(f"nothing to trace was given; give {_KINDS}")
    readings: tuple[Callable[[Tracer, Project, str], list[Target]], ...] = (
        _values,
        _labels,
        _registered,
        _hashes,
        _clips,
        _shards,
        _raw_paths,
        _files,
    )
    for reading in readings:
        found = list(
            {(target.kind, target.text): target for target in reading(tracer, project, given)}.values()
        )
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(f"{target.kind} {target.text}" for target in found[:6])
            more = f" and {len(found) - 6} more" if len(found) > 6 else ""
            raise LineageError(f"{given!r} may mean {shown}{more}; give more of it")
    raise LineageError(f"nothing on record is called {given!r}{_near(tracer, project, given)}; give {_KINDS}")


def _values(tracer: Tracer, project: Project, given: str) -> list[Target]:
    table, _, model = given.partition("/")
    if table in MODEL_TABLES and model:
        return _labels(tracer, project, model)
    value = find_value(tracer, given)
    if value is None:
        return []
    return [Target(kind=VALUE, text=given, row=value.rows[0], dataset=value.dataset, value=value)]


def _labels(tracer: Tracer, project: Project, given: str) -> list[Target]:
    name, _, version = given.partition("@")
    if name.split("/")[0] not in (*STAGES, EXTERNAL_RENDERS) or "/" not in name:
        return []
    asset, dataset = name.split("/")[:2]
    rows = [
        row for row in tracer.graph.rows if label(row) == name and row["data_version"].startswith(version)
    ]
    if not rows:
        partitions = sorted(
            {"/".join(p for p in key if p) for key in tracer.graph.heads if key[:2] == (asset, dataset)}
        )
        known = (
            f"on record: {', '.join(partitions)}"
            if partitions
            else f"no {asset} of {dataset!r} was ever made"
        )
        raise LineageError(f"{given}: {known}")
    return [_of_row(rows[-1])]


def _of_row(row: Row) -> Target:
    return Target(kind="materialization", text=f"{label(row)}@{row['data_version'][:12]}", row=row)


def _registered(tracer: Tracer, project: Project, given: str) -> list[Target]:
    name, _, version = given.removeprefix("models:/").partition("/")
    if not name.startswith("cals-") or not version:
        return []
    for model in model_folders(tracer.home):
        if (model.registered_name, model.registered_version) == (name, version):
            return _rows_of_version(tracer, model.weights_sha256)
    return _rows_of_version(tracer, _weights_in_registry(project, name, version))


def _weights_in_registry(project: Project, name: str, version: str) -> str:
    """Hash of the weights of a model without a folder; reads MLflow, which takes seconds to load."""
    from mlflow.exceptions import MlflowException

    from assets.store.mlflow_tracking import Tracking

    try:
        found = Tracking(project.home.mlflow).client().get_model_version(name, version)
    except MlflowException as error:
        raise LineageError(f"{name}/{version}: MLflow has no such model version: {error.message}") from error
    return str(found.tags.get("weights_sha256", ""))


def _rows_of_version(tracer: Tracer, data_version: str) -> list[Target]:
    latest = {
        label(row): row for row in tracer.graph.rows if data_version and row["data_version"] == data_version
    }
    return [_of_row(row) for row in latest.values()]


def _hashes(tracer: Tracer, project: Project, given: str) -> list[Target]:
    digits = given.removeprefix("sha256:").lower()
    if not _HEX.fullmatch(digits):
        return []
    rows = tracer.graph.rows
    found = [_of_row(row) for row in rows if row["materialization_id"].startswith(digits)]
    versions = {row["data_version"] for row in rows if row["data_version"].startswith(digits)}
    for version in sorted(versions):
        found += _rows_of_version(tracer, version)
    found += [_of_row(row) for row in rows if digits in (row["mlflow_run_id"], row["dagster_run_id"])]
    for dataset, _, table in find_in_contents(tracer.home, "shard_sha256", [digits], prefix=True):
        for name, sha256 in _distinct(table, "shard", "shard_sha256"):
            found.append(
                Target(kind="shard", text=f"{dataset}/{name}", dataset=dataset, shard=name, sha256=sha256)
            )
    for dataset, _, table in find_in_contents(tracer.home, "key", [digits], prefix=True):
        found += [_clip(dataset, clip_id) for clip_id in table["clip_id"].to_pylist()]
    for dataset, method, version in find_video(tracer.home, digits):
        rows_of_set = tracer.graph.with_content((EXTERNAL_RENDERS, dataset, method), version)
        found += [_of_row(row) for row in rows_of_set[-1:]]
    return found + [_raw(sha256) for sha256 in sorted(_raw_hashes(tracer, digits))]


def _raw_hashes(tracer: Tracer, digits: str) -> set[str]:
    found: set[str] = set()
    for _, _, table in find_in_contents(tracer.home, "raw_sha256", [digits], prefix=True):
        found |= set(table["raw_sha256"].to_pylist())
    for table_name in ("raw_files", "clip_inventory"):
        for path in sorted((tracer.home.parts / table_name).glob("*.parquet")):
            hashes = pq.read_table(path, columns=["sha256"], partitioning=None)["sha256"]
            found |= set(hashes.filter(pc.starts_with(hashes, pattern=digits)).to_pylist())
    return found - {None}


def _raw(sha256: str) -> Target:
    return Target(kind="raw_file", text=sha256, sha256=sha256)


def _clip(dataset: str, clip_id: str) -> Target:
    return Target(kind="clip", text=clip_id, dataset=dataset, clip_id=clip_id)


def _distinct(table: pa.Table, *columns: str) -> list[tuple[str, ...]]:
    return sorted({tuple(row.values()) for row in table.select(columns).to_pylist()})


def _clips(tracer: Tracer, project: Project, given: str) -> list[Target]:
    dataset = given.split("/")[0]
    if given in _inventory(tracer, dataset).to_pylist():
        return [_clip(dataset, given)]
    return [_clip(name, given) for name, _, _ in find_in_contents(tracer.home, "clip_id", [given])]


def _inventory(tracer: Tracer, dataset: str) -> pa.ChunkedArray:
    path = tracer.home.parts / "clip_inventory" / f"{dataset}.parquet"
    if not re.fullmatch(r"[a-z0-9_]+", dataset) or not path.exists():
        return pa.chunked_array([], pa.string())
    return pq.read_table(path, columns=["clip_id"], partitioning=None)["clip_id"]


def _shards(tracer: Tracer, project: Project, given: str) -> list[Target]:
    *folders, name = given.split("/")
    if not name.endswith(".tar"):
        return []
    found = []
    for path in sorted((tracer.home.parts / "shards").glob("*.parquet")):
        if folders and folders[-1] != path.stem:
            continue
        for row in pq.read_table(path, columns=["path", "sha256"], partitioning=None).to_pylist():
            if row["path"] == name:
                text = f"{path.stem}/{name}"
                found.append(
                    Target(kind="shard", text=text, dataset=path.stem, shard=name, sha256=row["sha256"])
                )
    return found


def _raw_paths(tracer: Tracer, project: Project, given: str) -> list[Target]:
    found = {}
    for path in sorted((tracer.home.parts / "raw_files").glob("*.parquet")):
        relative = given.removeprefix(f"{path.stem}/")
        table = pq.read_table(path, columns=["path", "sha256"], partitioning=None)
        for row in table.filter(pc.equal(table["path"], relative)).to_pylist():
            if row["sha256"]:
                found[row["sha256"]] = _raw(row["sha256"])
    return list(found.values())


def _files(tracer: Tracer, project: Project, given: str) -> list[Target]:
    """A path on disk: of something in the home, or of a raw file or a copy of one."""
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        path = tracer.home.root / given
    if not path.is_file():
        return []
    if path.is_relative_to(tracer.home.root):
        return _files_of_home(tracer, project, path)
    for dataset in project.datasets.values():
        if path.is_relative_to(dataset.root):
            known = _raw_paths(
                tracer, project, f"{dataset.name}/{path_to_text(str(path.relative_to(dataset.root)))}"
            )
            if known:
                return known
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return _hashes(tracer, project, sha256)


def _files_of_home(tracer: Tracer, project: Project, path: Path) -> list[Target]:
    kind, *parts = path.relative_to(tracer.home.root).parts
    if kind == "shards":
        return _shards(tracer, project, "/".join(parts[:2]))
    if kind == "models":
        return [
            target
            for model in model_folders(tracer.home)
            if path.is_relative_to(model.path)
            for target in _rows_of_version(tracer, model.weights_sha256)
        ]
    if kind == "renders" and len(parts) > 1:
        return _labels(tracer, project, f"renders/{parts[0]}/{parts[1]}")
    if kind == "report" and parts:
        return _labels(tracer, project, f"metric_report/{parts[0]}")
    if kind == "sample":
        with path.open("rb") as file:
            return _hashes(tracer, project, hashlib.file_digest(file, "sha256").hexdigest())
    return []


def _near(tracer: Tracer, project: Project, given: str) -> str:
    """Names that contain what was given, as a hint."""
    found: list[str] = []
    for dataset in project.datasets:
        clips = _inventory(tracer, dataset)
        found += clips.filter(pc.match_substring(clips, pattern=given))[:3].to_pylist()
    labels = sorted({label(row) for row in tracer.graph.rows})
    found += [name for name in labels if given in name][:3]
    return f" (did you mean {' or '.join(repr(name) for name in found[:3])}?)" if found else ""
