"""Dataset card and model card in Markdown: metrics, provenance, terms; for people who receive a shard set or a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.atomic_files import write_text
from assets.project.settings import Project, SettingsError
from assets.store.metrics import declared_metrics
from assets.store.table_parts import part_path
from assets.store.withdrawals import forgotten_hashes
from cals_models.methods.registry import METHODS
from cals_models.shards.shard_format import BASE_CROP_PX, MANIFEST_NAME, read_manifest
from cals_models.timebase import FPS
from pipelines.exports.licences import LANDMARKS_NOTE, licence_of
from pipelines.exports.shard_folder import shard_folder
from pipelines.forget import models_trained_on
from pipelines.lineage.ledger_graph import Row
from pipelines.lineage.registered_models import ModelFolder, model_folders
from pipelines.lineage.trace import Tracer

CARD_NAME = "README.md"
# Metric of a model card -> its protocol.
HEADLINE_METRICS = {
    "psnr": "primary",
    "ssim": "primary",
    "psnr_mouth": "primary",
    "ssim_mouth": "primary",
    "lmd": "primary",
    "lse_d": "lse_crop",
    "lse_c": "lse_crop",
}


def write_dataset_card(project: Project, dataset: str) -> Path:
    """Writes the card of a dataset's shards beside them.

    Raises:
        SettingsError: there is no such dataset, or it has no shards yet.
    """
    path = shard_folder(project, dataset) / CARD_NAME
    write_text(path, "\n".join(_dataset_card(project, dataset)) + "\n")
    return path


def _dataset_card(project: Project, dataset: str) -> Iterator[str]:
    entry = project.dataset(dataset)
    licence = licence_of(project, entry)
    manifest = read_manifest(project.home.shards(dataset) / MANIFEST_NAME)
    yield f"# {dataset}: talking-face shards"
    yield ""
    side = manifest.crop_px
    yield f"Face crops {side}x{side} at 25 fps with audio (16 kHz), mel spectrogram (80 x 4T) and 68 landmarks a frame, as"
    yield "WebDataset tars. `croissant.json` describes every file; `manifest.json` holds the digests that the loader checks."
    yield ""
    yield "| split | clips | hours | shards | MiB |"
    yield "|---|---|---|---|---|"
    for split, shards in manifest.splits.items():
        hours = sum(shard.num_frames for shard in shards) / FPS / 3600
        size = sum(shard.num_bytes for shard in shards) / (1 << 20)
        yield f"| {split} | {sum(s.num_clips for s in shards)} | {hours:.3f} | {len(shards)} | {size:.1f} |"
    yield ""
    yield "## Where it comes from"
    yield ""
    yield f"- layout `{entry.layout}`, profile `{entry.profile}`; version (digest of the manifest) `{manifest.digest}`"
    row = Tracer(project.home).graph.heads.get(("shards", dataset, None))
    yield from _provenance(row)
    yield from _rejections(project, dataset)
    yield f"- `cals trace shards/{dataset}` leads to the raw files' hashes and to the settings of each stage"
    yield ""
    yield from _terms(licence.name, licence.url, licence.note)


def _provenance(row: Row | None) -> Iterator[str]:
    if row is None:
        return
    commit = (row["git_commit"] or "no git checkout") + (
        " with uncommitted changes" if row["git_dirty"] else ""
    )
    yield f"- built {row['at']:%Y-%m-%d %H:%M} UTC on {row['host']} ({row['device']}) by code `{row['code_version']}`, {commit}"


def _rejections(project: Project, dataset: str) -> Iterator[str]:
    path = part_path(project.home, "clip_inventory", dataset)
    if not path.exists():
        return
    table = pq.read_table(path, columns=["status", "reason"], partitioning=None)
    rejected = (
        table.filter(pc.not_equal(table["status"], "ok"))
        if table["status"].null_count == 0
        else table.slice(0, 0)
    )
    reasons = rejected.group_by("reason").aggregate([("reason", "count")]).sort_by("reason").to_pylist()
    counts = ", ".join(f"{row['reason_count']} {row['reason']}" for row in reasons) or "none"
    yield f"- of {table.num_rows} clips given, rejected at the inventory: {counts}"


def _terms(name: str, url: str, note: str) -> Iterator[str]:
    yield "## Terms"
    yield ""
    yield f"- data: {name} ({url}). {note}"
    yield f"- {LANDMARKS_NOTE}"
    yield "- A person shown here may withdraw consent: `cals forget CLIP_ID --reason TEXT` takes a clip out of all that"
    yield "  is built next and lists every shard, model and metric that saw it."


def write_model_cards(project: Project, dataset: str) -> list[Path]:
    """Writes a card beside the weights of each current model of a dataset.

    Raises:
        SettingsError: there is no such dataset, or it has no trained model yet.
    """
    name = project.dataset(dataset).name
    tracer = Tracer(project.home)
    current = [model for model in model_folders(project.home) if model.dataset == name and model.is_current]
    if not current:
        raise SettingsError(f"{dataset} has no trained model yet; run: cals run --dataset {dataset}")
    paths = []
    for model in current:
        path = model.path / CARD_NAME
        write_text(path, "\n".join(_model_card(project, tracer, model)) + "\n")
        paths.append(path)
    return paths


def _model_card(project: Project, tracer: Tracer, model: ModelFolder) -> Iterator[str]:
    result: dict[str, Any] = json.loads((model.path / "result.json").read_text(encoding="utf-8"))
    yield f"# {model.label}"
    yield ""
    if model.method:
        declared = METHODS[model.method]
        yield f"Generator of method `{model.method}`: {declared.description}."
        if declared.differs:
            yield f"What differs from the published system of that name: {declared.differs}."
        yield ""
    if model.method and (model.path / "model.json").is_file():
        side = json.loads((model.path / "model.json").read_text(encoding="utf-8")).get(
            "crop_px", BASE_CROP_PX
        )
        yield f"- draws face crops of {side}x{side} px"
    registered = f"`{model.registered_name}` version {model.registered_version or 'not registered'}"
    yield f"- weights sha256 `{model.weights_sha256}`; {registered}"
    yield f"- {result['num_parameters']} parameters, {result['steps']} steps, {result['seconds']:.0f} s on {result['device_name']}"
    rows = tracer.graph.with_content((model.asset, model.dataset, model.method), model.weights_sha256)
    yield from _provenance(rows[-1] if rows else None)
    for read in tracer.graph.inputs(rows[-1]) if rows else ():
        yield f"- read {read.name} `{read.data_version[:16]}`"
    yield ""
    yield "## Metrics of its training, on held-out clips"
    yield ""
    yield "| metric | value | chance |"
    yield "|---|---|---|"
    for name, value in sorted(result["figures"].items()):
        chance = result.get("chance", {}).get(name)
        yield f"| {name} | {value:.4g} | {'' if chance is None else f'{chance:.4g}'} |"
    yield from _scores(project, model)
    yield from _warnings(project, tracer, model, result)
    licence = licence_of(project, project.dataset(model.dataset))
    yield from _terms(licence.name, licence.url, licence.note)


def _scores(project: Project, model: ModelFolder) -> Iterator[str]:
    """Means over test clips, beside those of the copied reference frame."""
    found = {name: _means(project, model.dataset, name) for name in (model.method, "copy_reference") if name}
    if model.asset != "generator" or not found.get(model.method or ""):
        yield ""
        return
    yield ""
    yield "## Scores of its renders of test clips, with their own audio"
    yield ""
    yield "| metric | better | this model | copied reference |"
    yield "|---|---|---|---|"
    for name in HEADLINE_METRICS:
        metric = declared_metrics()[name]
        unit = "" if metric.unit == "1" else f" ({metric.unit})"
        cells = [_cell(found.get(method or "", {}).get(name)) for method in (model.method, "copy_reference")]
        yield f"| {metric.label}{unit} | {metric.better} | {cells[0]} | {cells[1]} |"
    yield ""
    if METHODS[model.method or ""].draws == "whole_crop":
        yield "This method draws the whole crop, of which the others are given the upper half: its PSNR and SSIM do not"
        yield "compare with theirs; those of the mouth, the lower half, do."
    yield "LMD is in pixels of the crop at 128x128. LSE values are comparable within one evaluator only; the table"
    yield "`clip_metrics` names it."
    yield ""


def _cell(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"


def _means(project: Project, dataset: str, method: str) -> dict[str, float]:
    path = part_path(project.home, "clip_metrics", dataset, method)
    if not path.exists():
        return {}
    table = pq.read_table(path, columns=["audio", "protocol", "metric", "value"], partitioning=None)
    means = {}
    for metric, protocol in HEADLINE_METRICS.items():
        chosen = pc.and_(pc.equal(table["metric"], metric), pc.equal(table["protocol"], protocol))
        values = table.filter(pc.and_(chosen, pc.equal(table["audio"], "own")))["value"]
        if len(values) > values.null_count:
            means[metric] = float(pc.mean(values).as_py())
    return means


def _warnings(project: Project, tracer: Tracer, model: ModelFolder, result: dict[str, Any]) -> Iterator[str]:
    lines = [w["text"] if isinstance(w, dict) else str(w) for w in result["warnings"]]
    for sha256, reason in forgotten_hashes(project.home).items():
        if model.weights_sha256 in models_trained_on(tracer, sha256):
            lines.append(f"it saw the content {sha256[:16]}, which was withdrawn since: {reason}")
    if lines:
        yield "## Warnings"
        yield ""
        yield from (f"- {line}" for line in lines)
        yield ""
    yield "## Use"
    yield ""
    yield "For the study of lip synchronisation. A face that speaks words its owner never said can harm: label generated"
    yield "videos as generated, and ask the person shown."
    yield ""
