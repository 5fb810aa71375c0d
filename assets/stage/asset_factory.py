"""Turns a stage's plain function into a Dagster asset: versions, ledger, checks and metadata in one place."""

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from assets.project.graph import STAGES, Stage, source_names, stage_code
from assets.stage.partitions import dataset_and_method, datasets, datasets_by_method
from assets.stage.resources import ProjectResource
from assets.stage.run import CheckOutcome, StageResult, StageRun, require_method
from assets.store import ledger

OWNERS = ["team:cals"]
POOL = "gpu"
Make = Callable[[StageRun], StageResult]
MakeSeveral = Callable[[dict[str, StageRun]], dict[str, StageResult]]


def _spec(stage: Stage, description: str, *, skippable: bool = False) -> dg.AssetSpec:
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


def _stage_run(
    context: dg.AssetExecutionContext, resource: ProjectResource, stage: str
) -> tuple[StageRun, float]:
    project = resource.load()
    dataset, method = dataset_and_method(context.partition_key)
    require_method(project.dataset(dataset), method)
    run = StageRun(
        stage=stage,
        project=project,
        dataset=project.dataset(dataset),
        method=method,
        pool=resource.pool(),
        heads=ledger.heads(project.home),
        dagster_run_id=context.run_id,
        tracking=resource.tracking(),
        log=context.log.info,
    )
    return run, time.monotonic()


def _metadata(produced: StageResult) -> dict[str, Any]:
    shown: dict[str, Any] = {**produced.counts, **produced.facts}
    for name, picture in produced.previews.items():
        data = base64.b64encode(picture.png).decode("ascii")
        shown[name] = dg.MetadataValue.md(f"![{name}](data:image/png;base64,{data})")
    return shown


def _keep_pictures(run: StageRun, produced: StageResult) -> None:
    from assets.project.atomic_files import replacing

    folder = (run.folder / run.method if run.method else run.folder) / "pictures"
    for name, picture in produced.previews.items():
        with replacing(folder / f"{name}.png") as temporary:
            temporary.write_bytes(picture.png)
    for path in folder.glob("*.png"):
        if path.stem not in produced.previews:
            path.unlink()


def _record(run: StageRun, inputs: dict[str, str], produced: StageResult, duration_s: float) -> None:
    _keep_pictures(run, produced)
    failed = [check.name for check in produced.checks if check.blocking and not check.passed]
    entry = ledger.Entry(
        asset=run.stage,
        dataset=run.dataset.name,
        method=run.method,
        data_version=produced.data_version,
        code_version=run.code.digest,
        settings=run.settings_values,
        inputs=inputs,
        dagster_run_id=run.dagster_run_id,
        duration_s=duration_s,
        num_clips=produced.num_clips,
        mlflow_run_id=produced.mlflow_run_id,
        device=produced.device,
        imported_from=produced.imported_from,
        counts=produced.counts,
        blocked_by=failed[0] if failed else None,
    )
    ledger.append(run.home, entry, run.code)


def _check_specs(stage: str, checks: dict[str, bool]) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name, asset=stage, blocking=blocking) for name, blocking in checks.items()]


def _check_result(stage: str, check: CheckOutcome) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=stage,
        check_name=check.name,
        passed=check.passed,
        severity=severity,
        description=check.description,
    )


def _result(run: StageRun, produced: StageResult) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        asset_key=run.stage,
        data_version=dg.DataVersion(produced.data_version),
        metadata=_metadata(produced),
        check_results=[_check_result(run.stage, check) for check in produced.checks],
    )


def stage_asset(name: str, *, checks: dict[str, bool] | None = None) -> Callable[[Make], dg.AssetsDefinition]:
    """Makes a Dagster asset of a function ``make(run) -> StageResult``.

    Args:
        name: a stage of ``assets.project.graph``; the function's docstring becomes the asset's description.
        checks: check name -> whether a failure blocks the stages below; ``make`` returns an outcome for each.
    """

    def decorate(make: Make) -> dg.AssetsDefinition:
        stage = STAGES[name]

        @dg.multi_asset(
            name=name,
            specs=[_spec(stage, make.__doc__ or "")],
            check_specs=_check_specs(name, checks or {}),
            pool=POOL if stage.trains else None,
        )
        def asset(
            context: dg.AssetExecutionContext, project: ProjectResource
        ) -> Iterator[dg.MaterializeResult[Any]]:
            run, start = _stage_run(context, project, name)
            inputs = run.inputs()
            produced = make(run)
            _record(run, inputs, produced, time.monotonic() - start)
            yield _result(run, produced)

        return asset

    return decorate


def joint_stage_asset(
    names: tuple[str, ...], *, checks: dict[str, dict[str, bool]]
) -> Callable[[MakeSeveral], dg.AssetsDefinition]:
    """Makes one Dagster op of stages that can be made in one pass over the raw data, or one by one.

    The function gets a run for each stage asked for, and returns what it made of each.
    """

    def decorate(make: MakeSeveral) -> dg.AssetsDefinition:
        specs = [_spec(STAGES[name], make.__doc__ or "", skippable=True) for name in names]

        @dg.multi_asset(
            name="_and_".join(names),
            specs=specs,
            check_specs=[spec for name in names for spec in _check_specs(name, checks.get(name, {}))],
            can_subset=True,
        )
        def asset(
            context: dg.AssetExecutionContext, project: ProjectResource
        ) -> Iterator[dg.MaterializeResult[Any]]:
            selected = [name for name in names if dg.AssetKey(name) in context.selected_asset_keys]
            started = {name: _stage_run(context, project, name) for name in selected}
            produced = make({name: run for name, (run, _) in started.items()})
            for name in selected:
                run, start = started[name]
                _record(run, _inputs_after(run, produced), produced[name], time.monotonic() - start)
                yield _result(run, produced[name])

        return asset

    return decorate


def _inputs_after(run: StageRun, produced: dict[str, StageResult]) -> dict[str, str]:
    """Inputs of a stage some of which were made in this same pass."""
    from dataclasses import replace

    heads = dict(run.heads)
    for name, made in produced.items():
        heads[(name, run.dataset.name, run.method)] = {"data_version": made.data_version}
    return replace(run, heads=heads).inputs()
