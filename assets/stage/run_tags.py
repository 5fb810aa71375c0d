"""Tags of Dagster runs that decide how a stage's asset works."""

from __future__ import annotations

CAUSE_TAG = "cals.cause"
"""Why the partition is stale, in words."""

PLANNED_TAG = "cals.planned"
"""Set where the planner requested the run because the partition was stale: if it no longer is, nothing is computed."""

PUBLISHED_BY_TAG = "cals.published_by"
"""Set where whoever started the run publishes the warehouse afterwards; else the asset does."""

MADE_BY_TAG = "cals.made_by"
"""Of a materialisation that computed nothing: the run of the ledger's row that it repeats."""
