"""Opens the published database after a look at it: what a client left in it, or beside it, is published away first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from assets.project.home import Home
from assets.store.file_digests import FileDigests
from assets.store.published_file import is_as_published
from assets.store.warehouse import WarehouseError, connect, publish

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


def connect_checked(home: Home) -> Connection:
    """Opens the database read-only, as it was published.

    It is published again where a client changed it in place or left a log, and where one holds it open for writing, for
    DuckDB then lets nobody else read it. A reader who may not write in the home gets it as it is.

    Raises:
        WarehouseError: there is no database, or it is not readable.
    """
    may_publish = home.parts.exists() and os.access(home.warehouse, os.W_OK)
    if may_publish:
        digests = FileDigests.open(home)
        if not is_as_published(home, digests):
            publish(home)
        digests.save(home)
    try:
        return connect(home.database)
    except WarehouseError:
        if not may_publish:
            raise
        publish(home)
        return connect(home.database)
