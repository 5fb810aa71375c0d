"""Croissant metadata of a shard set: its files with their digests, and the members of a sample.

Source: Croissant format specification 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cals_models.shards.shard_format import BASE_CROP_PX

CROISSANT_NAME = "croissant.json"
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
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
MEMBER_SETS = {
    "json": (
        "application/json",
        "clip id, source, number of frames, JPEG offsets, boxes, validity, A/V offset",
    ),
    "mjpeg": ("video/x-motion-jpeg", "face crops, {side} x {side} RGB at 25 fps, JPEGs one after the other"),
    "mel.npy": ("application/x-numpy", "float16 (80, 4T), log10 mel magnitude at 100 fps"),
    "landmarks.npy": ("application/x-numpy", "float32 (T, 68, 2), crop pixels"),
    "flac": ("audio/flac", "audio, 16 kHz mono, 640 samples a video frame"),
}


def croissant(
    dataset: str, digest: str, shards: Sequence[dict[str, Any]], crop_px: int = BASE_CROP_PX
) -> dict[str, Any]:
    """The metadata as JSON-LD.

    Args:
        dataset: its name.
        digest: of the shard set's manifest; the version of the data.
        shards: rows of the manifest: path, bytes, sha256, num_clips, num_frames.
        crop_px: side of the crops.
    """
    num_clips, num_frames = (sum(row[field] for row in shards) for field in ("num_clips", "num_frames"))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": dataset,
        "description": f"{num_clips} talking-face clips, {num_frames} video frames: face crops, mels, landmarks and "
        "audio in WebDataset shards. The terms of the raw data hold for it.",
        "version": f"1.0.0+{digest[:16]}",
        "distribution": [*map(_shard, shards), *(_member_set(name, shards, crop_px) for name in MEMBER_SETS)],
    }


def _shard(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": row["path"],
        "name": row["path"],
        "contentUrl": row["path"],
        "contentSize": f"{row['bytes']} B",
        "encodingFormat": "application/x-tar",
        "sha256": row["sha256"],
    }


def _member_set(name: str, shards: Sequence[dict[str, Any]], crop_px: int) -> dict[str, Any]:
    encoding, description = MEMBER_SETS[name]
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}-members",
        "name": f"{name}-members",
        "description": description.format(side=crop_px),
        "containedIn": [{"@id": row["path"]} for row in shards],
        "encodingFormat": encoding,
        "includes": f"*.{name}",
    }
