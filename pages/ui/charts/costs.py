"""The chart of what would be spent: the months ahead by category, which is drawn anew in place with each turn of a slider."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import floor, log10
from typing import Any

from engine.costs.line import Category
from pages.ui import cost_words as words
from pages.ui import theme
from pages.ui.charts import axes

HEIGHT = 270


def ahead(
    by_category: Mapping[Category, Sequence[Decimal]], band: Sequence[tuple[Decimal, Decimal]], *, unit: str, top: float
) -> dict[str, Any]:
    """Return what each month ahead would cost, stacked by category, with the band of the whole; `top` is where the axis ends."""
    months = len(band)
    stacked = [
        {
            "type": "line",
            "stack": "cost",
            "name": words.NAMES[category],
            "data": [float(value) for value in values],
            "color": theme.hexadecimal(words.COLOURS[category]),
            "showSymbol": months == 1,
            "lineStyle": {"width": 0.8},
            "areaStyle": {"opacity": 0.55},
        }
        for category, values in by_category.items()
        if any(values)
    ]
    edges = [
        {
            "type": "line",
            "name": name,
            "data": [float(edge[side]) for edge in band],
            "color": theme.surface("textColor"),
            "showSymbol": False,
            "lineStyle": {"width": 1.2, "type": "dashed"},
            "z": 5,
        }
        for side, name in enumerate(("80% of bytes: least", "80% of bytes: most"))
    ]
    axis = axes.names([f"{number}" for number in range(1, months + 1)]) | axes.below("months ahead")
    option = _frame(unit) | {"tooltip": _tooltip(), "xAxis": axis, "series": [*stacked, *edges]}
    option["yAxis"] |= {"max": rounded_up(top), "min": 0}
    return option


def rounded_up(value: float) -> float:
    """Return where an axis ends well: the next 1, 1.5, 2, 3, 4, 5, 6, 8 of a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(value))
    return next(round(step * power, 12) for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def _tooltip() -> dict[str, Any]:
    return {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}}


def _frame(unit: str) -> dict[str, Any]:
    return {
        "animation": False,
        "grid": {"left": 4, "right": 18, "top": 28, "bottom": 30, "containLabel": True},
        "legend": {"show": False},  # the page has one for both scenarios, which no narrow chart cuts
        "yAxis": axes.values(unit) | {"splitNumber": 3},
    }
