"""A home in which nothing is stale, of any size: rows, files and ledger as a long-used project has them.

Raw files are real (a few bytes each) and hashed by the real scan; shards, bucket files and videos lie where the
ledger says, with generated content: everything that a run with nothing to do reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.project.atomic_files import write_text
from assets.project.graph import STAGES, Stage, source_names, stage_code
from assets.project.home import Home
from assets.project.settings import Dataset, Project, load_project
from assets.project.source_versions import TRAIN_ON, is_by_method, source_version
from assets.shards.contents import write_contents
from assets.stage.partition_files import partition_files
from assets.stage.run import needed_methods
from assets.store import file_records, ledger
from assets.store.bucket_files import KEY_FIELDS, bucket_of
from assets.store.current_model import write_current_model
from assets.store.file_digests import FileDigests
from assets.store.file_records import look_at, record_of
from assets.store.ledger_chain import sealed
from assets.store.table_parts import write_part
from assets.store.warehouse import publish
from cals_models.methods.method import Method
from cals_models.methods.registry import METHOD_MODULES, METHODS
from cals_models.shards.shard_format import clip_key, manifest_digest
from pipelines.lineage.ledger_graph import MODEL_ASSETS
from pipelines.repair.outputs import BUCKET_ASSETS

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
SETTLED_S = 3600
NUM_SPEAKERS = 34
METRICS = ("psnr", "lmd")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is.

    Args:
        clips: of all datasets together.
        ledger_rows: of all datasets together; as many as there are partitions at least.
        single_rows: how many of them are parts of their own, not yet merged.
    """

    clips: int
    ledger_rows: int
    single_rows: int
    datasets: int = 3
    buckets: int = 64
    test_clips: int = 500


def add_methods(number: int) -> list[str]:
    """Names of ``number`` methods; those that the project lacks are added to this process's table."""
    for extra in range(number - len(METHODS)):
        name = f"another_{extra}"
        METHODS[name] = Method(
            name=name,
            label=name,
            position=99,
            description="made for a test",
        )
        METHOD_MODULES[name] = METHOD_MODULES["copy_reference"]  # code that a partition of it chooses
    return list(METHODS)[:number]


def make_fresh_home(folder: Path, size: Size, methods: list[str]) -> Project:
    """Makes raw files, outputs, ledger and warehouse; the project has its home in ``folder/.cals``."""
    names = [f"data{number}" for number in range(size.datasets)]
    shown = ", ".join(methods)
    entries = [
        f"  {name}: {{layout: grid, root: {name}, profile: tiny, num_buckets: {size.buckets}, methods: [{shown}]}}"
        for name in names
    ]
    write_text(folder / "cals.yaml", "datasets:\n" + "\n".join(entries) + "\n")
    project = load_project(folder / "cals.yaml", folder / ".cals")
    rows: list[dict[str, Any]] = []
    for name in names:
        _DatasetMaker(project, project.dataset(name), size).make(rows)
    _write_ledger(project, rows, size)
    publish(project.home)
    return project


