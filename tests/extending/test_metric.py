"""The worked example of a metric: added to a copy of the project, it is computed of renders and is in the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.media.encode import write_lossless
from assets.project.graph import stage_code
from cals_models.shards.shard_set import ShardSet
from tests.support.grid_crops import crops_shard_set
from tests.support.shard_sets import pattern_frames
from tests.support.worked_examples import carry_out, copy_project

NUM_FRAMES = 10
DARKER = 7
SCORE = """
import json, sys
from pathlib import Path
from assets.metrics.clip_metrics import score_renders
from assets.metrics.instruments import open_instruments
from assets.metrics.render_set import RenderSet
from assets.metrics.settings import MetricSettings
from assets.project.graph import stage_code
from assets.project.home import Home
from assets.store.table_parts import write_part
from assets.store.warehouse import publish, query

folder = Path(sys.argv[1])
renders = RenderSet(
    rows=json.loads((folder / "renders.json").read_text()), folder=folder, shards=folder / "set" / "shards",
    split="test", dataset="made", method="cals",
)
rows = score_renders(renders, open_instruments(MetricSettings(), None, require_evaluator=False))
home = Home(folder / "home")
write_part(home, "clip_metrics", rows, dataset="made", method="cals")
database = publish(home)
print(json.dumps({
    "rows": [row for row in rows if row["metric"] == "mouth_error"],
    "num_metrics": len({row["metric"] for row in rows}),
    "definition": query(database, "from metric_definitions where metric = 'mouth_error'").to_dict("records"),
    "summary": query(
        database, "select protocol, mean, num_clips, unit, better from metric_summary where metric = 'mouth_error'"
    ).to_dict("records"),
    "code": {stage: stage_code(stage).digest for stage in ("clip_metrics", "metric_report", "renders")},
}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("metric") / "cals")
    carry_out("A metric", folder)
    return folder


@pytest.fixture(scope="module")
def answer(project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the copy measures of renders of two clips that are darker than the true crops by a known amount."""
    folder = tmp_path_factory.mktemp("scored")
    audio = np.zeros(640 * NUM_FRAMES, np.int16)
    crops = {f"made/test/clip{seed}": (pattern_frames(seed, NUM_FRAMES), audio) for seed in (1, 2)}
    crops_shard_set(folder / "set", crops)
    renders = []
    for clip in ShardSet(folder / "set" / "shards").clips("test"):
        true = clip.frames(range(NUM_FRAMES))
        write_lossless(folder / f"{clip.key}.mkv", true - np.minimum(true, DARKER), audio)
        renders.append({"clip_id": clip.clip_id, "key": clip.key, "audio": "own", "path": f"{clip.key}.mkv",
                        "audio_clip_id": clip.clip_id, "status": "ok"})  # fmt: skip
    (folder / "renders.json").write_text(json.dumps(renders))
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-c", SCORE, str(folder)], cwd=project, env=environment, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_it_is_computed_of_renders_beside_the_others(answer: dict[str, Any]) -> None:
    assert [row["clip_id"] for row in answer["rows"]] == ["made/test/clip1", "made/test/clip2"]
    # PSNR and SSIM of crop and mouth, LMD, CSIM, LSE-D and LSE-C, two of the opening; and this one
    assert answer["num_metrics"] == 11
    for row in answer["rows"]:
        assert (row["protocol"], row["evaluator"]) == ("primary", "assets.metrics.mouth_error")
        assert row["value"] == pytest.approx(DARKER, abs=0.05) and row["detail"] is None


def test_tables_define_and_summarise_it(answer: dict[str, Any]) -> None:
    (definition,) = answer["definition"]
    assert definition["label"] == "Mouth error" and definition["unit"] == "grey levels"
    assert definition["better"] == "lower" and definition["decimals"] == 2
    (summary,) = answer["summary"]
    assert summary["num_clips"] == 2 and summary["mean"] == pytest.approx(DARKER, abs=0.05)
    assert (summary["protocol"], summary["unit"], summary["better"]) == ("primary", "grey levels", "lower")


def test_the_stages_that_compute_and_show_it_are_stale(answer: dict[str, Any]) -> None:
    assert answer["code"]["clip_metrics"] != stage_code("clip_metrics").digest
    assert answer["code"]["metric_report"] != stage_code("metric_report").digest
    assert answer["code"]["renders"] == stage_code("renders").digest
