"""How a stage declares its function; ``asset_factory`` builds the Dagster asset from the declaration.

No Dagster here: the planner may import a module that declares a stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assets.stage.run import StageResult, StageRun

Compute = Callable[[StageRun], StageResult]
ComputeSeveral = Callable[[dict[str, StageRun]], dict[str, StageResult]]


@dataclass(frozen=True, kw_only=True)
class StageAsset:
    """One stage, or several that one pass over the raw data computes.

    Args:
        names: stages of ``assets.project.graph``.
        compute: gets a run for each requested stage; returns a result for each.
        description: shown in Dagster.
        checks: stage -> check name -> whether a failure blocks the stages below.
    """

    names: tuple[str, ...]
    compute: ComputeSeveral
    description: str
    checks: Mapping[str, Mapping[str, bool]]


def stage_asset(name: str, *, checks: Mapping[str, bool] | None = None) -> Callable[[Compute], StageAsset]:
    """Declares ``compute(run) -> StageResult`` as the function of a stage.

    Args:
        name: a stage of ``assets.project.graph``; the function's docstring becomes the asset's description.
        checks: check name -> whether a failure blocks the stages below; the result holds an outcome for each.
    """

    def declare(compute: Compute) -> StageAsset:
        return StageAsset(
            names=(name,),
            compute=lambda runs: {name: compute(runs[name])},
            description=compute.__doc__ or "",
            checks={name: checks or {}},
        )

    return declare


def joint_stage_asset(
    names: tuple[str, ...], *, checks: Mapping[str, Mapping[str, bool]]
) -> Callable[[ComputeSeveral], StageAsset]:
    """Declares a function for stages that can be computed in one pass over the raw data, or one by one."""

    def declare(compute: ComputeSeveral) -> StageAsset:
        return StageAsset(names=names, compute=compute, description=compute.__doc__ or "", checks=checks)

    return declare
