"""Why a method has no score: it is not among the dataset's methods, or a stage has not run yet."""

from __future__ import annotations

from collections.abc import Collection

from assets.report.definitions import method_definitions
from assets.report.warehouse_reader import WarehouseReader


def why_no_score(
    warehouse: WarehouseReader, dataset: str, method: str, dataset_methods: Collection[str]
) -> str:
    """Text of the cells of a method that was not scored.

    Args:
        dataset_methods: those of the dataset, as in ``cals.yaml``.
    """
    if method not in dataset_methods:
        return f"method {method} is not among the dataset's methods"
    named = [dataset, method]
    models = warehouse.rows(
        "select 1 from models where dataset = ? and method = ? and asset = 'generator' limit 1", named
    )
    if not method_definitions(warehouse).is_control(method) and not models:
        return "not trained yet: run the stage generator"
    if not warehouse.rows("select 1 from render_clips where dataset = ? and method = ? limit 1", named):
        return "not rendered yet: run the stage renders"
    return "not scored yet: run the stage clip_metrics"


def why_not_measured(
    warehouse: WarehouseReader, dataset: str, stage: str, dataset_methods: Collection[str]
) -> str:
    """Why there is nothing to show of a stage that measures the trained methods."""
    if all(method_definitions(warehouse).is_control(method) for method in dataset_methods):
        return f"{dataset} has no trained method, only controls."
    return f"Not measured yet: run the stage {stage}."
