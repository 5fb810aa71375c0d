"""A clip withdrawn through the command line: none of its bytes are in later results."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from assets.project.settings import load_project
from assets.project.source_versions import source_version
from assets.sample_corpus.corpus import make_sample_corpus
from assets.sample_corpus.settings import SampleCorpusSettings
from assets.store.withdrawals import record_withdrawal
from pipelines.lineage.questions import trace

CORPUS = SampleCorpusSettings(
    num_train_clips=4,
    num_val_clips=1,
    num_test_clips=2,
    num_pretrain_clips=0,
    min_clip_s=1.2,
    max_clip_s=1.4,
    num_lrw_clips_per_word=(0, 0, 0),
    num_hdtf_clips=0,
    num_hdtf_full_videos=0,
)
CONFIG = """
settings:
  sync_encoder: {steps: 4, validate_every_steps: 4, validation_clips: 1}
  lse_evaluator: {steps: 2, validate_every_steps: 2, validation_clips: 1}
  audio_to_lip: {steps: 2, validate_every_steps: 2, validation_clips: 1}
  generator: {steps: 2, validate_every_steps: 2, validation_clips: 1}
datasets:
  talks: {layout: lrs2, root: corpus/lrs2, profile: tiny, num_buckets: 2, methods: [ground_truth, copy_reference, cals]}
  copies: {layout: folder, root: corpus/copies, profile: tiny, num_buckets: 1, methods: [ground_truth]}
"""


@dataclass(frozen=True)
class Workplace:
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / ".cals"

    def cals(self, *arguments: str) -> str:
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("CALS_", "DAGSTER_", "MLFLOW_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli.main", *arguments],
            cwd=self.folder,
            env=environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"cals {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def samples(self, dataset: str) -> dict[str, dict[str, bytes]]:
        """Members of every shard by clip id."""
        found: dict[str, dict[str, bytes]] = {}
        for path in sorted((self.home / "shards" / dataset).glob("*.tar")):
            by_key: dict[str, dict[str, bytes]] = {}
            with tarfile.open(path) as tar:
                for member in tar:
                    key, _, extension = member.name.partition(".")
                    file = tar.extractfile(member)
                    assert file is not None
                    by_key.setdefault(key, {})[extension] = file.read()
            found |= {json.loads(members["json"])["clip_id"]: members for members in by_key.values()}
        return found


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A corpus in LRS2's layout, and beside it a folder with a copy of one of its clips among others."""
    folder = tmp_path_factory.mktemp("withdrawn")
    make_sample_corpus(folder / "corpus", settings=CORPUS)
    (folder / "cals.yaml").write_text(CONFIG)
    for number, clip in enumerate(sorted((folder / "corpus" / "lrs2").rglob("*.mp4"))):
        split = ("train", "val", "test")[number % 3]
        copy = folder / "corpus" / "copies" / split / f"{number}.mp4"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, copy)
    return Workplace(folder)


def test_what_is_forgotten_changes_the_raw_files_version_of_its_dataset_alone(workplace: Workplace) -> None:
    project = load_project(workplace.folder / "cals.yaml", workplace.folder / "elsewhere")
    before = {name: source_version(project, "raw_videos", name) for name in project.datasets}
    video = next(path for path in sorted(workplace.folder.rglob("corpus/lrs2/**/*.mp4")))
    others = {path.read_bytes() for path in workplace.folder.rglob("corpus/copies/**/*.mp4")}
    assert video.read_bytes() in others
    sha256 = hashlib.sha256(video.read_bytes()).hexdigest()
    record_withdrawal(project.home, sha256, identifier="x", reason="r", places=[])
    after = {name: source_version(project, "raw_videos", name) for name in project.datasets}
    assert before["talks"] != after["talks"] and before["copies"] != after["copies"]
    record_withdrawal(project.home, "0" * 64, identifier="x", reason="r", places=[])
    assert {name: source_version(project, "raw_videos", name) for name in project.datasets} == after


