"""``cals gc``: plans the removal of what no current partition and no registered model needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from assets.project.graph import STAGES
from assets.project.settings import Project
from assets.store.current_model import find_current_model
from assets.store.file_records import RecordedFile
from assets.store.recorded_commands import record_command
from assets.store.table_parts import part_path
from assets.store.warehouse import publish
from pipelines.adapt import FOLDER as ADAPTED
from pipelines.lineage.ledger_graph import LedgerGraph
from pipelines.lineage.registered_models import ModelFolder, model_folders, training_folders
from pipelines.model_registry import open_registry
from pipelines.repair.mlflow_runs import trainings_at_work
from pipelines.repair.temporary_files import left_over_files
from pipelines.retention.kept_versions import find_unnamed_versions, is_kept_version
from pipelines.retention.removal import Removal, files_of, of_path, remove
from pipelines.retention.withdrawn import find_withdrawn

DATASET_FOLDERS = ("shards", "renders", "models", "report", ADAPTED)


@dataclass(kw_only=True)
class Plan:
    """What would be removed.

    Args:
        removals: in order of execution.
        notes: sentences about what must be done before more can be removed.
    """

    removals: list[Removal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def num_bytes(self) -> int:
        return sum(removal.num_bytes for removal in self.removals)

    def as_json(self) -> dict[str, object]:
        removals = [removal.as_json() for removal in self.removals]
        return {"format": 1, "removals": removals, "bytes": self.num_bytes, "notes": self.notes}

    def lines(self) -> Iterator[str]:
        for removal in self.removals:
            yield f"{_size(removal.num_bytes):>9}  {removal.name}  ({removal.why})"
        yield from (f"note: {note}" for note in self.notes)


def plan_removals(project: Project) -> Plan:
    """Plans the removal of everything in the home that nothing needs; removes nothing itself."""
    plan = Plan()
    if not project.home.root.exists():
        return plan
    graph = LedgerGraph.read(project.home)
    for path in left_over_files(project.home):
        plan.removals.append(
            of_path(project, path, "left_over_file", "never finished, and no process writes it")
        )
    plan.removals += find_gone(project)
    plan.removals += find_old_models(project, graph)
    plan.removals += find_old_records(project, graph)
    plan.removals += find_unnamed_versions(project, graph)
    plan.removals += find_old_renders(project)
    withdrawn, notes = find_withdrawn(project, graph)
    plan.removals += withdrawn
    plan.removals = _outermost(plan.removals)
    plan.notes += notes
    return plan


def carry_out(project: Project, plan: Plan) -> None:
    """Carries out the removals of a plan, records the files that are gone, and publishes again if the history changed."""
    gone = [path for removal in plan.removals for path in files_of(removal)]
    for removal in plan.removals:
        remove(project, removal)
    names = [path.relative_to(project.home.root).as_posix() for path in gone if not path.exists()]
    if names:
        files = [RecordedFile(path=name, sha256=None, bytes=None) for name in names]
        record_command(project.home, "gc", files)
    if any(is_kept_version(project.home, removal) for removal in plan.removals):
        publish(project.home)


def _outermost(removals: list[Removal]) -> list[Removal]:
    """Each path once, and none below another that is removed as a whole."""
    paths = {removal.path for removal in removals if removal.path is not None}
    kept: dict[tuple[str, Path | None], Removal] = {}
    for removal in removals:
        if removal.path is None or not paths.intersection(removal.path.parents):
            kept.setdefault((removal.name, removal.path), removal)
    return list(kept.values())


def find_gone(project: Project) -> Iterator[Removal]:
    """Folders of datasets, and of their methods, that ``cals.yaml`` no longer names."""
    home = project.home
    keep = [*_folders_with_alias(project), *(dataset.root for dataset in project.datasets.values())]
    places = [home.root / name for name in DATASET_FOLDERS]
    places += sorted(path for path in (home.root / "stages").glob("*") if path.is_dir())
    for place in places:
        for folder in sorted(path for path in place.glob("*") if path.is_dir()):
            needed = any(kept.is_relative_to(folder) for kept in keep)
            if folder.name not in project.datasets and not needed:
                yield of_path(
                    project, folder, "gone_dataset", f"{folder.name} is not in {project.config_path.name}"
                )
    for dataset in project.datasets.values():
        of_methods = [home.root / "renders" / dataset.name, home.root / "models" / dataset.name / "generator"]
        of_methods += [home.stage(stage.name, dataset.name) for stage in STAGES.values() if stage.by_method]
        for place in of_methods:
            for folder in sorted(path for path in place.glob("*") if path.is_dir()):
                needed = folder.name in (*dataset.methods, "landmarks", "pictures")
                if not needed and not any(kept.is_relative_to(folder) for kept in keep):
                    why = f"{folder.name} is not among the methods of {dataset.name}"
                    yield of_path(project, folder, "gone_dataset", why)


def find_old_models(project: Project, graph: LedgerGraph) -> Iterator[Removal]:
    """Folders of trainings that are not their partition's current model."""
    candidates = [model for model in model_folders(project.home) if not model.is_current]
    used = _folders_in_use(project)
    if candidates:
        with_alias = _folders_with_alias(project)
        for model in candidates:
            if model.path in used or model.path in with_alias or model.path.name in _settings_text(project):
                continue
            if model.registered_version and not _is_in_artifacts(project, model):
                continue  # the registered version's weights are in no other place
            yield of_path(project, model.path, "old_model", f"{model.label} was trained again since")
    for folder in _unfinished(project):
        if folder not in used:
            why = "a training that was given up: its partition has a newer model"
            yield of_path(project, folder, "unfinished_training", why)


