"""Charts of what would be spent: the months ahead, classes of storage over how often data is read, and what moves the bill."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import floor, log10
from typing import Any

from engine.costs.crossings import Crossing, TierLine
from engine.costs.line import Category
from pages.ui import cost_words as words
from pages.ui import theme
from pages.ui.theme import Colour

HEIGHT = 300
ROW = 34  # pixels of a bar of the tornado
_AROUND = 60
_NEAR_ZERO = 0.04  # of a plain axis of reads, on which a crossing could not be told from 0
_LABEL = 0.08  # of the axis, that a number needs for itself
_STEPS = 60
TIER_COLOURS: tuple[Colour, ...] = ("green", "blue", "violet", "orange", "yellow", "red", "gray")


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
    axis = _labels([f"{number}" for number in range(1, months + 1)]) | {
        "name": "months ahead",
        "nameLocation": "middle",
        "nameGap": 24,
        "nameTextStyle": {"color": theme.hexadecimal("gray")},
    }
    option = _frame(unit) | {"tooltip": _tooltip(), "xAxis": axis, "series": [*stacked, *edges]}
    option["legend"] |= {"data": [line["name"] for line in stacked]}  # the dashed band needs no name of its own
    option["yAxis"] |= {"max": _rounded_up(top), "min": 0}
    return option


def tiers(lines: Sequence[TierLine], found: Sequence[Crossing], *, until: float, unit: str, reads: float | None) -> dict[str, Any]:
    """Return what the data costs a month in each class over full reads a month; crossings of the cheapest are marked, and `reads` now."""
    muted = theme.hexadecimal("gray")
    cheapest = min(float(line.at(Decimal(repr(until)))) for line in lines)
    top = _rounded_up(1.4 * max(cheapest, *(float(line.kept) for line in lines)))
    begin = _begin([float(one.reads) for one in found], until)
    series: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        end = min(until, (top - float(line.kept)) / float(line.read)) if line.read and float(line.at(Decimal(repr(until)))) > top else until
        series.append(
            {
                "type": "line",
                "name": words.class_name(line.name),
                "data": [[reads, float(line.at(Decimal(repr(reads))))] for reads in _along(begin, end)],
                "color": theme.hexadecimal(TIER_COLOURS[number % len(TIER_COLOURS)]),
                "showSymbol": False,
                "lineStyle": {"width": 2},
            }
        )
    series[0] |= {
        "markPoint": {
            "symbol": "circle",
            "symbolSize": 10,
            "itemStyle": {"color": theme.surface("textColor")},
            "label": {"position": "top", "color": theme.surface("textColor"), "fontSize": 11, "formatter": "{b}"},
            "data": _marks(found, begin, until),
        },
        "markLine": {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"color": muted, "type": "dotted"},
            "label": {"formatter": "now", "color": muted},
            "data": [] if reads is None else [{"xAxis": max(reads, begin)}],
        },
    }
    axis = {
        "type": "log" if begin else "value",
        "min": begin,
        "max": until,
        "name": "full reads a month",
        "nameLocation": "middle",
        "nameGap": 24,
        "nameTextStyle": {"color": muted},
        "axisLabel": {"color": muted},
        "splitLine": {"show": False},
    }
    option = _frame(f"{unit} a month") | {"tooltip": _tooltip(), "xAxis": axis, "series": series}
    option["yAxis"] |= {"max": top, "min": 0}
    return option


def _begin(crossed: Sequence[float], until: float) -> float:
    """Return where the axis of reads begins: 0, or above it on a logarithmic one where a crossing would lie upon the left edge."""
    least = min((reads for reads in crossed if reads > 0), default=until)
    return float(10.0 ** floor(log10(least) - 0.3)) if least < _NEAR_ZERO * until else 0.0


def _along(begin: float, end: float) -> list[float]:
    """Return where a line is drawn: at its ends, and on a logarithmic axis, where it is a curve, between them."""
    if not begin:
        return [0.0, round(end, 6)]
    return [begin * (max(end, begin) / begin) ** (step / _STEPS) for step in range(_STEPS + 1)]


def _marks(found: Sequence[Crossing], begin: float, until: float) -> list[dict[str, Any]]:
    """Return the crossings that lie on the axis; the number is left out of one that would lie upon the one before."""
    marks: list[dict[str, Any]] = []
    free = 0.0
    for one in found:
        reads = float(one.reads)
        if not begin <= reads <= until:
            continue
        at = log10(reads / begin) / log10(until / begin) if begin else reads / until
        mark = {"coord": [reads, float(one.cost)], "name": f"{reads:.2g}"}
        marks.append(mark if at >= free else mark | {"label": {"show": False}})
        free = at + _LABEL if at >= free else free
    return marks


def tornado_height(bars: int) -> int:
    """Return the pixels that so many bars need."""
    return _AROUND + ROW * bars


def tornado(names: Sequence[str], low: Sequence[Decimal], high: Sequence[Decimal], *, unit: str) -> dict[str, Any]:
    """Return how far the total goes from where it is with each input turned down and up, the widest on top."""
    muted = theme.hexadecimal("gray")
    sides: tuple[tuple[str, Sequence[Decimal], Colour], ...] = (("a fifth less", low, "blue"), ("a fifth more", high, "orange"))
    return {
        "animation": False,
        "tooltip": _tooltip(),
        "legend": _legend(),
        "grid": {"left": 4, "right": 24, "top": 4, "bottom": 52, "containLabel": True},
        "xAxis": {
            "type": "value",
            "name": unit,
            "nameLocation": "middle",
            "nameGap": 22,
            "nameTextStyle": {"color": muted},
            "axisLabel": {"color": muted, "hideOverlap": True},
            "splitLine": {"lineStyle": {"color": theme.surface("borderColor"), "opacity": 0.6}},
        },
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": list(names),
            "axisTick": {"show": False},
            "axisLine": {"show": False},
            "axisLabel": {"color": theme.surface("textColor"), "width": 170, "overflow": "truncate"},
        },
        "series": [
            {
                "type": "bar",
                "name": name,
                "stack": name,
                "barGap": "-100%",
                "barMaxWidth": 18,
                "data": [float(value) for value in values],
                "color": theme.hexadecimal(colour),
            }
            for name, values, colour in sides
        ],
    }


def _rounded_up(value: float) -> float:
    """Return where an axis ends well: the next 1, 1.5, 2, 3, 4, 5, 6, 8 of a power of ten."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(value))
    return next(round(step * power, 12) for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def _labels(names: list[str]) -> dict[str, Any]:
    return {
        "type": "category",
        "data": names,
        "axisLabel": {"color": theme.hexadecimal("gray"), "hideOverlap": True},
        "axisTick": {"show": False},
    }


def _tooltip() -> dict[str, Any]:
    return {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}}


def _legend() -> dict[str, Any]:
    style = {"color": theme.surface("textColor")}
    return {"type": "scroll", "bottom": 0, "left": 0, "itemWidth": 18, "itemHeight": 10, "textStyle": style}


def _frame(unit: str) -> dict[str, Any]:
    muted = theme.hexadecimal("gray")
    return {
        "animation": False,
        "grid": {"left": 4, "right": 18, "top": 28, "bottom": 62, "containLabel": True},
        "legend": _legend(),
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": muted, "align": "left"},
            "splitNumber": 3,
            "axisLabel": {"color": muted},
            "splitLine": {"lineStyle": {"color": theme.surface("borderColor"), "opacity": 0.6}},
        },
    }
