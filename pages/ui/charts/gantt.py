"""The stages of a run over its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pages.ui import format as say
from pages.ui import theme
from pages.ui.charts import axes

_ROW = 26  # pixels
_SECOND_US = 1_000_000
_SHORT_US = 10 * _SECOND_US


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage: where it begins (microseconds after the run's first stage), how long it took (None: it did not run), and how it ended."""

    label: str
    start_us: int
    duration_us: int | None
    colour: str
    sign: str
    note: str = ""
    failures_us: tuple[int, ...] = ()  # when each failed try began


def height(bars: Sequence[Bar]) -> int:
    """Return the pixels that the chart needs; the same while a run goes on, so that nothing below it moves."""
    return 44 + _ROW * len(bars)


def gantt(bars: Sequence[Bar]) -> dict[str, Any]:
    """Return the ECharts option of a timeline: one row a stage, top to bottom; a failed try is a cross where it began."""
    end_us = max((bar.start_us + (bar.duration_us or 0) for bar in bars), default=0)
    unit, length = ("ms", 1000) if end_us < _SHORT_US else ("s", _SECOND_US)
    muted, text = theme.hexadecimal("gray"), theme.surface("textColor")
    crosses = [[failure / length, row] for row, bar in enumerate(bars) for failure in bar.failures_us]
    return {
        "animation": False,
        "grid": {"left": 4, "right": 110, "top": 4, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True},
        "xAxis": axes.values() | {"min": 0, "axisLabel": {"formatter": f"{{value}} {unit}", "color": muted, "fontSize": 11}},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [bar.label for bar in bars],
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "axisLabel": {"color": text, "fontSize": 12, "width": 96, "overflow": "truncate"},
        },
        "series": [
            {
                "type": "bar",
                "stack": "time",
                "silent": True,
                "tooltip": {"show": False},
                "itemStyle": {"color": "transparent"},
                "data": [bar.start_us / length for bar in bars],
            },
            {"type": "bar", "stack": "time", "barWidth": 14, "barMinHeight": 3, "data": [_item(bar, length, text) for bar in bars]},
            {
                "type": "scatter",
                "symbol": "path://M2 0L10 8L18 0L20 2L12 10L20 18L18 20L10 12L2 20L0 18L8 10L0 2Z",
                "symbolSize": 9,
                "z": 5,
                "itemStyle": {"color": theme.hexadecimal("orange"), "borderColor": theme.surface("backgroundColor"), "borderWidth": 1},
                "tooltip": {"formatter": "a try failed here"},
                "data": crosses,
            },
        ],
    }


def _item(bar: Bar, length: int, text: str) -> dict[str, Any]:
    took = "" if bar.duration_us is None else say.duration(bar.duration_us)
    words = " ".join(part for part in (bar.sign, took, bar.note) if part)
    return {
        "value": (bar.duration_us or 0) / length,
        "itemStyle": {"color": "transparent" if bar.duration_us is None else bar.colour, "borderRadius": 3},
        "label": {"show": True, "position": "right", "color": text, "fontSize": 11, "formatter": words},
        "tooltip": {"formatter": f"<b>{bar.label}</b><br/>{words}"},
    }
