"""Charts of drift: what features over sessions look like, a distance beside its limit, two distributions on each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from engine.drift.pair import Floats
from pages.ui import theme
from pages.ui.charts import axes
from pages.ui.charts.heat import Shade
from pages.ui.theme import Colour

HEIGHT = 260
_SHADES: dict[str, tuple[str, str, Colour, float]] = {
    "quiet": ("usual", "", "green", 0.14),
    "warm": ("above half its limit", "", "yellow", 0.45),
    "alarm": ("alarm", "●", "red", 1.0),
    "declared": ("declared change", "§", "violet", 0.9),
    "regime": ("market", "~", "blue", 0.9),
    "uncalibrated": ("uncalibrated", "?", "orange", 0.4),
    "nothing": ("too few", "", "gray", 0.12),
}


def shades() -> dict[str, Shade]:
    """Return the kinds of cells that features over sessions have, in the colours of now."""
    return {name: Shade(word, sign, theme.hexadecimal(colour), opacity) for name, (word, sign, colour, opacity) in _SHADES.items()}


def label(day: date) -> str:
    """Return a session as an axis names it."""
    return f"{day.day} {day:%b %y}"


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
        "xAxis": axes.names(days),
        "series": series,
    }


def overlaid(edges: Floats, reference: Floats, current: Floats, *, names: tuple[str, str], unit: str) -> dict[str, Any]:
    """Return two distributions on each other: shares of the rows in equal bins; the first and last bin are open."""
    middles = [f"{(low + high) / 2:.3g}" for low, high in pairwise(edges)]
    kinds: tuple[tuple[str, Floats, Colour, float], ...] = ((names[0], reference, "gray", 0.25), (names[1], current, "blue", 0.25))
    return _frame("% of rows") | {
        "tooltip": {"trigger": "axis", "valueFormatter": "%,.1f%%", "confine": True},
        "xAxis": axes.names(middles) | axes.below(unit),
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
    return {
        "animation": False,
        "grid": {"left": 4, "right": 14, "top": 26, "bottom": 52, "containLabel": True},
        "legend": axes.legend(width=22),
        "yAxis": axes.values(unit) | {"splitNumber": 3},
    }
