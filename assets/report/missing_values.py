"""Why a method has no figure: it is not among the dataset's methods, or a stage of it has not run yet."""

from __future__ import annotations

from collections.abc import Collection

from assets.report.rows import Rows
from cals_models.methods.registry import METHODS


def why_no_score(rows: Rows, dataset: str, method: str, methods: Collection[str]) -> str:
    """What stands in a cell of a method that was not scored.

    Args:
        methods: those of the dataset, as in ``cals.yaml``.
    """
    if method not in methods:
        return f"method {method} is not among the dataset's methods"
    named = [dataset, method]
    models = rows.ask(
        "select 1 from models where dataset = ? and method = ? and asset = 'generator' limit 1", named
    )
    if METHODS[method].is_trained and not models:
        return "not trained yet: run the stage generator"
    if not rows.ask("select 1 from render_clips where dataset = ? and method = ? limit 1", named):
        return "not rendered yet: run the stage renders"
    return "not scored yet: run the stage clip_metrics"


def why_not_measured(dataset: str, stage: str, methods: Collection[str]) -> str:
    """Why a figure that is drawn by the trained methods is not there at all."""
    if not any(METHODS[method].is_trained for method in methods):
        return f"{dataset} has no trained method, only controls."
    return f"Not measured yet: run the stage {stage}."
