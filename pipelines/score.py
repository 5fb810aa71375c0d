"""``cals score``: a folder of videos by any system beside the pipeline's methods, by the same protocols."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assets.clip_pool import PoolSettings
from assets.metrics.folder_pairs import Failure, pairs_by_name, pairs_by_table
from assets.metrics.score_folder import score_folder
from assets.metrics.settings import MetricSettings
from assets.progress import progress_bar
from assets.renders.render import INDEX_NAME
from assets.settings import Project
from assets.tables import write_part
from assets.trained_model import CURRENT
from assets.warehouse import publish

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What was scored.

    Args:
        name: of the system.
        dataset: that the rows stand under.
        rows: of ``clip_metrics``.
        failures: videos without figures.
    """

    name: str
    dataset: str
    rows: list[dict[str, Any]]
    failures: list[Failure]

    @property
    def method(self) -> str:
        """The rows' method."""
        return f"external/{self.name}"

    def means(self) -> list[dict[str, Any]]:
        """Unweighted mean over clips of each protocol and metric; None where no clip has a value, with the reason."""
        found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault((row["protocol"], row["metric"], row["evaluator"]), []).append(row)
        means: list[dict[str, Any]] = []
        for (protocol, metric, evaluator), rows in sorted(found.items()):
            values = [row["value"] for row in rows if row["value"] is not None]
            means.append(
                {
                    "protocol": protocol,
                    "metric": metric,
                    "mean": sum(values) / len(values) if values else None,
                    "num_clips": len(values),
                    "evaluator": evaluator,
                    "detail": None if values else rows[0]["detail"],
                }
            )
        return means

    def as_json(self) -> dict[str, Any]:
        """Stable form of ``--json``."""
        return {
            "format": 1,
            "method": self.method,
            "dataset": self.dataset,
            "means": self.means(),
            "rows": self.rows,
            "failures": [asdict(failure) for failure in self.failures],
        }

    def lines(self) -> list[str]:
        """A table for people."""
        lines = [f"{'protocol':<14}{'metric':<12}{'mean':>10}  {'clips':>5}  evaluator"]
        for mean in self.means():
            value = "none" if mean["mean"] is None else f"{mean['mean']:.4f}"
            why = f"  ({mean['detail']})" if mean["detail"] else ""
            lines.append(
                f"{mean['protocol']:<14}{mean['metric']:<12}{value:>10}  {mean['num_clips']:>5}  "
                f"{mean['evaluator']}{why}"
            )
        num_clips = len({row["clip_id"] for row in self.rows})
        lines.append(
            f"{num_clips} clips scored as {self.method} of {self.dataset}, {len(self.failures)} not scored"
        )
        return lines


def score(
    project: Project,
    generated: Path,
    reference: Path,
    *,
    name: str | None = None,
    dataset: str | None = None,
    protocol: str | None = None,
    lse_weights: str | None = None,
    matches: Path | None = None,
) -> Scoring:
    """Scores the videos and puts their rows into the warehouse, in place of earlier ones of that name and dataset.

    Args:
        project: whose warehouse the rows go to.
        generated: folder of the system's videos.
        reference: folder of the true ones.
        name: of the system; None takes the name of the folder ``generated``.
        dataset: a dataset of ``cals.yaml``: its settings of ``clip_metrics`` and its evaluator are used, and the rows
            stand beside its methods; references that are its own renders of ``ground_truth`` give their clips' ids, so
            that figures are compared clip by clip. None takes the name of the folder ``reference`` and no evaluator.
        protocol: only its rows.
        lse_weights: file or address of network S's weights; goes before the dataset's evaluator.
        matches: CSV with the columns generated, reference; None pairs the videos by name.

    Raises:
        ValueError: a folder, the table, the name, the weights, the dataset or the protocol can't be used.
    """
    system = _name("--name", name or generated.resolve().name)
    settings, whose = MetricSettings(), reference.resolve().name
    evaluator_dir: Path | None = None
    if dataset is not None:
        settings = project.stage_settings(dataset, "clip_metrics")
        evaluator_dir, whose = _evaluator(project, dataset), dataset
    if lse_weights is not None:
        settings = replace(settings, lse_weights=lse_weights, lse_weights_sha256="")
    pairs, _ = (
        pairs_by_table(generated, reference, matches) if matches else pairs_by_name(generated, reference)
    )
    with progress_bar(f"scoring {system}", len(pairs), "video") as advance:
        scores = score_folder(
            generated,
            reference,
            dataset=_name("--dataset", whose),
            name=system,
            settings=settings,
            evaluator_dir=evaluator_dir,
            table=matches,
            protocol=protocol,
            pool=PoolSettings(num_workers=1),
            progress=advance,
        )
    known = _clip_ids(project, dataset) if dataset else {}
    rows = [{**row, "clip_id": known.get(row["clip_id"], row["clip_id"])} for row in scores.rows]
    write_part(project.home, "clip_metrics", rows, dataset=whose, method=f"external-{system}")
    publish(project.home)
    return Scoring(name=system, dataset=whose, rows=rows, failures=scores.failures)


def _name(option: str, name: str) -> str:
    if not NAME_PATTERN.fullmatch(name) or "__" in name:
        raise ValueError(
            f"{name!r} can't be a name: give {option} of letters, digits, single underscores, dots and dashes"
        )
    return name


def _clip_ids(project: Project, dataset: str) -> dict[str, str]:
    """Clip ids by the names of the dataset's renders of the ground truth."""
    index = project.home.renders(dataset, "ground_truth") / INDEX_NAME
    lines = index.read_text(encoding="utf-8").splitlines() if index.exists() else []
    found = (json.loads(line) for line in lines)
    return {row["key"]: row["clip_id"] for row in found}


def _evaluator(project: Project, dataset: str) -> Path | None:
    base = project.home.model("lse_evaluator", dataset)
    try:
        current = json.loads((base / CURRENT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return base / str(current["folder"])
