"""Metrics and methods as the warehouse defines them: labels, order, direction, decimals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assets.report.warehouse_reader import WarehouseReader

PROPOSED_METHOD = "cals"


@dataclass(frozen=True, kw_only=True)
class MetricDefinition:
    """A row of ``metric_definitions``.

    Args:
        name: in ``clip_metrics`` and ``set_metrics``.
        label: in headings.
        unit: of its values; empty where they have none.
        better: ``higher`` or ``lower``.
        decimals: digits after the point that tables print.
        description: what it measures.
    """

    name: str
    label: str
    unit: str
    better: str
    decimals: int
    description: str

    @property
    def arrow(self) -> str:
        return "\N{UPWARDS ARROW}" if self.better == "higher" else "\N{DOWNWARDS ARROW}"

    @property
    def heading(self) -> str:
        """Label with unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


@dataclass(frozen=True, kw_only=True)
class MethodDefinition:
    """A row of ``method_definitions``."""

    name: str
    label: str
    position: int
    is_control: bool
    draws: str | None = None
    differs: str | None = None
    is_optional: bool | None = None


@dataclass(frozen=True)
class MethodDefinitions:
    """The defined methods by name; others, such as ``external/...``, are printed by their name and come last."""

    by_name: Mapping[str, MethodDefinition]

    def label(self, name: str) -> str:
        return self.by_name[name].label if name in self.by_name else name

    def published_label(self, name: str) -> str:
        """Of a row of the paper: its own method is marked, since a row of the same name is measured here."""
        return f"{self.label(name)} (paper)" if name == PROPOSED_METHOD else self.label(name)

    def is_control(self, name: str) -> bool:
        return name in self.by_name and self.by_name[name].is_control

    def draws_whole_crop(self, name: str) -> bool:
        """Whether its PSNR and SSIM of the whole crop compare only with those of methods that draw it too."""
        return name in self.by_name and self.by_name[name].draws == "whole_crop"

    def note(self, name: str) -> str:
        """What differs from the published system of that name; empty where nothing does."""
        return (self.by_name[name].differs or "") if name in self.by_name else ""

    def is_optional(self, name: str) -> bool:
        return name in self.by_name and bool(self.by_name[name].is_optional)

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Each name once, as tables list them."""

        def place(name: str) -> tuple[float, str]:
            return (self.by_name[name].position if name in self.by_name else math.inf, name)

        return sorted(set(names), key=place)


def metric_definitions(warehouse: WarehouseReader) -> dict[str, MetricDefinition]:
    """Metrics by name, as tables list them."""
    found = warehouse.rows(
        "select metric, label, unit, better, decimals, description from metric_definitions order by position"
    )
    return {
        row["metric"]: MetricDefinition(
            name=row["metric"],
            label=row["label"],
            unit="" if row["unit"] == "1" else row["unit"],
            better=row["better"],
            decimals=row["decimals"],
            description=row["description"],
        )
        for row in found
    }


def method_definitions(warehouse: WarehouseReader) -> MethodDefinitions:
    found = warehouse.rows(
        "select method as name, label, position, is_control, draws, differs, is_optional from method_definitions"
    )
    return MethodDefinitions({row["name"]: MethodDefinition(**row) for row in found})
