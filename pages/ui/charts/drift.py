"""Charts of drift: features over sessions, a distance beside its limit, two distributions on each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import pandas as pd

from engine.drift.pair import Floats
from pages.ui import theme
from pages.ui.charts.legend import legend
from pages.ui.theme import Colour

HEIGHT = 260
ROW = 20  # pixels
_BELOW, PHONE_WIDTH, SESSIONS_ON_A_PHONE = 84, 640, 14


@dataclass(frozen=True, slots=True)
class Shade:
    """One colour of the heat map: what it means, its sign where colour alone would not do."""

    word: str
    sign: str
    colour: Colour
    opacity: float


SHADES: dict[str, Shade] = {
    "quiet": Shade("usual", "", "green", 0.14),
    "warm": Shade("above half", "", "yellow", 0.45),
    "alarm": Shade("alarm", "●", "red", 1.0),
    "declared": Shade("declared change", "§", "violet", 0.9),
    "regime": Shade("market", "~", "blue", 0.9),
    "uncalibrated": Shade("uncalibrated", "?", "orange", 0.4),
    "nothing": Shade("too few", "", "gray", 0.12),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One feature of one session; `text` is what its tooltip says."""

    row: int
    column: int
    shade: str
    text: str


def heat_height(rows: int) -> int:
    """Return the pixels that a heat map of so many features needs."""
    return _BELOW + ROW * rows


def label(day: date) -> str:
    """Return a session as an axis names it."""
    return f"{day.day} {day:%b %y}"


def heat(rows: Sequence[str], sessions: Sequence[date], cells: Sequence[Cell], *, chosen: tuple[int | None, int | None]) -> dict[str, Any]:
    """Return the ECharts option of features over sessions; a clicked cell's index is its place in `cells`. On a phone: the last ones."""
    codes = {name: code for code, name in enumerate(SHADES)}
    days = [label(day) for day in sessions]
    frame = pd.DataFrame(
        {
            "day": [days[cell.column] for cell in cells],
            "feature": [rows[cell.row] for cell in cells],
            "code": [codes[cell.shade] for cell in cells],
            "sign": [SHADES[cell.shade].sign for cell in cells],
            "text": [cell.text for cell in cells],
        }
    )
    pieces = [
        {
            "value": codes[name],
            "label": f"{shade.sign} {shade.word}".strip(),
            "color": theme.hexadecimal(shade.colour),
            "opacity": shade.opacity,
        }
        for name, shade in SHADES.items()
        if any(cell.shade == name for cell in cells)
    ]
    row, column = chosen
    option = {
        "dataset": {"source": frame},
        "tooltip": {
            "formatter": "<b>{@feature}</b> · {@day}<br/>{@text}",
            "confine": True,
            "extraCssText": "max-width:22rem;white-space:normal",
        },
        "visualMap": legend(pieces) | {"seriesIndex": 0, "left": 0},
        "grid": {"left": 4, "right": 8, "top": 4, "bottom": 62, "containLabel": True},
        "xAxis": _category(days) | {"axisLabel": {"color": theme.hexadecimal("gray"), "fontSize": 11, "hideOverlap": True}},
        "yAxis": _category(list(rows))
        | {"inverse": True, "axisLabel": {"color": theme.surface("textColor"), "fontSize": 12, "interval": 0}},
        "series": [_cells(), *_ring(rows, days, row, column)],
        "animation": False,
    }
    narrow = {
        "xAxis": {"min": max(min(len(days) - SESSIONS_ON_A_PHONE, column if column is not None else len(days)), 0)},
        "yAxis": {"axisLabel": {"fontSize": 10}},
        "visualMap": {"itemGap": 6, "textStyle": {"fontSize": 11}},
    }
    return {"baseOption": option, "media": [{"query": {"maxWidth": PHONE_WIDTH}, "option": narrow}]}


def _cells() -> dict[str, Any]:
    edge = {"borderRadius": 3, "borderWidth": 1, "borderColor": theme.surface("backgroundColor")}
    return {
        "type": "heatmap",
        "encode": {"x": "day", "y": "feature", "value": "code"},
        "selectedMode": "single",
        "select": {"itemStyle": {"borderWidth": 1, "borderColor": theme.surface("backgroundColor")}},
        "label": {"show": True, "formatter": "{@sign}", "fontSize": 11},
        "itemStyle": edge,
        "emphasis": {"itemStyle": {"borderColor": theme.surface("textColor"), "borderWidth": 1}},
    }


