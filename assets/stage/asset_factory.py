"""Builds the Dagster asset of a stage: versions, ledger, checks and metadata in one place."""

import base64
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from assets.project.atomic_files import replacing
from assets.project.graph import STAGES, Stage, source_names, stage_code
from assets.stage.partition_files import partition_files
from assets.stage.partitions import dataset_and_method, datasets, datasets_by_method
from assets.stage.resources import ProjectResource
from assets.stage.run import CheckOutcome, StageResult, StageRun, require_method
from assets.stage.run_tags import MADE_BY_TAG, PLANNED_TAG, PUBLISHED_BY_TAG
from assets.stage.stage_asset import StageAsset
from assets.store import ledger
from assets.store.bucket_files import forget_written
from assets.store.file_digests import FileDigests
from assets.store.file_records import RecordedFile, look_at
from assets.store.forced_clips import FORCE_TAG, forced_by_tag
from assets.store.kept_parts import adopt_parts
from assets.store.partition_runs import DONE, UNCHANGED, progress_of, work_on
from assets.store.warehouse import publish

OWNERS = ["team:cals"]
POOL = "gpu"


def dagster_asset(declared: StageAsset) -> dg.AssetsDefinition:
    """The Dagster asset of a declared stage; several stages of one pass become one op, of which any part can run."""
    stages = [STAGES[name] for name in declared.names]
    is_joint = len(stages) > 1

    @dg.multi_asset(
        name="_and_".join(declared.names),
        specs=[_spec(stage, declared.description, skippable=is_joint) for stage in stages],
        check_specs=[
            dg.AssetCheckSpec(name, asset=stage.name, blocking=blocking)
            for stage in stages
            for name, blocking in declared.checks.get(stage.name, {}).items()
        ],
        can_subset=is_joint,
        pool=POOL if any(stage.trains for stage in stages) else None,
    )
    def asset(
        context: dg.AssetExecutionContext, project: ProjectResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        selected = [name for name in declared.names if dg.AssetKey(name) in context.selected_asset_keys]
        dataset, method = dataset_and_method(context.partition_key)
        home = project.load().home
        partitions = [(name, dataset, method) for name in selected]
        with work_on(home, partitions, context.run_id, partial(_say, context)) as work:
            runs = {name: _stage_run(context, project, name) for name in selected}
            made = _made_already(context, runs, waited=work.waited)
            due = {name: run for name, run in runs.items() if name not in made}
            with progress_of(work):
                results = _compute(declared, due)
            work.end(DONE if due else UNCHANGED)
            for name, run in runs.items():
                yield _unchanged(declared, run, made[name]) if name in made else _made(run, results[name])
        if PUBLISHED_BY_TAG not in context.run.tags:
            ledger.compact(home)
            publish(home)

    return asset


def _say(context: dg.AssetExecutionContext, text: str) -> None:
    """Tells the run's log and whoever looks at the terminal."""
    context.log.info(text)
    print(text, file=sys.stderr, flush=True)


def _made_already(
    context: dg.AssetExecutionContext, runs: dict[str, StageRun], *, waited: bool
) -> dict[str, dict[str, Any]]:
    """Ledger rows of the stages that another run made since this one was requested.

    A run that someone started by hand is computed as requested, unless it had to wait for another one.
    """
    if not waited and PLANNED_TAG not in context.run.tags:
        return {}
    rows = {name: run.made_already() for name, run in runs.items() if not run.forced}
    return {name: row for name, row in rows.items() if row is not None}


def _compute(declared: StageAsset, runs: dict[str, StageRun]) -> dict[str, StageResult]:
    """Computes stages and records them in the ledger."""
    if not runs:
        return {}
    start = time.monotonic()
    is_joint = len(declared.names) > 1
    inputs = {} if is_joint else {name: run.inputs() for name, run in runs.items()}
    parts = {name: run.parts_read() for name, run in runs.items()}
    results = declared.compute(runs)
    for name, run in runs.items():
        versions = _inputs_after(run, results) if is_joint else inputs[name]
        _record(run, versions, parts[name], results[name], time.monotonic() - start)
    return results


def _spec(stage: Stage, description: str, *, skippable: bool) -> dg.AssetSpec:
    return dg.AssetSpec(
        stage.name,
        deps=[*stage.deps, *(dg.AssetKey(name.split("/")) for name in source_names(stage))],
        description=description,
        code_version=stage_code(stage.name).digest,
        group_name=stage.group,
        kinds=set(stage.kinds),
        owners=OWNERS,
        skippable=skippable,
        partitions_def=datasets_by_method if stage.by_method else datasets,
    )


def _stage_run(context: dg.AssetExecutionContext, resource: ProjectResource, stage: str) -> StageRun:
    project = resource.load()
    dataset, method = dataset_and_method(context.partition_key)
    require_method(project.dataset(dataset), method)
    heads = ledger.heads(project.home)
    adopt_parts(project.home, heads.get((stage, dataset, method)))
    return StageRun(
        stage=stage,
        project=project,
        dataset=project.dataset(dataset),
        method=method,
        pool=resource.pool(),
        heads=heads,
        dagster_run_id=context.run_id,
        tracking=resource.tracking(),
        log=context.log.info,
        forced=forced_by_tag(context.run.tags.get(FORCE_TAG, ""), stage),
    )


def _inputs_after(run: StageRun, results: dict[str, StageResult]) -> dict[str, str]:
    """Inputs of a stage some of which the same pass computed."""
    heads = dict(run.heads)
    for name, result in results.items():
        heads[(name, run.dataset.name, run.method)] = {"data_version": result.data_version}
    return replace(run, heads=heads).inputs()


def _record(
    run: StageRun, inputs: dict[str, str], parts: dict[str, str], result: StageResult, duration_s: float
) -> None:
    _store_previews(run, result)
    failed = [check.name for check in result.checks if check.blocking and not check.passed]
    entry = ledger.Entry(
        asset=run.stage,
        dataset=run.dataset.name,
        method=run.method,
        data_version=result.data_version,
        code_version=run.code.digest,
        settings=run.settings_values,
        inputs=inputs,
        parts_read=parts,
        dagster_run_id=run.dagster_run_id,
        duration_s=duration_s,
        num_clips=result.num_clips,
        mlflow_run_id=result.mlflow_run_id,
        device=result.device,
        imported_from=result.imported_from,
        counts=result.counts,
        blocked_by=failed[0] if failed else None,
        checks={
            check.name: {"passed": check.passed, "blocking": check.blocking, "description": check.description}
            for check in result.checks
        },
    )
    ledger.append(run.home, entry, run.code, _files(run, result), run.chosen)
    forget_written(run.folder)


def _files(run: StageRun, result: StageResult) -> tuple[RecordedFile, ...]:
    """The partition's files with their digests; those of the same size and time as at the last look are not read again."""
    digests = FileDigests.open(run.home)
    paths = partition_files(run.home, run.stage, run.dataset.name, run.method, result.data_version)
    found = look_at(digests, paths)
    digests.save(run.home)
    return found


def _store_previews(run: StageRun, result: StageResult) -> None:
    """Writes the previews where the report finds them, and removes those of an earlier run."""
    folder = (run.folder / run.method if run.method else run.folder) / "pictures"
    for name, preview in result.previews.items():
        with replacing(folder / f"{name}.png") as temporary:
            temporary.write_bytes(preview.png)
    for path in folder.glob("*.png"):
        if path.stem not in result.previews:
            path.unlink()


def _made(run: StageRun, result: StageResult) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        asset_key=run.stage,
        data_version=dg.DataVersion(result.data_version),
        metadata=_metadata(result),
        check_results=[_check_result(run.stage, check) for check in result.checks],
    )


