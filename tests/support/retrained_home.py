"""A home in which the models were trained three times, each time with other settings, code and results."""

from __future__ import annotations

import json
from typing import Any

from assets.project.code_version import CodeVersion
from assets.project.settings import Project
from assets.store import ledger
from assets.store.table_parts import trained_part, write_part
from pipelines.lineage.ledger_graph import MODEL_ASSETS
from tests.support.lineage_home import SyntheticRun, sha256

RUNS = ("first", "second", "third")
STEPS = {"first": 100, "second": 100, "third": 200}
GAINS = {"first": 0.0, "second": 1.0, "third": 3.0}
NUM_TEST_CLIPS = 8
COMMITS = {name: sha256(name)[:40] for name in RUNS}


class RetrainedRun(SyntheticRun):
    """A run whose models have curves and metrics, and whose scores rise from run to run.

    The second run has other code of the loss, the third other steps; the second lacks the clip that is left out.
    """

    def code(self) -> CodeVersion:
        changed = self.name != "first"
        definitions = {"cals_models.losses.l1": "2" if changed else "1", "a.f": "1"}
        definitions |= {"a.g": "1"} if changed else {}
        return CodeVersion(
            digest="c0de2" if changed else "c0de1", definitions=definitions, libraries={"torch": "2"}
        )

    def _train(self, asset: str, method: str | None) -> str:
        weights = super()._train(asset, method)
        steps, gain = STEPS[self.name], GAINS[self.name]
        whose = {"dataset": self.dataset, "asset": asset, "method": method}
        curve = [
            {**whose, "step": step, "split": split, "metric": metric, "value": scale * (4.0 - gain / 2) / (1 + step / 20),
             "model_version": weights}
            for metric, scale in (("loss", 1.0), ("l1", 0.1))
            for split, every in (("train", 10), ("val", 50))
            for step in range(every, steps + 1, every)
        ]  # fmt: skip
        model = {**whose, "weights_sha256": weights, "steps": steps, "seconds": 2.0 * steps,
                 "figures_json": json.dumps({"loss": 0.5 - gain / 10})}  # fmt: skip
        part = trained_part(asset, method)
        write_part(self.home, "training_curves", curve, dataset=self.dataset, method=part)
        write_part(self.home, "models", [model], dataset=self.dataset, method=part)
        return weights

    def make_scores(self, method: str) -> None:
        self.record(
            "renders", method, sha256(f"renders {self.name} {method}"), ["shards", f"generator|{method}"]
        )
        gain = GAINS[self.name] if method != "ground_truth" else 0.0
        rows = [
            {"dataset": self.dataset, "method": method, "clip_id": f"{self.dataset}/test/{number}", "audio": audio,
             "protocol": protocol, "metric": metric, "value": start + sign * (gain + 0.05 * number * gain),
             "evaluator": evaluator, "detail": None}
            for number in range(NUM_TEST_CLIPS)
            for audio in ("own", "other")
            for metric, protocol, evaluator, start, sign in (
                ("psnr", "primary", None, 30.0, 1), ("lmd", "primary", "dlib", 9.0, -1), ("lse_d", "lse_crop", "S", 7.0, 0),
            )
        ]  # fmt: skip
        write_part(self.home, "clip_metrics", rows, dataset=self.dataset, method=method)
        self.record(
            "clip_metrics",
            method,
            sha256(f"scores {gain} {method}"),
            ["shards", f"renders|{method}", "lse_evaluator"],
        )

    def record(self, asset: str, method: str | None, version: str, reads: list[str]) -> str:
        self.versions[f"{asset}|{method}" if method else asset] = version
        inputs = {name: self.versions.get(name, sha256(name)) for name in reads}
        code = self.code()
        settings: dict[str, Any] = {"seed": 1}
        if asset in MODEL_ASSETS:
            settings |= {"steps": STEPS[self.name], "optimiser": {"rate": 0.001}}
        trained = asset in MODEL_ASSETS and method != "ground_truth"
        entry = ledger.Entry(
            asset=asset, dataset=self.dataset, method=method, data_version=version, code_version=code.digest,
            settings=settings, inputs=inputs, dagster_run_id=self.dagster_run_id, duration_s=1.0,
            mlflow_run_id=sha256(version)[:32] if trained else None, num_clips=len(self.clips),
        )  # fmt: skip
        return ledger.append(self.home, entry, code)


def train_three_times(project: Project, left_out: str) -> list[RetrainedRun]:
    """Three runs; the second and the third are without a clip. Each is at a commit of its own."""
    runs = []
    for name in RUNS:
        run = RetrainedRun(
            project,
            name,
            () if name == "first" else (left_out,),
            dagster_run_id=f"{sha256('run' + name)[:8]}-0000-4000",
        )
        with_commit(COMMITS[name])
        runs.append(run.make_all())
    return runs


def with_commit(commit: str) -> None:
    """Rows that are appended from now on are by this commit; tests restore it."""
    ledger._git_state = lambda: (commit, False)  # type: ignore[assignment]
