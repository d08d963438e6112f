"""How runs went over time: how long they took, and how many ended how."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from pages.ui import format as say
from pages.ui import theme
from pages.ui.charts import along, axes
from storage.status import RunStatus

HEIGHT = 190
_WEEK = 7
_SHOWN = (RunStatus.SUCCEEDED, RunStatus.SKIPPED, RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.CRASHED)  # bottom to top


def durations(took: pa.Table, *, p95_us: float) -> dict[str, Any]:
    """Return an ECharts line of how long runs took (milliseconds), oldest at the left, with the 95th percentile drawn across.

    Columns are `id, partition, duration_us`.
    """
    muted = theme.hexadecimal("gray")
    names = [along.name(run_id, day) for run_id, day in zip(took["id"].to_pylist(), took["partition"].to_pylist(), strict=True)]
    return _axes(right=70) | {  # beside the line is room for what it is
        "dataset": {"source": pa.table({"run": names, "ms": [one / 1000 for one in took["duration_us"].to_pylist()]})},
        "tooltip": {"trigger": "axis", "valueFormatter": "%,.0f ms"},
        "xAxis": along.axis(took.num_rows),
        "yAxis": {"type": "value", "axisLabel": {"color": muted, "formatter": "{value} ms"}, "splitNumber": 3, "min": 0},
        "series": [
            {
                "type": "line",
                "encode": {"x": "run", "y": "ms"},
                "showSymbol": False,
                "lineStyle": {"width": 1.5},
                "areaStyle": {"opacity": 0.12},
                "color": theme.hexadecimal("blue"),
                "markLine": {
                    "silent": True,
                    "symbol": "none",
                    "lineStyle": {"color": muted, "type": "dashed"},
                    "label": {"formatter": f"p95 {say.duration(p95_us)}", "color": muted, "position": "end"},
                    "data": [{"yAxis": p95_us / 1000}],
                },
                "animation": False,
            }
        ],
    }


def outcomes(counts: Mapping[tuple[date, str], int], *, until: date, days: int = 30) -> dict[str, Any]:
    """Return ECharts bars: how many runs ended on each day, stacked by how; `counts` is by (Nepal date, status)."""
    muted = theme.hexadecimal("gray")
    span = [until - timedelta(days=number) for number in range(days - 1, -1, -1)]
    used = [status for status in _SHOWN if any(counts.get((day, status)) for day in span)]
    table = pa.table(
        {"day": [say.short_day(day) for day in span]}
        | {theme.look(status).word: [counts.get((day, status), 0) for day in span] for status in used}
    )
    return _axes(bottom=46, right=36) | {  # the last day's name stands centred under its bar, and needs room
        "dataset": {"source": table},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": axes.legend(),
        "xAxis": {
            "type": "category",
            "axisLabel": {"color": muted, "customValues": _weekly(days), "hideOverlap": True},
            "axisTick": {"show": False},
        },
        "yAxis": {"type": "value", "axisLabel": {"color": muted}, "minInterval": 1, "splitNumber": 3},
        "series": [
            {
                "type": "bar",
                "stack": "runs",
                "name": theme.look(status).word,
                "encode": {"x": "day", "y": theme.look(status).word},
                "color": theme.hexadecimal(theme.look(status).colour),
                "animation": False,
            }
            for status in used
        ],
    }


def _weekly(days: int) -> list[int]:
    """Return the places of the days that are named: the last one, and every seventh before it."""
    return list(range((days - 1) % _WEEK, days, _WEEK))


def _axes(*, bottom: int = 12, right: int = 12) -> dict[str, Any]:
    return {"grid": {"left": 4, "right": right, "top": 16, "bottom": bottom, "containLabel": True}}
