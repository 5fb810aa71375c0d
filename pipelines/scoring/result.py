"""What ``cals score`` prints: means over clips as a table or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from assets.metrics.folder_pairs import Failure


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What was scored.

    Args:
        method: of the rows, ``external/<name>``.
        dataset: of the rows.
        rows: of ``clip_metrics``.
        failures: videos without values.
    """

    method: str
    dataset: str
    rows: list[dict[str, Any]]
    failures: list[Failure]

    def means(self) -> list[dict[str, Any]]:
        """Unweighted mean over clips of each protocol and metric; None where no clip has a value, with the reason."""
        found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault((row["protocol"], row["metric"], row["evaluator"]), []).append(row)
        means: list[dict[str, Any]] = []
        for (protocol, metric, evaluator), rows in sorted(found.items()):
            values = [row["value"] for row in rows if row["value"] is not None]
            means.append(
                {
                    "protocol": protocol,
                    "metric": metric,
                    "mean": sum(values) / len(values) if values else None,
                    "num_clips": len(values),
                    "evaluator": evaluator,
                    "detail": None if values else rows[0]["detail"],
                }
            )
        return means

    def as_json(self) -> dict[str, Any]:
        """Stable form of ``--json``."""
        return {
            "format": 1,
            "method": self.method,
            "dataset": self.dataset,
            "means": self.means(),
            "rows": self.rows,
            "failures": [asdict(failure) for failure in self.failures],
        }

    def lines(self) -> list[str]:
        """A table for people."""
        lines = [f"{'protocol':<14}{'metric':<12}{'mean':>10}  {'clips':>5}  evaluator"]
        for mean in self.means():
            value = "none" if mean["mean"] is None else f"{mean['mean']:.4f}"
            why = f"  ({mean['detail']})" if mean["detail"] else ""
            lines.append(
                f"{mean['protocol']:<14}{mean['metric']:<12}{value:>10}  {mean['num_clips']:>5}  "
                f"{mean['evaluator']}{why}"
            )
        num_clips = len({row["clip_id"] for row in self.rows})
        lines.append(
            f"{num_clips} clips scored as {self.method} of {self.dataset}, {len(self.failures)} not scored"
        )
        return lines
