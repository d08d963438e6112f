"""A session's trades minute by minute, and when two sets of thresholds would have alerted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.clock import NEPAL
from engine.stream.alert_diff import Side
from engine.stream.ticks import SECOND
from pages.ui import theme
from pages.ui.theme import Colour

HEIGHT, STRIP = 300, 26  # pixels; a row of the strip of alerts
_EVERY_POINT = 6000  # of a line is drawn up to here
SIDES: Mapping[Side, tuple[Colour, str]] = {  # a colour and a shape
    Side.BOTH: ("gray", "circle"),
    Side.ONLY_A: ("orange", "triangle"),
    Side.ONLY_B: ("blue", "diamond"),
}
_AHEAD_MS = round((NEPAL.utcoffset(datetime(2020, 1, 1)) or timedelta()).total_seconds() * 1000)  # noqa: DTZ001, of UTC, all year round


@dataclass(frozen=True, slots=True)
class Mark:
    """One alert on a chart: when (microseconds since 1970, UTC), how high or in which row, and what its tooltip says."""

    side: Side
    at: int
    height: float | str
    text: str
    chosen: bool = False


def height(rows: int) -> int:
    """Return the pixels that a chart needs that has so many rows of alerts below."""
    return HEIGHT + (STRIP * rows + 20 if rows else 0)


def day(
    line: Sequence[tuple[int, float | None]],
    *,
    name: str,
    unit: str,
    marks: Sequence[Mark],
    rows: Sequence[str] = (),
    area: bool = False,
) -> dict[str, Any]:
    """Return the ECharts option of a line over the day (microseconds since 1970, UTC) with marks on it, or in `rows` below it.

    The marks of a side are one series, in the order of `SIDES`; the index of a clicked one is its place among the marks of its side.
    """
    muted, border = theme.hexadecimal("gray"), theme.surface("borderColor")
    low = STRIP * len(rows) + 34 if rows else 0
    top: dict[str, Any] = {"left": 8, "right": 14, "top": 34, "bottom": 34 + low, "containLabel": False}
    ends = [_ms(at) for at in (*(at for at, _ in line), *(mark.at for mark in marks))] or [0]
    span = {"min": min(ends), "max": max(ends)}  # both parts have the same hours
    grids, x_axes, y_axes = [top | {"left": 58}], [_time(muted, border, 0) | span], [_value(muted, border, name, unit)]
    if rows:
        grids.append(top | {"left": 58, "top": None, "height": STRIP * len(rows), "bottom": 34})
        x_axes[0]["axisLabel"] = {"show": False}
        x_axes.append(_time(muted, border, 1) | span)
        y_axes.append(_rows(rows))
    return {
        "useUTC": True,  # the times are Nepal's, written as if they were UTC's: no browser moves them
        "animation": False,
        "tooltip": {"trigger": "item", "confine": True},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "legend": _legend(marks),
        "grid": grids,
        "xAxis": x_axes,
        "yAxis": y_axes,
        "series": [_line(line, name, area=area), *(_side(side, marks, below=bool(rows)) for side in SIDES)],
    }


def _legend(marks: Sequence[Mark]) -> dict[str, Any]:
    """Return the legend of the sides that have a mark."""
    return {
        "top": 0,
        "right": 8,
        "itemWidth": 12,
        "itemHeight": 10,
        "selectedMode": False,
        "data": [side.value for side in SIDES if any(mark.side is side for mark in marks)],
        "textStyle": {"color": theme.surface("textColor"), "fontSize": 12},
    }


def _line(points: Sequence[tuple[int, float | None]], name: str, *, area: bool) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"width": 1.5},
        "areaStyle": {"opacity": 0.1} if area else None,
        "color": theme.hexadecimal("violet"),
        "data": [[_ms(at), value] for at, value in points],
        **({"sampling": "lttb"} if len(points) > _EVERY_POINT else {}),  # which may leave out a spike
    }


def _side(side: Side, marks: Sequence[Mark], *, below: bool) -> dict[str, Any]:
    colour, shape = SIDES[side]
    return {
        "type": "scatter",
        "name": side.value,
        "xAxisIndex": int(below),
        "yAxisIndex": int(below),
        "symbol": shape,
        "color": theme.hexadecimal(colour),
        "selectedMode": "single",
        "cursor": "pointer",
        "z": 5,
        "select": {"itemStyle": {"borderColor": theme.surface("textColor"), "borderWidth": 2}},
        "tooltip": {"formatter": "{b}"},
        "data": [
            {
                "name": mark.text,
                "value": [_ms(mark.at), mark.height],
                "symbolSize": 17 if mark.chosen else 11,
                "itemStyle": {
                    "opacity": 0.9,
                    "borderColor": theme.surface("textColor" if mark.chosen else "backgroundColor"),
                    "borderWidth": 2 if mark.chosen else 1,
                },
            }
            for mark in marks
            if mark.side is side
        ],
    }


def _ms(microseconds: int) -> int:
    return microseconds * 1000 // SECOND + _AHEAD_MS


def _time(muted: str, border: str, grid: int) -> dict[str, Any]:
    return {
        "type": "time",
        "gridIndex": grid,
        "axisLabel": {"color": muted, "formatter": "{HH}:{mm}", "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": border}},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
    }


def _value(muted: str, border: str, name: str, unit: str) -> dict[str, Any]:
    return {
        "type": "value",
        "scale": True,
        "name": f"{name}, {unit}",
        "nameLocation": "end",
        "nameTextStyle": {"color": muted, "align": "left", "padding": [0, 0, 0, -50]},
        "axisLabel": {"color": muted},
        "splitNumber": 4,
        "splitLine": {"lineStyle": {"color": border, "opacity": 0.6}},
    }


def _rows(rows: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "category",
        "gridIndex": 1,
        "inverse": True,
        "data": list(rows),
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "axisLabel": {
            "color": theme.surface("textColor"),
            "inside": False,
            "fontSize": 11,
            "width": 54,
            "overflow": "break",
            "lineHeight": 11,
        },
        "splitLine": {"show": True, "lineStyle": {"color": theme.surface("borderColor"), "opacity": 0.4}},
    }
