"""Croissant metadata (MLCommons, version 1.0) of a shard set: JSON-LD beside the tars.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html. ``mlcroissant validate`` accepts it, and
``mlcroissant.Dataset(path).records("clips")`` reads the clips through it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from pathlib import Path
from typing import Any

from pyarrow import csv

from assets import ledger
from assets.home import replacing, write_text
from assets.settings import Project, SettingsError
from assets.shards.contents import recall_contents
from cals_models.shard_format import MANIFEST_NAME, ShardFile, read_manifest
from pipelines.exports.licences import LANDMARKS_NOTE, licence_of

FILE_NAME = "croissant.json"
INDEX_NAME = "clips.csv"
MEMBERS = {
    "json": ("application/json", "facts of a clip: id, split, speaker, source, frames, boxes, A/V offset"),
    "flac": ("audio/flac", "sound, 16 kHz mono int16, 640 samples a video frame"),
    "mjpeg": ("video/x-motion-jpeg", "face crops 128x128 RGB at 25 fps as JPEGs one after the other"),
    "mel.npy": ("application/octet-stream", "log10 mel spectrogram, float16 (80, 4 T), 100 frames a second"),
    "landmarks.npy": (
        "application/octet-stream",
        "68 landmarks a frame, float32 (T, 68, 2), crop pixels (x, y)",
    ),
}
CLIP_FIELDS = {
    "clip_id": ("sc:Text", "dataset/split/relative path, with #segment where a long video was cut"),
    "key": ("sc:Text", "name of the clip's members in its tar: first 16 hex digits of sha256(clip_id)"),
    "split": ("sc:Text", "train, val or test"),
    "shard": ("sc:Text", "tar that holds the clip"),
    "raw_path": ("sc:Text", "the video, relative to the root of the raw data"),
    "raw_sha256": ("sc:Text", "hash of the video's bytes"),
}
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def write_croissant(project: Project, dataset: str) -> Path:
    """Describes a dataset's shard set as it is now; the file lies beside the tars, so that its paths hold anywhere.

    Raises:
        SettingsError: there is no such dataset, or it has no shards yet.
    """
    folder = project.home.shards(project.dataset(dataset).name)
    if not (folder / MANIFEST_NAME).exists():
        raise SettingsError(f"{dataset} has no shards yet; run: cals run --dataset {dataset} --to shards")
    _, digest, splits = read_manifest(folder / MANIFEST_NAME)
    files = [shard for shards in splits.values() for shard in shards]
    index = folder / INDEX_NAME
    with replacing(index) as temporary:
        _write_index(project, dataset, digest, temporary)
    path = folder / FILE_NAME
    write_text(
        path,
        json.dumps(_document(project, dataset, digest, files, index), indent=1, ensure_ascii=False) + "\n",
    )
    return path


def _write_index(project: Project, dataset: str, digest: str, path: Path) -> None:
    contents = recall_contents(project.home, dataset, digest)
    if contents is None:
        raise SettingsError(
            f"{dataset}: the clips of shards {digest[:12]} are not on record; run: cals run --dataset {dataset} --force shards"
        )
    csv.write_csv(contents.select(list(CLIP_FIELDS)), path)


def _document(
    project: Project, dataset: str, digest: str, files: list[ShardFile], index: Path
) -> dict[str, Any]:
    licence = licence_of(project, project.dataset(dataset))
    row = ledger.heads(project.home).get(("shards", dataset, None))
    clips = sum(file.num_clips for file in files)
    hours = sum(file.num_frames for file in files) / 25 / 3600
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"cals-{dataset.replace('_', '-')}",
        "description": (
            f"Talking-face clips of {dataset} as WebDataset shards: {clips} clips, {hours:.2f} hours, as 128x128 face "
            f"crops at 25 fps with sound, mel spectrogram and landmarks. {licence.note} {LANDMARKS_NOTE}"
        ),
        "url": licence.url,
        "license": licence.url,
        # Semantic versioning has no place for a digest but the build's.
        "version": f"1.0.0+{digest[:16]}",
        "citeAs": f"shards {digest}",
        "distribution": [_index_file(index), *(_tar(file) for file in files), *_members(files)],
        "recordSet": [_clips(), *_contents()],
    }
    if row is not None:
        document["datePublished"] = row["at"].astimezone(UTC).isoformat(timespec="seconds")
    return document


def _index_file(index: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": INDEX_NAME,
        "name": INDEX_NAME,
        "description": "one row a clip: where it is and what it was made of",
        "contentUrl": INDEX_NAME,
        "contentSize": f"{index.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(index.read_bytes()).hexdigest(),
    }


def _tar(file: ShardFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "description": f"{file.num_clips} clips, {file.num_frames} frames",
        "contentUrl": file.path,
        "contentSize": f"{file.num_bytes} B",
        "encodingFormat": "application/x-tar",
        "sha256": file.sha256,
    }


def _members(files: list[ShardFile]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileSet",
            "@id": f"{extension}-files",
            "name": f"{extension}-files",
            "description": description,
            "containedIn": [{"@id": file.path} for file in files],
            "encodingFormat": encoding,
            "includes": f"*.{extension}",
        }
        for extension, (encoding, description) in MEMBERS.items()
    ]


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


def _contents() -> list[dict[str, Any]]:
    """Bytes of each kind of member, under the key that a clip's members share."""
    sets = []
    for extension, (_, description) in MEMBERS.items():
        name = extension.split(".")[0]
        files = {"fileSet": {"@id": f"{extension}-files"}}
        key = {
            **files,
            "extract": {"fileProperty": "filename"},
            "transform": {"regex": r"^([0-9a-f]{16})\..*$"},
        }
        reference = {"references": {"field": {"@id": "clips/key"}}}
        content = {**files, "extract": {"fileProperty": "content"}}
        sets.append(
            {
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
        )
    return sets
