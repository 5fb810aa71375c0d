"""The Dagster code location: assets, jobs, sensors and resources."""

from __future__ import annotations

import dagster as dg

from pipelines.automation import raw_file_sensor, stale_job, stale_sensor
from pipelines.definitions import ALL_ASSETS, RESOURCES

defs = dg.Definitions(
    assets=ALL_ASSETS,
    jobs=[stale_job],
    sensors=[stale_sensor, raw_file_sensor],
    resources=RESOURCES,
)