def _folders_in_use(project: Project) -> set[Path]:
    """Folders of unfinished trainings, and of the models that they start from."""
    used = set(trainings_at_work(project.home))
    for folder in training_folders(project.home):
        if not (folder / "result.json").exists():
            text = (folder / "config.json").read_text(encoding="utf-8")
            used |= {model.path for model in model_folders(project.home) if str(model.path) in text}
    return used


def _unfinished(project: Project) -> Iterator[Path]:
    for folder in training_folders(project.home):
        model = find_current_model(folder.parent)
        if (folder / "result.json").exists() or model is None:
            continue
        current = model / "result.json"
        if current.exists() and current.stat().st_mtime > _newest(folder):
            yield folder


def _newest(folder: Path) -> float:
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())


def _settings_text(project: Project) -> str:
    """Text of ``cals.yaml``; a model that it names, as a probe or an evaluator, is needed."""
    return project.config_path.read_text(encoding="utf-8")


def _folders_with_alias(project: Project) -> set[Path]:
    """Folders of the models that an alias in MLflow's registry points at."""
    client = open_registry(project)
    if client is None:
        return set()
    pointed = {
        (model.name, str(version))
        for model in client.search_registered_models()
        for version in model.aliases.values()
    }
    return {
        model.path
        for model in model_folders(project.home)
        if (model.registered_name, model.registered_version) in pointed
    }


def _is_in_artifacts(project: Project, model: ModelFolder) -> bool:
    client = open_registry(project)
    if client is None or model.mlflow_run_id is None:
        return False
    from mlflow.exceptions import MlflowException

    try:
        files = client.list_artifacts(model.mlflow_run_id, "model")
    except MlflowException:
        return False
    return any(Path(file.path).name == "model.safetensors" and file.file_size for file in files)


def find_old_records(project: Project, graph: LedgerGraph) -> Iterator[Removal]:
    """Code versions and contents of shard sets that no ledger row names."""
    inputs = [one for row in graph.rows for one in graph.inputs(row)]
    codes = {row["code_version"] for row in graph.rows}
    codes |= {one.data_version for one in inputs if one.name.startswith("code/")}
    for path in sorted((project.home.warehouse / "code").glob("*.json")):
        if path.stem not in codes:
            yield of_path(project, path, "old_code", "no materialisation was made by it")
    versions = {row["data_version"] for row in graph.rows if row["asset"] == "shards"}
    for path in sorted((project.home.warehouse / "contents").glob("*/*.parquet")):
        if path.stem not in versions:
            yield of_path(project, path, "old_contents", "no materialisation of shards came to it")


def find_old_renders(project: Project) -> Iterator[Removal]:
    """Videos that are in no row of ``render_clips``, older than that table."""
    for dataset in project.datasets.values():
        for method in dataset.methods:
            part = part_path(project.home, "render_clips", dataset.name, method)
            if not part.exists():
                continue
            folder = project.home.renders(dataset.name, method)
            known = set(pq.read_table(part, columns=["path"], partitioning=None)["path"].to_pylist())
            for path in sorted(folder.glob("*/*.mkv")):
                is_old = path.stat().st_mtime < part.stat().st_mtime
                if is_old and path.relative_to(folder).as_posix() not in known:
                    yield of_path(
                        project, path, "old_render", "no clip of the test set stands behind it any more"
                    )


def _size(num_bytes: int) -> str:
    amount = float(num_bytes)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
