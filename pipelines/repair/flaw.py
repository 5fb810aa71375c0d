"""One inconsistency, and its repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.lineage.ledger_graph import Partition


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """One inconsistency.

    Args:
        kind: ``dead_dagster_run``, ``dagster_differs``, ``dead_mlflow_run``, ``mlflow_differs``,
            ``orphaned_training``, ``unmarked_model``, ``left_over_file``, ``missing_output``, ``damaged_output``,
            ``unrecorded_output``, ``added_file``, ``interrupted_run``, ``old_warehouse``, ``altered_warehouse``,
            ``warehouse_differs``, ``damaged_ledger`` or ``old_ledger``; of ``cals doctor --deep`` also
            ``lost_record``, ``changed_raw_file`` and ``damaged_cache``.
        text: what was found, and where.
        remedy: what the repair does.
        mend: carries out the remedy; None if materialising ``remake`` is all.
        remake: partitions that the next run materialises although their inputs did not change.
    """

    kind: str
    text: str
    remedy: str
    mend: Callable[[], object] | None = None
    remake: tuple[Partition, ...] = ()

    @property
    def can_be_mended(self) -> bool:
        """Whether ``cals run`` repairs it; else only the user can, as ``remedy`` says."""
        return self.mend is not None or bool(self.remake)


def partition_label(of: Partition) -> str:
    return "/".join(part for part in of if part)
