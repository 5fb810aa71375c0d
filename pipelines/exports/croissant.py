"""Croissant metadata (MLCommons, version 1.0) of a shard set: files, terms, list of clips, records.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html. ``mlcroissant validate`` accepts it, and
``mlcroissant.Dataset(path).records("clips")`` reads the clips through it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any

from pyarrow import csv

from assets.project.atomic_files import replacing, write_text
from assets.project.settings import Project, SettingsError
from assets.shards.contents import read_contents
from assets.shards.croissant import CROISSANT_NAME, MEMBER_SETS, croissant
from cals_models.shards.shard_format import MANIFEST_NAME, ShardFile, read_manifest
from pipelines.exports.licences import LANDMARKS_NOTE, licence_of
from pipelines.exports.shard_folder import shard_folder
from pipelines.lineage.ledger_graph import LedgerGraph

INDEX_NAME = "clips.csv"
CLIP_FIELDS = {
    "clip_id": ("sc:Text", "dataset/split/relative path, with #segment where a long video was cut"),
    "key": ("sc:Text", "name of the clip's members in its tar: first 16 hex digits of sha256(clip_id)"),
    "split": ("sc:Text", "train, val or test"),
    "shard": ("sc:Text", "tar that holds the clip"),
    "raw_path": ("sc:Text", "the video, relative to the root of the raw data"),
    "raw_sha256": ("sc:Text", "hash of the video's bytes"),
}


def write_croissant(project: Project, dataset: str) -> Path:
    """Describes a dataset's current shard set; the file is beside the tars, so that its relative paths stay valid.

    Raises:
        SettingsError: there is no such dataset, or it has no shards yet.
    """
    folder = shard_folder(project, dataset)
    manifest = read_manifest(folder / MANIFEST_NAME)
    digest = manifest.digest
    files = [shard for shards in manifest.splits.values() for shard in shards]
    index = folder / INDEX_NAME
    with replacing(index) as temporary:
        _write_index(project, dataset, digest, temporary)
    path = folder / CROISSANT_NAME
    write_text(
        path,
        json.dumps(_document(project, dataset, digest, files, index), indent=1, ensure_ascii=False) + "\n",
    )
    return path


def _write_index(project: Project, dataset: str, digest: str, path: Path) -> None:
    contents = read_contents(project.home, dataset, digest)
    if contents is None:
        raise SettingsError(
            f"{dataset}: the clips of shards {digest[:12]} are not on record; run: cals run --dataset {dataset} --force shards"
        )
    csv.write_csv(contents.select(list(CLIP_FIELDS)), path)


def _document(
    project: Project, dataset: str, digest: str, files: list[ShardFile], index: Path
) -> dict[str, Any]:
    """The description that the shards carry, with terms, date, the list of clips and how to read them."""
    licence = licence_of(project, project.dataset(dataset))
    rows = [asdict(file) | {"bytes": file.num_bytes} for file in files]
    document = croissant(dataset, digest, rows)
    document["description"] += f" {licence.note} {LANDMARKS_NOTE}"
    document |= {"url": licence.url, "license": licence.url, "citeAs": f"shards {digest}"}
    rows_of_digest = LedgerGraph.read(project.home).with_content(("shards", dataset, None), digest)
    if rows_of_digest:
        document["datePublished"] = rows_of_digest[0]["at"].astimezone(UTC).isoformat(timespec="seconds")
    document["distribution"] = [_index_file(index), *document["distribution"]]
    return document | {"recordSet": [_clips(), *(_contents(name) for name in MEMBER_SETS)]}


def _index_file(index: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": INDEX_NAME,
        "name": INDEX_NAME,
        "description": "one row a clip: its place and its raw file",
        "contentUrl": INDEX_NAME,
        "contentSize": f"{index.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(index.read_bytes()).hexdigest(),
    }


def _field(record_set: str, name: str, kind: str, description: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
        "source": source,
    }


def _clips() -> dict[str, Any]:
    fields = [
        _field("clips", name, kind, text, {"fileObject": {"@id": INDEX_NAME}, "extract": {"column": name}})
        for name, (kind, text) in CLIP_FIELDS.items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "clips",
        "name": "clips",
        "description": "One record a clip.",
        "key": {"@id": "clips/key"},
        "field": fields,
    }


def _contents(extension: str) -> dict[str, Any]:
    """Bytes of one kind of member, under the key that a clip's members share."""
    name = extension.split(".")[0]
    files = {"fileSet": {"@id": f"{extension}-members"}}
    key = {**files, "extract": {"fileProperty": "filename"}, "transform": {"regex": r"^([0-9a-f]{16})\..*$"}}
    content = {**files, "extract": {"fileProperty": "content"}}
    description = MEMBER_SETS[extension][1]
    reference = {"references": {"field": {"@id": "clips/key"}}}
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/key"},
        "field": [
            _field(name, "key", "sc:Text", "key of the clip", key) | reference,
            _field(name, "content", "sc:Text", description, content),
        ],
    }