def _unchanged(declared: StageAsset, run: StageRun, row: dict[str, Any]) -> dg.MaterializeResult[Any]:
    """Repeats the materialisation of another run, so that this one goes on to the stages below."""
    outcomes = json.loads(row["checks_json"] or "{}")
    checks = [
        CheckOutcome(
            name=name,
            blocking=outcomes.get(name, {}).get("blocking", blocking),
            passed=outcomes.get(name, {}).get("passed", name != row["blocked_by"]),
            description=outcomes.get(name, {}).get("description", "not on record"),
        )
        for name, blocking in declared.checks.get(run.stage, {}).items()
    ]
    return dg.MaterializeResult(
        asset_key=run.stage,
        data_version=dg.DataVersion(row["data_version"]),
        metadata={"made meanwhile by run": row["dagster_run_id"]},
        check_results=[_check_result(run.stage, check) for check in checks],
        tags={MADE_BY_TAG: row["dagster_run_id"]},
    )


def _metadata(result: StageResult) -> dict[str, Any]:
    metadata: dict[str, Any] = {**result.counts, **result.facts}
    for name, preview in result.previews.items():
        data = base64.b64encode(preview.png).decode("ascii")
        metadata[name] = dg.MetadataValue.md(f"![{name}](data:image/png;base64,{data})")
    return metadata


def _check_result(stage: str, check: CheckOutcome) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=stage,
        check_name=check.name,
        passed=check.passed,
        severity=severity,
        description=check.description,
    )