class _DatasetMaker:
    """Writes one dataset: its files, and their rows."""

    def __init__(self, project: Project, dataset: Dataset, size: Size) -> None:
        self.project = project
        self.home = project.home
        self.dataset = dataset
        self.size = size
        self.versions: dict[tuple[str, str | None], str] = {}

    def make(self, rows: list[dict[str, Any]]) -> None:
        clips = self._raw_files()
        self._inventory(clips)
        by_bucket: dict[int, list[str]] = {bucket: [] for bucket in range(self.size.buckets)}
        for clip in clips:
            by_bucket[bucket_of(clip, self.size.buckets)].append(clip)
        for asset in BUCKET_ASSETS:
            self._buckets(asset, by_bucket)
        self._shards(by_bucket)
        self._evaluation(clips[: self.size.test_clips])
        write_text(self.home.report(self.dataset.name), "<html></html>")
        sources = {
            (name, method): source_version(self.project, name, self.dataset.name, method)
            for name in dict.fromkeys(name for stage in STAGES.values() for name in source_names(stage))
            for method in (self.dataset.methods if is_by_method(name) else (None,))
        }
        for stage in STAGES.values():
            for method in self.dataset.methods if stage.by_method else (None,):
                rows.append(self._row(stage, method, sources))

    def _raw_files(self) -> list[str]:
        """Ids of the clips whose files are written, long enough ago for the scan to trust their times."""
        clips = []
        settled = datetime.now(UTC).timestamp() - SETTLED_S
        for number in range(self.size.clips // self.size.datasets):
            path = self.dataset.root / f"s{1 + number % NUM_SPEAKERS}" / f"clip{number:06d}.mpg"
            if number < NUM_SPEAKERS:
                path.parent.mkdir(parents=True)
            path.write_bytes(f"{self.dataset.name} {number}".encode())
            os.utime(path, (settled, settled))
            clips.append(f"{self.dataset.name}/train/{path.parent.name}/{path.stem}")
        return clips

    def _inventory(self, clips: list[str]) -> None:
        name = self.dataset.name
        paths = [f"{clip.split('/', 2)[2]}.mpg" for clip in clips]
        hashes = [hashlib.sha256((self.dataset.root / path).read_bytes()).hexdigest() for path in paths]
        raw = [
            {"dataset": name, "path": path, "sha256": sha256, "bytes": 12}
            for path, sha256 in zip(paths, hashes, strict=True)
        ]
        rows = [
            {"dataset": name, "clip_id": clip, "split": "train", "speaker": clip.split("/")[2], "path": path,
             "sha256": sha256, "status": "ok", "num_frames": 75, "duration_s": 3.0, "fps": 25.0}
            for clip, path, sha256 in zip(clips, paths, hashes, strict=True)
        ]  # fmt: skip
        write_part(self.home, "raw_files", raw, dataset=name)
        write_part(self.home, "clip_inventory", rows, dataset=name)
        write_text(self.home.stage("clips", name) / "inventory.parquet", "looked at by name")

    def _buckets(self, asset: str, by_bucket: dict[int, list[str]]) -> None:
        folder = self.home.stage(asset, self.dataset.name)
        folder.mkdir(parents=True)
        for bucket, clips in by_bucket.items():
            ids = pa.array(clips, pa.string())
            same = {"input_digest": "0" * 64, "stage_version": "1" * 16, "status": "ok", "digest": "2" * 64}
            columns = [
                ids if field.name == "clip_id" else pa.array([same.get(field.name)] * len(clips), pa.string())
                for field in KEY_FIELDS
            ]
            table = pa.table(columns, schema=pa.schema(KEY_FIELDS))
            pq.write_table(table, folder / f"{bucket:05d}.parquet")
        self.versions[(asset, None)] = _digest(asset, self.dataset.name)

    def _shards(self, by_bucket: dict[int, list[str]]) -> None:
        name, shards, clips = self.dataset.name, [], []
        for bucket, held in by_bucket.items():
            path, content = f"train-{bucket:05d}.tar", f"{name} {bucket}"
            write_text(self.home.shards(name) / path, content)
            shards.append({"dataset": name, "split": "train", "path": path, "num_clips": len(held),
                           "num_frames": 75 * len(held), "bytes": len(content), "sha256": _digest(content)})  # fmt: skip
            clips += [
                {"dataset": name, "clip_id": clip, "key": clip_key(clip), "split": "train", "shard": path,
                 "num_frames": 75}
                for clip in held
            ]  # fmt: skip
        write_part(self.home, "shards", shards, dataset=name)
        write_part(self.home, "shard_clips", clips, dataset=name)
        digest = manifest_digest((row["path"], row["sha256"]) for row in shards)
        listed = [{k: v for k, v in row.items() if k not in ("dataset", "split")} for row in shards]
        manifest = {"format": 1, "dataset": name, "digest": digest, "splits": {"train": {"shards": listed}}}
        write_text(self.home.shards(name) / "manifest.json", json.dumps(manifest))
        write_contents(self.home, name, digest)
        self.versions[("shards", None)] = digest

    def _evaluation(self, clips: list[str]) -> None:
        for method in self.dataset.methods:
            videos, scores = [], []
            for audio in ("own", "other"):
                folder = self.home.renders(self.dataset.name, method) / audio
                folder.mkdir(parents=True)
                for place, clip in enumerate(clips):
                    who = {
                        "dataset": self.dataset.name,
                        "method": method,
                        "clip_id": clip,
                        "audio": audio,
                    }
                    path = folder / f"{clip_key(clip)}.mkv"
                    path.write_bytes(b"video")
                    videos.append({**who, "audio_clip_id": clips[place - 1], "path": f"{audio}/{path.name}",
                                   "sha256": _digest("video"), "bytes": 5, "num_frames": 75, "status": "ok"})  # fmt: skip
                    scores += [{**who, "protocol": "primary", "metric": metric, "value": 1.0 + place % 7,
                                "evaluator": "made", "detail": None} for metric in METRICS]  # fmt: skip
            write_part(self.home, "render_clips", videos, dataset=self.dataset.name, method=method)
            write_part(self.home, "clip_metrics", scores, dataset=self.dataset.name, method=method)

    def _train(self, asset: str, method: str | None, version: str) -> None:
        base = self.home.model(asset, self.dataset.name, method)
        folder = base / version[:16]
        write_text(folder / "config.json", "{}")
        write_text(folder / "model.safetensors", "weights")
        write_text(folder / "result.json", json.dumps({"weights_sha256": version}))
        write_current_model(base, folder.name, "1")

    def _row(
        self, stage: Stage, method: str | None, sources: dict[tuple[str, str | None], str]
    ) -> dict[str, Any]:
        name = self.dataset.name
        version = self.versions.setdefault(
            (stage.name, method), _digest(stage.name, name, method or "no method")
        )
        inputs = {
            source: sources[source, method if is_by_method(source) else None]
            for source in source_names(stage)
            if source != TRAIN_ON
        }
        for dep in stage.deps:
            for of in needed_methods(STAGES[dep].by_method, method, self.dataset.methods):
                inputs[f"{dep}|{of}" if of else dep] = self.versions[(dep, of)]
        trained = stage.name in MODEL_ASSETS and (method is None or METHODS[method].is_trained)
        if trained:
            self._train(stage.name, method, version)
        ledger.remember_code(self.home, stage_code(stage.name))
        return {
            "asset": stage.name,
            "dataset": name,
            "method": method,
            "data_version": version,
            "code_version": stage_code(stage.name).digest,
            "settings_json": json.dumps(self.project.settings_values(name, stage.name), sort_keys=True),
            "inputs_json": json.dumps(inputs, sort_keys=True),
            "mlflow_run_id": version[:32] if trained else None,
            "num_clips": self.size.clips // self.size.datasets,
        }


def _digest(*words: str) -> str:
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def _write_ledger(project: Project, heads: list[dict[str, Any]], size: Size) -> None:
    """Earlier rows first, the present ones last; the last ``single_rows`` are parts of their own."""
    num_earlier = size.ledger_rows - len(heads)
    assert num_earlier >= 0, f"{len(heads)} partitions need at least as many rows"
    earlier = [
        {**heads[number % len(heads)], "data_version": _digest(str(number))} for number in range(num_earlier)
    ]
    common = {
        "git_commit": "0" * 40, "git_dirty": False, "library_versions_json": json.dumps({"torch": "2.14.1"}),
        "host": "here", "device": "cpu", "duration_s": 12.5, "counts_json": json.dumps({"computed": 3}),
        "blocked_by": None,
    }  # fmt: skip
    rows = [
        {
            **common,
            **row,
            "materialization_id": _digest("row", str(number))[:32],
            "dagster_run_id": str(uuid.UUID(_digest("run", str(number))[:32])),
            "at": BEGUN + timedelta(seconds=60 * number),
        }
        for number, row in enumerate([*earlier, *heads])
    ]
    _record_files(project.home, rows[num_earlier:])
    rows = sealed(rows, [])
    folder = project.home.parts / ledger.TABLE
    folder.mkdir(parents=True)
    merged, single = rows[: len(rows) - size.single_rows], rows[len(rows) - size.single_rows :]
    for name, some in [
        ("20260101-all", merged),
        *((f"2026{row['at']:%m%dT%H%M%S}", [row]) for row in single),
    ]:
        pq.write_table(
            pa.Table.from_pylist(some, schema=ledger.SCHEMA), folder / f"{name}.parquet", compression="zstd"
        )


def _record_files(home: Home, heads: list[dict[str, Any]]) -> None:
    """Records the files of the present rows, in one part."""
    digests = FileDigests(root=home.root)
    records = []
    for row in heads:
        of = (row["asset"], row["dataset"], row["method"], row["data_version"])
        code = [
            path.relative_to(home.root).as_posix() for path in ledger.code_files(home, row["code_version"])
        ]
        record = record_of(row["materialization_id"], look_at(digests, [*partition_files(home, *of), *code]))
        row["files_digest"] = record.digest
        records += record.rows()
    path = home.parts / file_records.TABLE / "20260101-all.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(records, schema=file_records.SCHEMA), path, compression="zstd")