def _ring(rows: Sequence[str], days: Sequence[str], row: int | None, column: int | None) -> list[dict[str, Any]]:
    thin = {"type": "heatmap", "silent": True, "tooltip": {"show": False}, "label": {"show": False}}
    edge = {"color": "transparent", "borderColor": theme.surface("textColor"), "borderRadius": 3}
    found = []
    if column is not None:
        found.append(thin | {"data": [[days[column], name, 0] for name in rows], "itemStyle": edge | {"borderWidth": 1, "opacity": 0.5}})
    if column is not None and row is not None:
        found.append(thin | {"data": [[days[column], rows[row], 0]], "itemStyle": edge | {"borderWidth": 2}})
    return found


def _category(names: list[str]) -> dict[str, Any]:
    return {"type": "category", "data": names, "axisLine": {"show": False}, "axisTick": {"show": False}, "splitArea": {"show": False}}


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One line over sessions."""

    name: str
    points: Sequence[float | None]
    colour: Colour
    dashed: bool = False
    marks: tuple[int, ...] = ()  # places that alarmed


def over_time(sessions: Sequence[date], tracks: Sequence[Track], *, at: int | None, unit: str) -> dict[str, Any]:
    """Return ECharts lines over sessions (oldest left); `at` is the session that is looked at."""
    muted = theme.hexadecimal("gray")
    days = [label(day) for day in sessions]
    series = []
    for number, track in enumerate(tracks):
        line: dict[str, Any] = {
            "type": "line",
            "name": track.name,
            "data": [None if value is None or value != value else round(float(value), 5) for value in track.points],  # noqa: PLR0124, NaN
            "color": theme.hexadecimal(track.colour),
            "showSymbol": False,
            "lineStyle": {"width": 1.6, "type": "dashed" if track.dashed else "solid"},
            "step": "middle" if track.dashed else False,
        }
        if track.marks:
            line["markPoint"] = {
                "symbol": "circle",
                "symbolSize": 9,
                "itemStyle": {"color": theme.hexadecimal("red")},
                "label": {"show": False},
                "data": [{"coord": [days[place], line["data"][place]]} for place in track.marks if line["data"][place] is not None],
            }
        if number == 0 and at is not None:
            line["markLine"] = {
                "silent": True,
                "symbol": "none",
                "label": {"show": False},
                "lineStyle": {"color": muted, "type": "dotted"},
                "data": [{"xAxis": days[at]}],
            }
        series.append(line)
    return _frame(unit) | {
        "tooltip": {"trigger": "axis", "confine": True},
        "xAxis": {
            "type": "category",
            "data": days,
            "axisLabel": {"color": muted, "hideOverlap": True},
            "axisTick": {"show": False},
        },
        "series": series,
    }


def overlaid(edges: Floats, reference: Floats, current: Floats, *, names: tuple[str, str], unit: str) -> dict[str, Any]:
    """Return two distributions on each other: shares of the rows in equal bins; the first and last bin are open."""
    middles = [f"{(low + high) / 2:.3g}" for low, high in pairwise(edges)]
    muted = theme.hexadecimal("gray")
    kinds: tuple[tuple[str, Floats, Colour, float], ...] = ((names[0], reference, "gray", 0.25), (names[1], current, "blue", 0.25))
    return _frame("% of rows") | {
        "tooltip": {"trigger": "axis", "valueFormatter": "%,.1f%%", "confine": True},
        "xAxis": {
            "type": "category",
            "data": middles,
            "name": unit,
            "nameLocation": "middle",
            "nameGap": 24,
            "nameTextStyle": {"color": muted},
            "axisLabel": {"color": muted, "hideOverlap": True},
            "axisTick": {"show": False},
        },
        "series": [
            {
                "type": "line",
                "step": "middle",
                "name": name,
                "data": [round(100 * float(share), 3) for share in shares],
                "showSymbol": False,
                "color": theme.hexadecimal(colour),
                "lineStyle": {"width": 1.8},
                "areaStyle": {"opacity": opacity},
            }
            for name, shares, colour, opacity in kinds
        ],
    }


def _frame(unit: str) -> dict[str, Any]:
    muted = theme.hexadecimal("gray")
    return {
        "animation": False,
        "grid": {"left": 4, "right": 14, "top": 26, "bottom": 52, "containLabel": True},
        "legend": {"bottom": 0, "left": 0, "itemWidth": 22, "itemHeight": 12, "textStyle": {"color": theme.surface("textColor")}},
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": muted, "align": "left"},
            "splitNumber": 3,
            "axisLabel": {"color": muted},
            "splitLine": {"lineStyle": {"color": theme.surface("borderColor"), "opacity": 0.6}},
        },
    }
