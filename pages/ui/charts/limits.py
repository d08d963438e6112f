"""A limit and the past: where the scores lie, and how far a limit can be trusted by what people said."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.quality.backtest import Trust
from engine.quality.preview import Histogram
from engine.quality.sample import Floats
from pages.ui import theme
from pages.ui.charts import axes
from pages.ui.theme import Colour

HEIGHT = 210


def distribution(scores: Histogram, *, noun: str, unit: str, now: Mapping[str, float], then: Mapping[str, float]) -> dict[str, Any]:
    """Return ECharts bars of scores, coloured by what the turned limits make of them.

    `noun` names what has a score; `now` and `then` are limits by their word, which `FATES` has. The axis of counts is logarithmic: most
    scores lie near zero, and the few far out are what matters.
    """
    middles = (scores.edges[:-1] + scores.edges[1:]) / 2
    data: list[dict[str, Any]] = [  # empty ones too: the chart takes the width of its bars from how close they stand
        {
            "value": [round(float(middle), 6), int(count) or None],
            "itemStyle": {"color": theme.hexadecimal(_fate(float(middle), then))},
        }
        for middle, count in zip(middles, scores.counts, strict=True)
    ]
    if scores.beyond:
        data[-1] |= _and_more(float(scores.edges[-1]), int(scores.counts[-1]), then)
    return _axes(unit, float(scores.edges[0]), float(scores.edges[-1])) | {
        "tooltip": {"formatter": "{c}", "valueFormatter": "%,.4g", "confine": True},
        "yAxis": axes.values(noun)
        | {
            "type": "log",
            "min": 0.5,
            "startValue": 0.5,  # where a bar begins: at 1 a single finding would not be seen
            "max": max(10, int(scores.counts.max(initial=1)) * 2),
            "axisLabel": {"color": theme.hexadecimal("gray"), "formatter": "{value}", "showMinLabel": False, "showMaxLabel": False},
        },
        "series": [{"type": "bar", "barCategoryGap": "8%", "barMinWidth": 4, "data": data, "markLine": _limits(now, then, scores.edges)}],
    }


def _and_more(edge: float, count: int, limits: Mapping[str, float]) -> dict[str, Any]:
    """Return what marks the last bar as the one that holds everything farther out too."""
    words = f"{edge:g} and more"
    return {
        "itemStyle": {"color": theme.hexadecimal(_fate(float("inf"), limits))},
        "tooltip": {"formatter": f"{words}: {count:,}"},
        "label": {"show": True, "formatter": words, "position": "top", "align": "right", "color": theme.surface("textColor")},
    }


FATES: Mapping[str, Colour] = {"warns": "orange", "sets aside": "red", "blocks": "red"}


def _fate(score: float, limits: Mapping[str, float]) -> Colour:
    above = [word for word in FATES if word in limits and score > limits[word]]
    return FATES[above[-1]] if above else "gray"


def _limits(now: Mapping[str, float], then: Mapping[str, float], axis: Sequence[float] | Floats) -> dict[str, Any]:
    """Return the limits as lines across: dashed where they are now, whole where they were turned to."""
    lines, near = [], axis[0] + (axis[-1] - axis[0]) * 0.06  # so near to the axis a label stands on the other side of its line
    for word, value in now.items():
        colour = theme.hexadecimal(FATES.get(word, "gray"))
        turned = then.get(word, value) != value
        style = {"color": colour, "type": "dashed" if turned else "solid", "width": 1.5, "opacity": 0.7 if turned else 1}
        lines.append(_line(value, f"now {value:g}" if turned else f"{word} above {value:g}", style, inside=value < near))
        if turned:
            lines.append(
                _line(then[word], f"{word} above {then[word]:g}", {"color": colour, "type": "solid", "width": 2}, inside=then[word] < near)
            )
    return {"silent": True, "symbol": "none", "data": lines, "animation": False}


def _line(value: float, text: str, style: Mapping[str, Any], *, inside: bool) -> dict[str, Any]:
    place = "insideEndBottom" if inside else "insideEndTop"
    return {
        "xAxis": value,
        "lineStyle": dict(style),
        "label": {"formatter": text, "color": style["color"], "position": place, "fontSize": 11, "rotate": 90},
    }


def trust(
    limits: Sequence[float], measured: Sequence[Trust], *, unit: str, now: Mapping[str, float], then: Mapping[str, float]
) -> dict[str, Any]:
    """Return ECharts lines of precision and recall (percent) along a slider, with the limits drawn in."""
    muted = theme.hexadecimal("gray")
    kinds: Sequence[tuple[str, Colour, str]] = (("precision", "blue", "solid"), ("recall", "violet", "dashed"))
    series: list[dict[str, Any]] = [
        {
            "type": "line",
            "name": name,
            "step": "end",
            "showSymbol": False,
            "lineStyle": {"width": 2, "type": kind},
            "color": theme.hexadecimal(colour),
            "data": [
                [limit, None if (share := getattr(one, name)) is None else round(100 * share, 1)]
                for limit, one in zip(limits, measured, strict=True)
            ],
        }
        for name, colour, kind in kinds
    ]
    series[0]["markLine"] = _limits(now, then, limits)
    return _axes(unit, float(limits[0]), float(limits[-1]), bottom=58) | {
        "tooltip": {"trigger": "axis", "valueFormatter": "%,.0f%%", "confine": True},
        "legend": axes.legend(width=22),
        "yAxis": axes.values() | {"min": 0, "max": 100, "interval": 25, "axisLabel": {"color": muted, "formatter": "{value}%"}},
        "series": series,
    }


def _axes(unit: str, low: float, high: float, *, bottom: int = 30) -> dict[str, Any]:
    muted = theme.hexadecimal("gray")
    return {
        "animation": False,
        "grid": {"left": 4, "right": 16, "top": 26, "bottom": bottom, "containLabel": True},
        "xAxis": {
            "type": "value",
            "min": low,
            "max": high,
            "axisLabel": {"color": muted, "hideOverlap": True, "formatter": "{value}", "showMaxLabel": False},
            "splitLine": {"show": False},
        }
        | axes.below(f"score, {unit}", gap=26),
    }
