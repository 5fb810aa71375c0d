"""``cals score``: a folder of videos by any system beside the pipeline's methods, by the same protocols."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assets.external_renders.video_set import GENERATED, REFERENCE, TABLE, VideoSet
from assets.metrics.folder_pairs import Failure, pairs_by_name, pairs_by_table
from assets.metrics.instruments import device_of
from assets.metrics.score_folder import score_folder
from assets.metrics.settings import MetricSettings
from assets.project.code_version import CodeVersion, code_version
from assets.project.digests import digest_of
from assets.project.graph import MEDIA, STAGES
from assets.project.settings import Project
from assets.project.source_versions import source_version
from assets.renders.render import INDEX_NAME
from assets.store import ledger
from assets.store.current_model import read_current_model
from assets.store.table_parts import part_path, write_part
from assets.store.warehouse import publish
from assets.workers.clip_pool import PoolSettings
from assets.workers.progress import progress_bar
from cals_models.metrics.lse_weights import find_public_weights
from cals_models.shards.shard_set import ShardSet

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
    """Scores the videos; their rows go into the warehouse, what was read and with what into the ledger.

    Rows of that name and dataset are replaced; those of protocols that are not asked for stay as long as the videos are
    the same.

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
    started = time.monotonic()
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
    method = f"external/{system}"
    videos = VideoSet.of(_name("--dataset", whose), method, generated, reference, pairs)
    own = dataset is not None and _is_own_truth(project, dataset, reference)
    with progress_bar(f"scoring {system}", len(pairs), "video") as advance:
        scores = score_folder(
            generated,
            reference,
            dataset=whose,
            name=system,
            settings=settings,
            evaluator_dir=evaluator_dir,
            table=matches,
            protocol=protocol,
            seen=_seen(project, dataset) if own and dataset else None,
            pool=PoolSettings(num_workers=1),
            progress=advance,
        )
    known = _clip_ids(project, dataset) if dataset else {}
    rows = [{**row, "clip_id": known.get(row["clip_id"], row["clip_id"])} for row in scores.rows]
    kept = _rows_of_other_protocols(project, videos, protocol) if protocol else []
    columns = dict.fromkeys(rows[0]) if rows else {}  # some may be newer than the rows that are kept
    kept = [{**columns, **row} for row in kept]
    videos.remember(project.home, scores.failures)
    write_part(project.home, "clip_metrics", [*kept, *rows], dataset=whose, method=method)
    evaluator = _evaluator_version(settings, evaluator_dir)
    _record(project, videos, [*kept, *rows], settings, evaluator, own=own, started=started)
    publish(project.home)
    return Scoring(name=system, dataset=whose, rows=rows, failures=scores.failures)


def scoring_code() -> CodeVersion:
    """Version of the code that scores folders of videos."""
    libraries = (*STAGES["clip_metrics"].libraries, *MEDIA, "opencv-python-headless", "scenedetect", "scipy")
    return code_version(("assets.metrics.score_folder",), tuple(dict.fromkeys(libraries)))


def _record(
    project: Project,
    videos: VideoSet,
    rows: list[dict[str, Any]],
    settings: MetricSettings,
    evaluator: dict[str, str],
    *,
    own: bool,
    started: float,
) -> None:
    """Appends the set of videos and its figures to the ledger, and tells Dagster of the set."""
    heads, code = ledger.heads(project.home), scoring_code()
    inputs = {GENERATED: videos.side_version(GENERATED)}
    if own:
        inputs["renders|ground_truth"] = heads[("renders", videos.dataset, "ground_truth")]["data_version"]
    else:
        inputs[REFERENCE] = videos.side_version(REFERENCE)
    given = ledger.Entry(
        asset=TABLE,
        dataset=videos.dataset,
        method=videos.method,
        data_version=videos.version(),
        code_version=code.digest,
        settings={},
        inputs=inputs,
        dagster_run_id="",
        duration_s=0.0,
        num_clips=len(videos.pairs),
    )
    ledger.append(project.home, given, code)
    if videos.dataset in project.datasets:
        source = "settings/clip_metrics"
        evaluator = evaluator | {source: source_version(project, source, videos.dataset)}
    figures = ledger.Entry(
        asset="clip_metrics",
        dataset=videos.dataset,
        method=videos.method,
        data_version=digest_of(rows),
        code_version=code.digest,
        settings=asdict(settings),
        inputs={f"{TABLE}|{videos.method}": videos.version(), **evaluator},
        dagster_run_id="",
        duration_s=time.monotonic() - started,
        num_clips=len({row["clip_id"] for row in rows}),
        device=device_of(settings),
    )
    ledger.append(project.home, figures, code)
    _tell_dagster(project, videos)


def _tell_dagster(project: Project, videos: VideoSet) -> None:
    import dagster as dg

    from assets.stage.partitions import external_key, external_videos
    from pipelines.instance import DATA_VERSION_TAG, open_instance

    key = external_key(videos.dataset, videos.method.removeprefix("external/"))
    with open_instance(project) as instance:
        assert external_videos.name is not None
        instance.add_dynamic_partitions(external_videos.name, [key])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset_key=TABLE,
                partition=key,
                metadata={"videos": len(videos.pairs), "folder": str(videos.generated.resolve())},
                tags={DATA_VERSION_TAG: videos.version()},
            )
        )


def _rows_of_other_protocols(project: Project, videos: VideoSet, protocol: str) -> list[dict[str, Any]]:
    """Earlier figures of the same videos that this scoring does not replace."""
    head = ledger.heads(project.home).get((TABLE, videos.dataset, videos.method))
    path = part_path(project.home, "clip_metrics", videos.dataset, videos.method)
    if head is None or head["data_version"] != videos.version() or not path.exists():
        return []
    table = pq.read_table(path, partitioning=None)
    rows: list[dict[str, Any]] = table.filter(pc.not_equal(table["protocol"], protocol)).to_pylist()
    return rows


def _evaluator_version(settings: MetricSettings, evaluator_dir: Path | None) -> dict[str, str]:
    """What stood behind LSE, as an input in the ledger; nothing where there was no evaluator."""
    if settings.lse_weights:
        with find_public_weights(settings.lse_weights).open("rb") as file:
            return {"lse_weights": hashlib.file_digest(file, "sha256").hexdigest()}
    if evaluator_dir is None:
        return {}
    model = json.loads((evaluator_dir / "model.json").read_text(encoding="utf-8"))
    return {"lse_evaluator": str(model["weights_sha256"])}


def _is_own_truth(project: Project, dataset: str, reference: Path) -> bool:
    """Whether the references are the dataset's own renders of the ground truth, as the ledger has them."""
    renders = project.home.renders(dataset, "ground_truth")
    inside = reference.resolve().is_relative_to(renders.resolve())
    return inside and ("renders", dataset, "ground_truth") in ledger.heads(project.home)


def _seen(project: Project, dataset: str) -> dict[str, NDArray[np.bool_]]:
    """Frames of each test clip in which its face was really seen, by the names of its renders."""
    split = project.stage_settings(dataset, "renders").split
    return {clip.key: clip.valid for clip in ShardSet(project.home.shards(dataset)).clips(split)}


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
    try:
        return read_current_model(project.home.model("lse_evaluator", dataset))
    except FileNotFoundError:
        return None
