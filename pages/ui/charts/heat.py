"""A heat map of rows over sessions: a cell is told by its colour, its sign and its words; what is looked at is ringed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pages.ui import theme
from pages.ui.charts.legend import legend

ROW = 20  # pixels
PHONE_WIDTH, SESSIONS_ON_A_PHONE = 640, 14
_BELOW = 84  # axis and legend
_LEGEND_ROW = 18  # on a phone


@dataclass(frozen=True, slots=True)
class Shade:
    """What a kind of cell looks like: its word in the legend, its sign where colour alone would not do, a colour in hexadecimal."""

    word: str
    sign: str
    colour: str
    opacity: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of one session; `shade` names its kind, `text` is what its tooltip says."""

    row: int
    column: int
    shade: str
    text: str


def height(rows: int) -> int:
    """Return the pixels that a heat map of so many rows needs."""
    return _BELOW + ROW * rows


def heat(
    rows: Sequence[str], days: Sequence[str], cells: Sequence[Cell], *, shades: Mapping[str, Shade], chosen: tuple[int | None, int | None]
) -> dict[str, Any]:
    """Return the ECharts option of rows (top to bottom) over sessions (oldest left); a clicked cell's index is its place in `cells`.

    `chosen` are the row and the column that are looked at. On a phone only the last sessions are drawn.
    """
    codes = {name: code for code, name in enumerate(shades)}
    frame = pd.DataFrame(
        {
            "day": [days[cell.column] for cell in cells],
            "row": [rows[cell.row] for cell in cells],
            "code": [codes[cell.shade] for cell in cells],
            "sign": [shades[cell.shade].sign for cell in cells],
            "text": [cell.text for cell in cells],
        }
    )
    seen = {cell.shade for cell in cells}
    pieces = [
        {"value": codes[name], "label": f"{shade.sign} {shade.word}".strip(), "color": theme.paler(shade.colour, shade.opacity)}
        for name, shade in shades.items()
        if name in seen
    ]
    row, column = chosen
    option = {
        "dataset": {"source": frame},
        "tooltip": {
            "formatter": "<b>{@row}</b> · {@day}<br/>{@text}",
            "confine": True,
            "extraCssText": "max-width:22rem;white-space:normal",
        },
        "visualMap": legend(pieces) | {"seriesIndex": 0, "left": 0},
        "grid": {"left": 4, "right": 8, "top": 4, "bottom": 62, "containLabel": True},
        "xAxis": _category(days) | {"axisLabel": {"color": theme.hexadecimal("gray"), "fontSize": 11, "hideOverlap": True}},
        "yAxis": _category(rows) | {"inverse": True, "axisLabel": {"color": theme.surface("textColor"), "fontSize": 12, "interval": 0}},
        "series": [_cells(), *_rings(rows, days, row, column)],
        "animation": False,
    }
    narrow = {
        "xAxis": {"min": max(min(len(days) - SESSIONS_ON_A_PHONE, column if column is not None else len(days)), 0)},
        "yAxis": {"axisLabel": {"fontSize": 10}},
        "visualMap": {"orient": "vertical", "inverse": True, "itemGap": 4, "textStyle": {"fontSize": 11}},  # in a line it is cut off
        "grid": {"bottom": 34 + _LEGEND_ROW * len(pieces)},
    }
    return {"baseOption": option, "media": [{"query": {"maxWidth": PHONE_WIDTH}, "option": narrow}]}


def _cells() -> dict[str, Any]:
    edge = {"borderWidth": 1, "borderColor": theme.surface("backgroundColor")}
    return {
        "type": "heatmap",
        "encode": {"x": "day", "y": "row", "value": "code"},
        "selectedMode": "single",
        "select": {"itemStyle": edge},
        "label": {"show": True, "formatter": "{@sign}", "fontSize": 11},
        "itemStyle": edge | {"borderRadius": 3},
        "emphasis": {"itemStyle": {"borderColor": theme.surface("textColor"), "borderWidth": 1}},
    }


def _rings(rows: Sequence[str], days: Sequence[str], row: int | None, column: int | None) -> list[dict[str, Any]]:
    if column is None:
        return []
    thin = {"type": "heatmap", "z": 3, "silent": True, "tooltip": {"show": False}, "label": {"show": False}}
    edge = {"color": "transparent", "borderColor": theme.surface("textColor"), "borderRadius": 3}
    rings = [thin | {"data": [[days[column], name, 0] for name in rows], "itemStyle": edge | {"borderWidth": 1, "opacity": 0.55}}]
    if row is not None:
        rings.append(thin | {"data": [[days[column], rows[row], 0]], "itemStyle": edge | {"borderWidth": 2}})
    return rings


def _category(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "category", "data": list(names), "axisLine": {"show": False}, "axisTick": {"show": False}, "splitArea": {"show": False}}
