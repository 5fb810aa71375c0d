"""A home as two runs leave it: two shard sets, the models trained on each, ledger, contents and parts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.project.atomic_files import write_text
from assets.project.code_version import CodeVersion
from assets.project.home import Home
from assets.project.settings import Dataset, Project
from assets.shards.contents import write_contents
from assets.stage.partition_files import partition_files
from assets.store import ledger
from assets.store.bucket_files import KEY_FIELDS, forget_written, summarise, write_rows
from assets.store.current_model import write_current_model
from assets.store.file_digests import FileDigests
from assets.store.file_records import RecordedFile, look_at
from assets.store.table_parts import write_part
from cals_models.shards.shard_format import clip_key, manifest_digest
from pipelines.lineage.ledger_graph import MODEL_ASSETS

DATASET = "talks"
METHODS = ("ground_truth", "cals")
CODE = CodeVersion(digest="c0de", definitions={"a.f": "1"}, libraries={"torch": "2"})
SPLITS = {"train": 4, "val": 1, "test": 2}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_project(folder: Path, dataset: str = DATASET) -> Project:
    """A project whose raw files are a few bytes each; the last two have the same content."""
    root = folder / "raw"
    for name, content in raw_contents().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entry = Dataset(name=dataset, layout="folder", root=root, profile="tiny", num_buckets=1, methods=METHODS)
    config = folder / "cals.yaml"
    write_text(
        config, f"datasets:\n  {dataset}: {{layout: folder, root: {root}, profile: tiny, num_buckets: 1}}\n"
    )
    return Project(config_path=config, home=Home(folder / ".cals"), datasets={dataset: entry}, settings={})


def raw_contents() -> dict[str, bytes]:
    names = [f"{split}/{number}.mp4" for split, count in SPLITS.items() for number in range(count)]
    contents = {name: f"bytes of {name}".encode() for name in names}
    return contents | {"copies/again.mp4": contents["train/0.mp4"]}


def clip_ids(dataset: str = DATASET) -> list[str]:
    return [f"{dataset}/{name.removesuffix('.mp4')}" for name in raw_contents() if "copies" not in name]


class SyntheticRun:
    """Writes what the stages of one run would write, each with its ledger row.

    Args:
        name: makes versions differ between runs.
        left_out: clips that this run has in no shard.
        dagster_run_id: of all its rows.
        records_files: whether its rows name the digests of their files.
    """

    def __init__(
        self,
        project: Project,
        name: str,
        left_out: tuple[str, ...] = (),
        dataset: str = DATASET,
        dagster_run_id: str | None = None,
        *,
        records_files: bool = False,
    ) -> None:
        self.records_files = records_files
        self.dagster_run_id = f"run-{name}" if dagster_run_id is None else dagster_run_id
        self.home = project.home
        self.dataset = dataset
        self.name = name
        self.clips = [clip for clip in clip_ids(dataset) if clip not in left_out]
        self.versions: dict[str, str] = {"raw_videos": sha256(f"raw {sorted(self.clips)}")}

    def make_all(self) -> SyntheticRun:
        self.make_data()
        self.make_models()
        for method in METHODS:
            self.make_scores(method)
        reads = ["shards", *(f"clip_metrics|{method}" for method in METHODS)]
        write_text(self.home.report(self.dataset), "<html>")
        self.record("metric_report", None, sha256(f"report {self.name}"), reads)
        return self

    def make_data(self) -> None:
        self._write_inventory()
        write_text(self.home.stage("clips", self.dataset) / "inventory.parquet", "one row a clip")
        self.record("clips", None, sha256(f"clips {self.clips}"), ["raw_videos", "settings/clips"])
        for asset, reads in {
            "face_tracks": ["clips", "settings/face_tracks"],
            "face_crops": ["clips", "face_tracks"],
            "mels": ["clips", "settings/mels"],
            "av_offsets": ["face_crops", "mels", "offset_probe"],
        }.items():
            self.record(asset, None, self._write_bucket(asset), reads)
        digest = self._write_shards()
        write_contents(self.home, self.dataset, digest)
        self.record("shards", None, digest, ["clips", "face_crops", "mels", "av_offsets"])

    def make_models_only(self, *, registered: bool = True) -> None:
        """Trainings and their rows, on the shards that are there."""
        self.make_data()
        self.make_models()
        for path in self.home.root.glob("models/**/registered_version"):
            if not registered:
                path.unlink()

    def make_models(self) -> None:
        for asset, reads in {
            "sync_encoder": [],
            "lse_evaluator": [],
            "audio_to_lip": ["sync_encoder"],
        }.items():
            self.record(asset, None, self._train(asset, None), ["shards", *reads])
        self.record(
            "generator", "ground_truth", sha256("control"), ["shards", "sync_encoder", "audio_to_lip"]
        )
        weights = self._train("generator", "cals")
        self.record("generator", "cals", weights, ["shards", "sync_encoder", "audio_to_lip"])

    def make_scores(self, method: str) -> None:
        tests = [clip for clip in self.clips if "/test/" in clip]
        rows = []
        for place, clip in enumerate(tests):
            for audio, other in (("own", clip), ("other", tests[place - 1])):
                path = f"{audio}/{clip_key(clip)}.mkv"
                content = f"{self.name} {method} {path}"
                write_text(self.home.renders(self.dataset, method) / path, content)
                rows.append({
                    "dataset": self.dataset, "method": method, "audio": audio, "clip_id": clip, "audio_clip_id": other,
                    "path": path, "sha256": sha256(content), "bytes": len(content), "num_frames": 75, "status": "ok",
                })  # fmt: skip
        write_part(self.home, "render_clips", rows, dataset=self.dataset, method=method)
        self.record(
            "renders", method, sha256(f"renders {self.name} {method}"), ["shards", f"generator|{method}"]
        )
        scores = [
            {"dataset": self.dataset, "method": method, "clip_id": clip, "audio": "own", "protocol": "primary",
             "metric": metric, "value": value, "evaluator": None, "detail": None}
            for clip in tests for metric, value in (("psnr", 30.0), ("ssim", 0.9))
        ]  # fmt: skip
        write_part(self.home, "clip_metrics", scores, dataset=self.dataset, method=method)
        reads = ["shards", f"renders|{method}", "lse_evaluator"]
        self.record("clip_metrics", method, sha256(f"scores {self.name} {method}"), reads)

    def record(self, asset: str, method: str | None, version: str, reads: list[str]) -> str:
        self.versions[f"{asset}|{method}" if method else asset] = version
        inputs = {name: self.versions.get(name, sha256(name)) for name in reads}
        trained = asset in MODEL_ASSETS and method != "ground_truth"
        entry = ledger.Entry(
            asset=asset, dataset=self.dataset, method=method, data_version=version, code_version=CODE.digest,
            settings={"seed": 1}, inputs=inputs, dagster_run_id=self.dagster_run_id, duration_s=1.0,
            mlflow_run_id=sha256(version)[:32] if trained else None, num_clips=len(self.clips),
        )  # fmt: skip
        return ledger.append(self.home, entry, CODE, self._files(entry) if self.records_files else None)

    def _files(self, entry: ledger.Entry) -> tuple[RecordedFile, ...]:
        of = (entry.asset, entry.dataset, entry.method, entry.data_version)
        found = look_at(FileDigests(root=self.home.root), partition_files(self.home, *of))
        forget_written(self.home.stage(entry.asset, entry.dataset))
        return found

    def _write_inventory(self) -> None:
        raw, inventory = [], []
        for name, content in raw_contents().items():
            digest = hashlib.sha256(content).hexdigest()
            raw.append(
                {
                    "dataset": self.dataset,
                    "path": name,
                    "sha256": digest,
                    "bytes": len(content),
                    "problem": None,
                }
            )
        by_path = {row["path"]: row["sha256"] for row in raw}
        for clip in clip_ids(self.dataset):
            path = clip.split("/", 1)[1] + ".mp4"
            ok = clip in self.clips
            inventory.append({
                "dataset": self.dataset, "clip_id": clip, "split": clip.split("/")[1], "path": path,
                "sha256": by_path[path], "status": "ok" if ok else "rejected", "stage": None if ok else "clips",
                "reason": None if ok else "forgotten", "detail": None if ok else "consent withdrawn", "bucket": 0,
            })  # fmt: skip
        write_part(self.home, "raw_files", raw, dataset=self.dataset)
        write_part(self.home, "clip_inventory", inventory, dataset=self.dataset)

    def _write_bucket(self, asset: str) -> str:
        folder = self.home.stage(asset, self.dataset)
        key = {"input_digest": "", "stage_version": "1", "status": "ok", "reason": None, "detail": None}
        rows = [{"clip_id": clip, "digest": sha256(f"{asset} {clip}"), **key} for clip in self.clips]
        write_rows(folder / "00000.parquet", pa.schema(KEY_FIELDS), rows)
        return summarise(folder).digest

    def _write_shards(self) -> str:
        shards: list[dict[str, Any]] = []
        clips: list[dict[str, Any]] = []
        for split in SPLITS:
            held = [clip for clip in self.clips if f"/{split}/" in clip]
            name, content = f"{split}-00000.tar", " ".join(held)
            write_text(self.home.shards(self.dataset) / name, content)
            shards.append({"dataset": self.dataset, "split": split, "path": name, "num_clips": len(held),
                           "num_frames": 75 * len(held), "bytes": len(content), "sha256": sha256(content)})  # fmt: skip
            clips += [{"dataset": self.dataset, "clip_id": clip, "key": clip_key(clip), "split": split,
                       "shard": name, "num_frames": 75} for clip in held]  # fmt: skip
        write_part(self.home, "shards", shards, dataset=self.dataset)
        write_part(self.home, "shard_clips", clips, dataset=self.dataset)
        digest = manifest_digest((row["path"], row["sha256"]) for row in shards)
        manifest = {"format": 1, "dataset": self.dataset, "digest": digest, "splits": {
            split: {"num_clips": row["num_clips"], "num_frames": row["num_frames"], "shards": [
                {key: row[key] for key in ("path", "num_clips", "num_frames", "bytes", "sha256")}]}
            for split, row in zip(SPLITS, shards, strict=True)
        }}  # fmt: skip
        write_text(self.home.shards(self.dataset) / "manifest.json", json.dumps(manifest))
        return digest

    def _train(self, asset: str, method: str | None) -> str:
        """A finished training's folder; its weights depend on the run's name."""
        content = f"weights {asset} {method} {self.name}"
        base = self.home.model(asset, self.dataset, method)
        folder = base / sha256(content)[:16]
        whose = {"stage": asset, "dataset": self.dataset, "method": method}
        result = {**whose, "weights_sha256": sha256(content), "steps": 10, "num_parameters": 3, "seconds": 1.0,
                  "figures": {"loss": 0.5}, "chance": {}, "warnings": [], "device_name": "cpu"}  # fmt: skip
        write_text(folder / "config.json", json.dumps(whose))
        write_text(folder / "model.safetensors", content)
        write_text(folder / "checkpoint.pt", content)
        write_text(folder / "progress.jsonl", "")
        write_text(folder / "registered_version", "1" if self.name == "first" else "2")
        write_text(folder / "mlflow_run_id", sha256(sha256(content))[:32])
        write_text(folder / "result.json", json.dumps(result))
        write_current_model(base, folder.name, "1")
        return sha256(content)
