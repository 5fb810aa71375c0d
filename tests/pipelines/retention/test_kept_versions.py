"""Kept versions under ``cals gc``: a forgotten clip's rows go, other rows stay, and no version that a run needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assets.project.settings import Project
from assets.store.kept_parts import keep_parts
from assets.store.table_parts import part_path, write_part
from assets.store.warehouse import publish, query
from pipelines.forget import forget
from pipelines.retention.kept_versions import is_kept_version
from pipelines.retention.plan import Plan, carry_out, plan_removals
from tests.support.lineage_home import DATASET, METHODS, SyntheticRun, make_project

LEFT, OTHER = f"{DATASET}/test/0", f"{DATASET}/test/1"


def of_versions(project: Project) -> Plan:
    plan = plan_removals(project)
    return replace(plan, removals=[r for r in plan.removals if is_kept_version(project.home, r)])


def clips_in_history(project: Project) -> set[tuple[str, bool]]:
    found = query(project.home.database, "select distinct clip_id, is_current from clip_metrics_history")
    return set(found.itertuples(index=False, name=None))


def test_rows_of_a_forgotten_clip_go_once_nothing_current_is_computed_from_it(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    forget(project, LEFT, "withdrawn")
    assert of_versions(project).removals == []
    SyntheticRun(project, "second", (LEFT,)).make_all()
    publish(project.home)
    assert clips_in_history(project) == {(LEFT, False), (OTHER, False), (OTHER, True)}
    plan = of_versions(project)
    assert [removal.kind for removal in plan.removals] == ["forgotten"] * len(METHODS)
    assert plan.removals[0].why == "2 rows of forgotten clips in a superseded version; its other rows stay"
    carry_out(project, plan)
    assert clips_in_history(project) == {(OTHER, False), (OTHER, True)}
    assert of_versions(project).removals == []


def test_a_version_without_a_row_in_the_ledger_goes_unless_it_is_the_present_one(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    SyntheticRun(project, "first").make_all()
    row = {"dataset": DATASET, "method": "cals", "clip_id": OTHER, "audio": "own", "protocol": "primary"}
    write_part(
        project.home,
        "clip_metrics",
        [row | {"metric": "psnr", "value": 1.0}],
        dataset=DATASET,
        method="cals",
    )
    digests = keep_parts(project.home, "clip_metrics", DATASET, "cals")
    assert of_versions(project).removals == []
    part_path(project.home, "clip_metrics", DATASET, "cals").unlink()
    (removal,) = of_versions(project).removals
    assert (removal.kind, removal.name) == (
        "old_version",
        f"warehouse/history/clip_metrics/{digests['clip_metrics']}.parquet",
    )
    carry_out(project, of_versions(project))
    assert of_versions(project).removals == []
