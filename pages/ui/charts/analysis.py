"""Charts of the what-if that are looked at and not clicked, by Plotly: what moves the bill, and classes of storage over reads.

They are plain values, as those of ECharts are; `st.plotly_chart` checks them, and nothing here imports Plotly.
Text, grid and background are the console's theme, by Streamlit.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import floor, log10
from typing import Any

from engine.costs.crossings import Crossing, TierLine
from pages.ui import cost_words as words
from pages.ui import theme
from pages.ui.charts.costs import rounded_up
from pages.ui.theme import Colour

CONFIG: Mapping[str, Any] = {"displayModeBar": False}
TIERS = 400  # pixels, with a legend of three rows on a phone
TIER_COLOURS: tuple[Colour, ...] = ("green", "blue", "violet", "orange", "yellow", "red", "gray")
_AROUND, _ROW = 96, 48  # pixels of a tornado: around its bars, and of one with its name above it
_ROOM = 0.32  # of the widest bar, beside it for its amount
_NEAR_ZERO = 0.04  # of a plain axis of reads, on which a crossing could not be told from 0
_LABEL = 0.08  # of the axis, that a number needs for itself
_STEPS = 60
_NOT_CLICKED = {"itemclick": False, "itemdoubleclick": False}


def tornado_height(bars: int) -> int:
    """Return the pixels that so many bars need."""
    return _AROUND + _ROW * bars


def tornado(names: Sequence[str], low: Sequence[Decimal], high: Sequence[Decimal], *, unit: str) -> dict[str, Any]:
    """Return how far the total goes from where it is with each input turned down and up, the widest on top.

    A name stands above its bars, and an amount at the end of each, so that a phone has the whole width for them.
    """
    rows = list(range(len(names)))
    sides: tuple[tuple[str, Sequence[Decimal], Colour], ...] = (("a fifth less", low, "blue"), ("a fifth more", high, "orange"))
    reach = (1 + _ROOM) * max((abs(float(value)) for _, values, _ in sides for value in values), default=1.0)
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": rows,
            "x": [float(value) for value in values],
            "width": 0.34,
            "marker": {"color": theme.hexadecimal(colour)},
            "text": [words.signed(value) for value in values],
            "textposition": "outside",
            "customdata": list(names),
            "hovertemplate": "%{customdata}: %{text}",
        }
        for name, values, colour in sides
    ]
    titles = [_word(name, x=0, y=row - 0.46) for row, name in zip(rows, names, strict=True)]
    return {
        "data": bars,
        "layout": _layout()
        | {
            "barmode": "overlay",
            "hovermode": "closest",
            "annotations": titles,
            "xaxis": _axis(unit) | {"range": [-reach, reach], "zeroline": True, "nticks": 6},
            "yaxis": {"range": [len(rows) - 0.6, -0.8], "showticklabels": False, "showgrid": False, "zeroline": False, "fixedrange": True},
        },
    }


def tiers(lines: Sequence[TierLine], found: Sequence[Crossing], *, until: float, unit: str, reads: float | None) -> dict[str, Any]:
    """Return what the data costs a month in each class over full reads a month; crossings of the cheapest are marked, and `reads` now."""
    ends = Decimal(repr(until))
    top = rounded_up(1.4 * max(min(float(line.at(ends)) for line in lines), *(float(line.kept) for line in lines)))
    begin = _begin([float(one.reads) for one in found], until)
    axis = {"type": "log", "range": [log10(begin), log10(until)], "dtick": 1} if begin else {"type": "linear", "range": [0, until]}
    drawn = [_line(line, TIER_COLOURS[number % len(TIER_COLOURS)], begin, until) for number, line in enumerate(lines)]
    there = [one for one in found if begin <= one.reads <= until]
    now = [] if reads is None else [max(reads, begin)]
    words_on_it = [*_numbers(there, begin, until), *(_word("now", x=log10(at) if begin else at, y=top) for at in now)]
    return {
        "data": [*drawn, _dots(there)],
        "layout": _layout()
        | {
            "hovermode": "x unified",
            "xaxis": _axis("full reads a month") | axis,
            "yaxis": _axis(f"{unit} a month") | {"range": [0, top], "nticks": 6, "zeroline": True},
            "shapes": [_upright(at) for at in now],
            "annotations": words_on_it,
        },
    }


def _line(line: TierLine, colour: Colour, begin: float, until: float) -> dict[str, Any]:
    reads = _along(begin, until)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": words.class_name(line.name),
        "x": reads,
        "y": [float(line.at(Decimal(repr(at)))) for at in reads],
        "line": {"color": theme.hexadecimal(colour), "width": 2},
        "hovertemplate": "%{y:.3~g}",
    }


def _along(begin: float, end: float) -> list[float]:
    """Return where a line is drawn: at its ends, and on a logarithmic axis, where it is a curve, between them."""
    if not begin:
        return [0.0, end]
    return [begin * (end / begin) ** (step / _STEPS) for step in range(_STEPS + 1)]


def _begin(crossed: Sequence[float], until: float) -> float:
    """Return where the axis of reads begins: 0, or above it on a logarithmic one where a crossing would lie upon the left edge."""
    least = min((reads for reads in crossed if reads > 0), default=until)
    return float(10.0 ** floor(log10(least) - 0.3)) if least < _NEAR_ZERO * until else 0.0


def _dots(there: Sequence[Crossing]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(one.reads) for one in there],
        "y": [float(one.cost) for one in there],
        "marker": {"size": 10, "color": theme.surface("textColor")},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _numbers(there: Sequence[Crossing], begin: float, until: float) -> Iterator[dict[str, Any]]:
    """Yield the reads of each crossing, above its dot; left out is the number of one that would lie upon the one before."""
    free = 0.0
    for one in there:
        reads = float(one.reads)
        at = log10(reads / begin) / log10(until / begin) if begin else reads / until
        if at >= free:
            free = at + _LABEL
            yield _word(f"{reads:.2g}", x=log10(reads) if begin else reads, y=float(one.cost)) | {"yshift": 16}


def _upright(at: float) -> dict[str, Any]:
    line = {"color": theme.hexadecimal("gray"), "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _word(text: str, **where: float) -> dict[str, Any]:
    """Return a word upon a chart, which hides the lines behind it."""
    font = {"size": 13, "color": theme.surface("textColor")}
    return {"text": text, "showarrow": False, "font": font, "bgcolor": theme.surface("backgroundColor"), "borderpad": 1} | where


def _layout() -> dict[str, Any]:
    return {
        "margin": {"l": 8, "r": 8, "t": 20, "b": 8},
        "dragmode": False,  # a finger scrolls the page
        "legend": {"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom"} | _NOT_CLICKED,
    }


def _axis(title: str) -> dict[str, Any]:
    return {"title": {"text": title, "standoff": 8}, "fixedrange": True, "automargin": True}