def hash_of(members: dict[str, bytes]) -> str:
    return str(json.loads(members["json"])["source"]["sha256"])


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_no_byte_of_a_withdrawn_clip_is_in_a_shard_that_is_made_next(workplace: Workplace) -> None:
    workplace.cals("run", "--to", "shards")
    before = workplace.samples("talks")
    copies = workplace.samples("copies")
    clip_id = next(
        name
        for name in sorted(before)
        if "/train/" in name and hash_of(before[name]) in map(hash_of, copies.values())
    )
    raw = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in workplace.folder.rglob("corpus/**/*.mp4")
    }
    sha256 = hash_of(before[clip_id])
    answer = json.loads(workplace.cals("forget", clip_id, "--reason", "the speaker asked for it", "--json"))
    assert (
        clip_id in answer["clips"]
        and len(answer["clips"]) == 2
        and {s["dataset"] for s in answer["shards"]} == {"talks", "copies"}
    )
    workplace.cals("run", "--to", "shards")
    after = {**workplace.samples("talks"), **workplace.samples("copies")}
    assert len(after) == len(before) + len(copies) - 2 and sha256 not in map(hash_of, after.values())
    for extension in ("mjpeg", "flac", "mel.npy", "landmarks.npy"):
        assert before[clip_id][extension] not in [members[extension] for members in after.values()]
    crops = before[clip_id]["mjpeg"]
    piece = crops[len(crops) // 2 : len(crops) // 2 + 400]
    for path in workplace.home.rglob("*"):
        if path.is_file() and path.suffix in (".tar", ".parquet", ".mkv"):
            assert piece not in path.read_bytes(), f"{path} still holds a frame of {clip_id}"
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw} == raw
    reasons = json.loads(
        workplace.cals(
            "query", "select dataset, reason from clips where status = 'rejected'", "--format", "json"
        )
    )
    assert sorted((row["dataset"], row["reason"]) for row in reasons) == [
        ("copies", "forgotten"),
        ("talks", "forgotten"),
    ]
    down = trace(load_project(workplace.folder / "cals.yaml", workplace.home), clip_id, down=True).as_json()
    assert not [node for node in down["nodes"] if node.get("current") and node["asset"] == "shards"]


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_no_model_and_no_video_that_is_current_saw_it(workplace: Workplace) -> None:
    workplace.cals("run", "--dataset", "talks")
    test_clip = next(name for name in sorted(workplace.samples("talks")) if "/test/" in name)
    sha256 = hash_of(workplace.samples("talks")[test_clip])
    seen = json.loads(workplace.cals("forget", test_clip, "--reason", "asked for", "--json"))
    assert {node["label"] for node in seen["figures"]} and seen["renders"] and not seen["models"]
    train_clip = next(name for name in sorted(workplace.samples("talks")) if "/train/" in name)
    marked = json.loads(workplace.cals("forget", train_clip, "--reason", "asked for", "--json"))
    assert {node["asset"] for node in marked["models"]} == {
        "sync_encoder",
        "audio_to_lip",
        "lse_evaluator",
        "generator",
    }
    assert len(marked["marked"]) == 4
    old = {path: path.read_bytes() for path in (workplace.home / "renders").rglob("*.mkv")}
    workplace.cals("run", "--dataset", "talks")
    assert sha256 not in map(hash_of, workplace.samples("talks").values())
    for clip in (test_clip, train_clip):
        down = json.loads(workplace.cals("trace", clip, "--down", "--json"))
        assert not [
            n for n in down["nodes"] if n.get("current") and n["asset"] in ("shards", "renders", "generator")
        ]
    key = hashlib.sha256(test_clip.encode()).hexdigest()[:16]
    now = {path: path.read_bytes() for path in (workplace.home / "renders").rglob("*.mkv")}
    assert not [path for path in now if path.stem == key]
    assert not {old[path] for path in old if path.stem == key} & set(now.values())
    assert not [note for note in json.loads(workplace.cals("gc", "--json"))["notes"] if "/talks" in note]
    workplace.cals("gc", "--yes")
    assert "nothing to remove" in workplace.cals("gc")
    table = json.loads(workplace.cals("trace", "table_3/talks/cals/ssim", "--json"))
    assert {row["clip_id"] for row in table["clips"]}.isdisjoint({test_clip, train_clip})
