"""Dates as coloured squares, a week a column: a year at a glance, or the dates of a backfill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Square:
    """One date: `kind` is what it is coloured and named by, `text` is shown when pointed at, `sign` is drawn on it."""

    day: date
    kind: str
    text: str
    sign: str = ""


def calendar(squares: Sequence[Square], colours: Mapping[str, str], *, ink: str, paper: str, selectable: bool = False) -> Mapping[str, Any]:
    """Return an ECharts calendar of `squares` in order; `colours` gives each kind its colour and the order of the legend.

    One series: a selection's `data_indices` are positions in `squares`. The kinds are named in the legend and the sign is drawn on the
    square, so that no date is told by its colour alone.
    """
    kinds = list(colours)
    first, last = min(s.day for s in squares), max(s.day for s in squares)
    weeks = (last - first).days // 7 + 2
    cell = 16
    return {
        "tooltip": {"formatter": "{b}", "confine": True},
        "visualMap": {
            "type": "piecewise",
            "orient": "horizontal",
            "left": 0,
            "bottom": 0,
            "itemWidth": 12,
            "itemHeight": 12,
            "selectedMode": False,
            "textStyle": {"color": ink},
            "pieces": [{"value": place, "label": kind, "color": colours[kind]} for place, kind in enumerate(kinds)],
        },
        "calendar": {
            "range": [first.isoformat(), last.isoformat()],
            "top": 24,
            "left": 32,
            **({"cellSize": ["auto", cell], "right": 8} if weeks > 30 else {"cellSize": [cell + 6, cell]}),  # noqa: PLR2004
            "firstDay": 0,
            "splitLine": {"show": False},
            "yearLabel": {"show": False},
            "dayLabel": {"firstDay": 0, "color": ink, "nameMap": ["S", "M", "T", "W", "T", "F", "S"]},
            "monthLabel": {"color": ink},
            "itemStyle": {"color": "transparent", "borderColor": paper, "borderWidth": 2},
        },
        "series": [
            {
                "type": "heatmap",
                "coordinateSystem": "calendar",
                "selectedMode": "single" if selectable else False,
                "data": [
                    {
                        "name": f"{s.day:%a} {s.day.day} {s.day:%b %Y} · {s.kind}<br/>{s.text}",
                        "value": [s.day.isoformat(), kinds.index(s.kind)],
                        "label": {"show": bool(s.sign), "formatter": s.sign, "color": paper, "fontSize": 10},
                    }
                    for s in squares
                ],
                "itemStyle": {"borderRadius": 3, "borderColor": paper, "borderWidth": 2},
                "emphasis": {"itemStyle": {"borderColor": ink, "borderWidth": 1}},
                "select": {"itemStyle": {"borderColor": ink, "borderWidth": 2}},
            }
        ],
    }
