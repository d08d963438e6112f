"""What was spent, piece by piece, stacked by what it paid for."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from engine.costs.line import Category
from engine.costs.measured import PRICED
from pages.ui import theme
from pages.ui.charts import axes
from pages.ui.theme import Colour

HEIGHT = 300
FEW = 14  # labels that have room below their bars
COLOURS: Mapping[Category, Colour] = {
    Category.COMPUTE: "blue",
    Category.STORAGE: "green",
    Category.REQUESTS: "orange",
    Category.QUERY: "violet",
    Category.TRANSFER: "gray",
    Category.NOTIFICATION: "yellow",
}


def bars(labels: Sequence[str], amounts: Mapping[Category, Sequence[float]], *, unit: str) -> dict[str, Any]:
    """Return ECharts bars, one a label, stacked by category; categories that cost nothing are left out."""
    used = [category for category in PRICED if any(amounts[category])]
    table = pa.table({"what": list(labels)} | {category.value: list(amounts[category]) for category in used})
    series = [
        {
            "type": "bar",
            "stack": "spent",
            "name": category.value,
            "encode": {"x": "what", "y": category.value},
            "color": theme.hexadecimal(COLOURS[category]),
            "animation": False,
        }
        for category in used
    ]
    return _axes(unit, labels) | {"dataset": {"source": table}, "series": series}


def line(labels: Sequence[str], values: Sequence[float | None], *, unit: str) -> dict[str, Any]:
    """Return an ECharts line; where there is no value it has a gap."""
    series = {"type": "line", "name": unit, "encode": {"x": "what", "y": "value"}, "showSymbol": len(labels) == 1, "animation": False}
    table = pa.table({"what": list(labels), "value": pa.array(values, pa.float64())})
    return _axes(unit, labels) | {"dataset": {"source": table}, "series": [series | {"color": theme.hexadecimal("blue")}]}


def shortened(labels: Sequence[str]) -> list[str]:
    """Return labels without the first word where all have the same: `daily_prices: bronze` and `daily_prices: gold` are bronze and gold."""
    heads = {label.partition(" ")[0] for label in labels}
    return [label.partition(" ")[2] or label for label in labels] if len(heads) == 1 and len(labels) > 1 else list(labels)


def _axes(unit: str, labels: Sequence[str]) -> dict[str, Any]:
    """Return axes; few labels stand each below its bar, slanted so that a phone has room for them, of many as many as fit."""
    muted = theme.hexadecimal("gray")
    return {
        "grid": {"left": 4, "right": 12, "top": 34, "bottom": 34, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": axes.legend(),
        "xAxis": {
            "type": "category",
            "axisLabel": {"color": muted}
            | (
                {"interval": 0, "rotate": 40}
                if len(labels) <= FEW
                else {"hideOverlap": True, "alignMinLabel": "left", "alignMaxLabel": "right"}
            ),
            "axisTick": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": muted, "align": "left"},
            "axisLabel": {"color": muted},
            "splitNumber": 3,
        },
    }
