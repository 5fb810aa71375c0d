"""Dagster's own app on an instance with one materialised asset, and no code location."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.types import ASGIApp

ASSET = dg.AssetKey("mels")
WIPE = 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["mels"]}}]) { __typename } }'


@contextlib.contextmanager
def dagster_pages(folder: Path, *, read_only: bool = False) -> Iterator[tuple[ASGIApp, dg.DagsterInstance]]:
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(ASSET))
        with WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), read_only=read_only) as context:
            yield create_app_from_workspace_process_context(context), instance


def is_wiped(instance: dg.DagsterInstance) -> bool:
    return instance.get_latest_materialization_event(ASSET) is None
