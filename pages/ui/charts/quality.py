"""The quality of the last sessions: what checks over sessions look like, where the lines of one file went, shares over time."""

from collections.abc import Mapping, Sequence
from datetime import date
from math import ceil
from typing import Any

from pages.ui import theme
from pages.ui.charts import axes
from pages.ui.charts.heat import Shade
from pages.ui.theme import Look
from storage.status import CheckStatus

TREND_HEIGHT, LAW_HEIGHT = 200, 96


def label(day: date) -> str:
    """Return a session as an axis names it."""
    return f"{day.day} {day:%b}"


def shades() -> dict[str, Shade]:
    """Return the kinds of cells that checks over sessions have, by how a check ended, in the colours of now."""
    return {status: Shade(theme.look(status).word, theme.look(status).sign, _colour(status), _opacity(status)) for status in CheckStatus}


def _colour(status: CheckStatus) -> str:
    if status is CheckStatus.NOT_APPLICABLE:
        return theme.surface("borderColor")
    return theme.surface("secondaryBackgroundColor") if status is CheckStatus.OFF else theme.hexadecimal(theme.look(status).colour)


def _opacity(status: CheckStatus) -> float:
    """Most cells pass: they stay quiet, so that the others stand out."""
    return 0.35 if status is CheckStatus.PASSED else 1


def law(parts: Mapping[str, int]) -> dict[str, Any]:
    """Return one ECharts bar of a file's lines, cut by where they went; a part that holds a line is never too thin to be seen."""
    colours = {"header": "gray", "blank": "gray", "loaded": "green", "quarantined": "red", "duplicates": "violet"}
    whole = max(sum(parts.values()), 1)
    drawn = {name: max(number, whole * 0.012) for name, number in parts.items() if number}
    return {
        "animation": False,
        "grid": {"left": 0, "right": 0, "top": 4, "bottom": 34},
        "tooltip": {"confine": True},
        "legend": {
            "bottom": 0,
            "left": 0,
            "itemWidth": 12,
            "itemHeight": 12,
            "itemGap": 12,
            "selectedMode": False,
            "textStyle": {"color": theme.surface("textColor"), "fontSize": 12},
        },
        "xAxis": {"type": "value", "show": False, "max": sum(drawn.values()) or 1},
        "yAxis": {"type": "category", "data": ["lines"], "show": False},
        "series": [
            {
                "type": "bar",
                "stack": "lines",
                "barWidth": 26,
                "name": f"{name} {parts[name]:,}",
                "data": [length],
                "itemStyle": {
                    "color": theme.hexadecimal(colours[name]),  # type: ignore[arg-type]
                    "borderColor": theme.surface("backgroundColor"),
                    "borderWidth": 1,
                    "opacity": 0.75 if name == "loaded" else 1,
                },
                "tooltip": {"formatter": f"<b>{name}</b><br/>{parts[name]:,} of {whole:,} lines"},
            }
            for name, length in drawn.items()
        ],
    }


def shares(sessions: Sequence[date], series: Mapping[str, tuple[Sequence[float | None], Look]], *, limit: float | None) -> dict[str, Any]:
    """Return ECharts bars: how many percent of the rows of each session (oldest left) came to what, stacked; `limit` is drawn across."""
    muted = theme.hexadecimal("gray")
    bars: list[dict[str, Any]] = [
        {
            "type": "bar",
            "stack": "rows",
            "name": name,
            "data": [None if value is None else round(value, 4) for value in values],
            "color": theme.hexadecimal(seen.colour),
            "barCategoryGap": "20%",
        }
        for name, (values, seen) in series.items()
    ]
    stacks = zip(*(values for values, _ in series.values()), strict=True)
    highest = max((sum(value or 0 for value in values) for values in stacks), default=0)
    top: dict[str, float] = {}
    if limit is not None and bars and highest >= limit / 4:  # far above all bars it would only flatten them
        bars[0]["markLine"] = _across(limit)
        top = {"max": float(ceil(max(highest, limit) * 1.15))}
    return {
        "animation": False,
        "grid": {"left": 4, "right": 8, "top": 16, "bottom": 34, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "valueFormatter": "%,.2f%%", "confine": True},
        "legend": axes.legend() | {"selectedMode": False},
        "xAxis": axes.names([label(day) for day in sessions]),
        "yAxis": axes.values() | {"splitNumber": 3, "axisLabel": {"color": muted, "formatter": "{value}%"}} | top,
        "series": bars,
    }


def _across(limit: float) -> dict[str, Any]:
    red = theme.hexadecimal("red")
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": red, "type": "dashed"},
        "label": {
            "formatter": f"blocked above {limit:g}%",
            "color": red,
            "position": "insideEndTop",
            "backgroundColor": theme.surface("backgroundColor"),
            "padding": [1, 4],
        },
        "data": [{"yAxis": limit}],
    }
