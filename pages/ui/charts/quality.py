"""The quality of the last sessions: checks over sessions, where the lines of one file went, shares over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any

import pandas as pd

from pages.ui import theme
from pages.ui.charts.legend import legend
from pages.ui.theme import Look
from storage.status import CheckStatus

TREND_HEIGHT, LAW_HEIGHT = 200, 96
ROW = 20  # pixels
PHONE_WIDTH, SESSIONS_ON_A_PHONE = 640, 14
_BELOW = 84  # axis and legend


@dataclass(frozen=True, slots=True)
class Cell:
    """How one check ended in one session; `text` is what its tooltip says."""

    row: int
    column: int
    status: CheckStatus
    text: str


def grid_height(rows: int) -> int:
    """Return the pixels that a grid of so many checks needs."""
    return _BELOW + ROW * rows


def label(day: date) -> str:
    """Return a session as an axis names it."""
    return f"{day.day} {day:%b}"


def grid(rows: Sequence[str], sessions: Sequence[date], cells: Sequence[Cell], *, chosen: tuple[int | None, int | None]) -> dict[str, Any]:
    """Return the ECharts option of checks (top to bottom) over sessions (oldest left); a clicked cell's index is its place in `cells`.

    `chosen` are the row and the column that are looked at. On a phone only the last sessions are drawn.
    """
    looks = {status: theme.look(status) for status in CheckStatus}
    codes = {status: code for code, status in enumerate(CheckStatus)}
    days = [label(day) for day in sessions]
    frame = pd.DataFrame(
        {
            "day": [days[cell.column] for cell in cells],
            "check": [rows[cell.row] for cell in cells],
            "code": [codes[cell.status] for cell in cells],
            "sign": [looks[cell.status].sign for cell in cells],
            "word": [looks[cell.status].word for cell in cells],
            "text": [cell.text for cell in cells],
        }
    )
    muted, text = theme.hexadecimal("gray"), theme.surface("textColor")
    pieces = [
        {"value": codes[status], "label": f"{seen.sign} {seen.word}".strip(), "color": _colour(status), "opacity": _opacity(status)}
        for status, seen in looks.items()
        if any(cell.status is status for cell in cells)
    ]
    row, column = chosen
    option = {
        "dataset": {"source": frame},
        "tooltip": {
            "formatter": "<b>{@check}</b> · {@day}<br/>{@word}{@text}",
            "confine": True,
            "extraCssText": "max-width:22rem;white-space:normal",
        },
        "visualMap": legend(pieces) | {"seriesIndex": 0, "left": 0},
        "grid": {"left": 4, "right": 8, "top": 4, "bottom": 62, "containLabel": True},
        "xAxis": _category(days) | {"axisLabel": {"color": muted, "fontSize": 11, "hideOverlap": True}},
        "yAxis": _category(list(rows)) | {"inverse": True, "axisLabel": {"color": text, "fontSize": 12, "interval": 0}},
        "series": [_cells(), *_ring(rows, days, row, column)],
        "animation": False,
    }
    narrow = {
        "xAxis": {"min": max(min(len(days) - SESSIONS_ON_A_PHONE, column if column is not None else len(days)), 0)},
        "yAxis": {"axisLabel": {"fontSize": 10}},
        "visualMap": {"itemGap": 6, "textStyle": {"fontSize": 11}},
    }
    return {"baseOption": option, "media": [{"query": {"maxWidth": PHONE_WIDTH}, "option": narrow}]}


def _colour(status: CheckStatus) -> str:
    if status is CheckStatus.NOT_APPLICABLE:
        return theme.surface("borderColor")
    return theme.surface("secondaryBackgroundColor") if status is CheckStatus.OFF else theme.hexadecimal(theme.look(status).colour)


def _opacity(status: CheckStatus) -> float:
    """Most cells pass: they stay quiet, so that the others stand out."""
    return 0.35 if status is CheckStatus.PASSED else 1


def _cells() -> dict[str, Any]:
    return {
        "type": "heatmap",
        "encode": {"x": "day", "y": "check", "value": "code"},
        "selectedMode": "single",
        "select": {"itemStyle": {"borderWidth": 1, "borderColor": theme.surface("backgroundColor")}},
        "label": {"show": True, "formatter": "{@sign}", "fontSize": 11},
        "itemStyle": {"borderRadius": 3, "borderWidth": 1, "borderColor": theme.surface("backgroundColor")},
        "emphasis": {"itemStyle": {"borderColor": theme.surface("textColor"), "borderWidth": 1}},
    }


def _ring(rows: Sequence[str], days: Sequence[str], row: int | None, column: int | None) -> list[dict[str, Any]]:
    if column is None:
        return []
    column_of = [[days[column], name, 0] for name in rows]
    thin = {"type": "heatmap", "silent": True, "tooltip": {"show": False}, "label": {"show": False}}
    ringed = [(column_of, 1, 0.55)] if row is None else [(column_of, 1, 0.55), ([[days[column], rows[row], 0]], 2, 1)]
    return [
        thin
        | {
            "data": data,
            "itemStyle": {
                "color": "transparent",
                "borderColor": theme.surface("textColor"),
                "borderWidth": width,
                "borderRadius": 3,
                "opacity": opacity,
            },
        }
        for data, width, opacity in ringed
    ]


def _category(names: list[str]) -> dict[str, Any]:
    return {"type": "category", "data": names, "axisLine": {"show": False}, "axisTick": {"show": False}, "splitArea": {"show": False}}


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
        "legend": {
            "bottom": 0,
            "left": 0,
            "itemWidth": 12,
            "itemHeight": 12,
            "selectedMode": False,
            "textStyle": {"color": theme.surface("textColor")},
        },
        "xAxis": {
            "type": "category",
            "data": [label(day) for day in sessions],
            "axisLabel": {"color": muted, "hideOverlap": True},
            "axisTick": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "splitNumber": 3,
            "axisLabel": {"color": muted, "formatter": "{value}%"},
            "splitLine": {"lineStyle": {"color": theme.surface("borderColor"), "opacity": 0.6}},
        }
        | top,
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
