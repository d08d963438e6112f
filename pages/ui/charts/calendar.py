"""A year of dates at a glance: one square a date, coloured and marked by what is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from pages.ui import theme
from pages.ui.charts.legend import legend

HEIGHT = 220  # pixels: one row of weeks on a wide screen, two half-years on a phone
PHONE_WIDTH = 640
_BELOW_THE_EDGE = HEIGHT + 100  # the second half is out of sight while the first one holds the whole year


@dataclass(frozen=True, slots=True)
class Square:
    """One date of the calendar; `text` is what its tooltip says below the date."""

    day: date
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of date: its colour never stands without its mark and its word; a calm one lets the others stand out."""

    word: str
    sign: str
    colour: str
    calm: bool = False
    in_legend: bool = True


def calendar(year: int, squares: Sequence[Square], *, kinds: Mapping[str, Kind], chosen: date | None) -> dict[str, Any]:
    """Return the ECharts option of a year; the index of a clicked square is its place in `squares`.

    Two half-years are drawn below each other when the chart is narrow.
    """
    codes = {kind: code for code, kind in enumerate(kinds)}
    table = pa.table(
        {
            "day": [square.day.isoformat() for square in squares],
            "code": [codes[square.kind] for square in squares],
            "sign": [kinds[square.kind].sign for square in squares],
            "word": [kinds[square.kind].word for square in squares],
            "text": [square.text for square in squares],
        }
    )
    first, second = [f"{year}-01-01", f"{year}-06-30"], [f"{year}-07-01", f"{year}-12-31"]
    weeks = _weeks()
    tooltip = {"formatter": "<b>{@day}</b> · {@word}<br/>{@text}", "confine": True, "extraCssText": "max-width:22rem;white-space:normal"}
    wide = {
        "dataset": {"source": table},
        "tooltip": tooltip,
        "visualMap": _legend(squares, kinds, codes),
        "calendar": [weeks | {"top": 22, "range": [first[0], second[1]]}, weeks | {"top": _BELOW_THE_EDGE, "range": second}],
        "series": [_squares(0), _squares(1), *([_ring(0, chosen), _ring(1, chosen)] if chosen else [])],
    }
    narrow = {
        "calendar": [{"top": 20, "range": first, "cellSize": ["auto", 10]}, {"top": 112, "range": second, "cellSize": ["auto", 10]}],
        "visualMap": {"left": 0, "itemGap": 6, "textStyle": {"fontSize": 11}},
        "series": [{"label": {"show": False}}, {"label": {"show": False}}, *([{"symbolSize": 10}] * 2 if chosen else [])],
    }
    return {"baseOption": wide, "media": [{"query": {"maxWidth": PHONE_WIDTH}, "option": narrow}]}


def _weeks() -> dict[str, Any]:
    muted, border = theme.hexadecimal("gray"), theme.surface("borderColor")
    return {
        "left": 34,
        "right": 4,
        "cellSize": ["auto", 20],
        "splitLine": {"lineStyle": {"color": muted, "width": 1}},
        "itemStyle": {"color": "transparent", "borderColor": border, "borderWidth": 1},
        "dayLabel": {"firstDay": 0, "color": muted, "fontSize": 10, "nameMap": ["Sun", "", "Tue", "", "Thu", "", "Sat"]},
        "monthLabel": {"color": muted, "fontSize": 11},
        "yearLabel": {"show": False},
    }


def _legend(squares: Sequence[Square], kinds: Mapping[str, Kind], codes: Mapping[str, int]) -> dict[str, Any]:
    used = {square.kind for square in squares}
    pieces = [
        {"value": codes[key], "label": f"{kind.sign} {kind.word}".strip(), "color": kind.colour}
        for key, kind in kinds.items()
        if key in used and kind.in_legend
    ]
    return legend(pieces)


def _squares(half: int) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "coordinateSystem": "calendar",
        "calendarIndex": half,
        "encode": {"time": "day", "value": "code"},
        "selectedMode": "single",
        "select": {"itemStyle": {"borderWidth": 0}},  # the ring marks the choice, wherever it was made
        "label": {"show": True, "formatter": "{@sign}", "fontSize": 11},
        "itemStyle": {"borderRadius": 3},
        "animation": False,
    }


def _ring(half: int, chosen: date) -> dict[str, Any]:
    return {
        "type": "scatter",
        "coordinateSystem": "calendar",
        "calendarIndex": half,
        "data": [[chosen.isoformat(), 0]],
        "symbol": "rect",
        "symbolSize": 17,
        "itemStyle": {"color": "transparent", "borderColor": theme.surface("textColor"), "borderWidth": 2},
        "silent": True,
        "animation": False,
        "tooltip": {"show": False},
    }
