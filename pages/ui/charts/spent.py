"""What was spent, piece by piece, stacked by what it paid for."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from engine.costs.line import Category
from engine.costs.measured import PRICED
from pages.ui import theme
from pages.ui.theme import Colour

HEIGHT = 280
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
    return _axes(unit) | {"dataset": {"source": table}, "series": series}


def line(labels: Sequence[str], values: Sequence[float | None], *, unit: str) -> dict[str, Any]:
    """Return an ECharts line; where there is no value it has a gap."""
    series = {"type": "line", "name": unit, "encode": {"x": "what", "y": "value"}, "showSymbol": len(labels) == 1, "animation": False}
    table = pa.table({"what": list(labels), "value": pa.array(values, pa.float64())})
    return _axes(unit) | {"dataset": {"source": table}, "series": [series | {"color": theme.hexadecimal("blue")}]}


def _axes(unit: str) -> dict[str, Any]:
    muted = theme.hexadecimal("gray")
    return {
        "grid": {"left": 4, "right": 12, "top": 34, "bottom": 34, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"bottom": 0, "left": 0, "itemWidth": 12, "itemHeight": 12, "textStyle": {"color": theme.surface("textColor")}},
        "xAxis": {"type": "category", "axisLabel": {"show": False}, "axisTick": {"show": False}},
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": muted, "align": "left"},
            "axisLabel": {"color": muted},
            "splitNumber": 3,
        },
    }
