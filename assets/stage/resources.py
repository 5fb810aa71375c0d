"""Resource classes; the instances are in ``pipelines/definitions.py``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg

from assets.project.settings import Project, load_project
from assets.store.mlflow_tracking import Tracking
from assets.workers.clip_pool import PoolSettings


class ProjectResource(dg.ConfigurableResource[Any]):
    """The project: settings file, home, worker pool.

    Args:
        config_path: ``cals.yaml``; empty searches from the working directory upwards.
        home: ``CALS_HOME``; empty takes that of the environment, else the one beside ``cals.yaml``.
        num_workers: worker processes for per-clip work; 0 starts one a processor core.
        clip_timeout_s: limit on the time of one clip in one stage, seconds.
    """

    config_path: str = ""
    home: str = ""
    num_workers: int = 0
    clip_timeout_s: float = 600.0

    def load(self) -> Project:
        """Reads ``cals.yaml`` as it is now, so that a long-lived code server sees each edit."""
        return load_project(self.config_path or None, Path(self.home) if self.home else None)

    def pool(self) -> PoolSettings:
        count = int(os.environ.get("CALS_NUM_WORKERS", self.num_workers)) or os.cpu_count() or 1
        return PoolSettings(num_workers=count, timeout_s=self.clip_timeout_s)

    def tracking(self) -> Tracking:
        return Tracking(Path(self.load().home.mlflow))
