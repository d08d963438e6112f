"""One measured series over runs."""

from typing import Any

import pyarrow as pa

from pages.ui import format as say
from pages.ui import theme

HEIGHT = 260


def line(values: pa.Table, *, unit: str) -> dict[str, Any]:
    """Return an ECharts line of a series (columns `run_id, at, value`), oldest run at the left."""
    muted = theme.hexadecimal("gray")
    labels = [f"run {run_id}, {say.stamp(at)}" for run_id, at in zip(values["run_id"].to_pylist(), values["at"].to_pylist(), strict=True)]
    return {
        "grid": {"left": 4, "right": 12, "top": 30, "bottom": 12, "containLabel": True},
        "dataset": {"source": pa.table({"run": labels, "value": values["value"]})},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "axisLabel": {"show": False}, "axisTick": {"show": False}},
        "yAxis": {
            "type": "value",
            "name": unit,
            "nameTextStyle": {"color": muted, "align": "left"},
            "axisLabel": {"color": muted},
            "scale": True,
        },
        "series": [
            {
                "type": "line",
                "name": unit,
                "encode": {"x": "run", "y": "value"},
                "showSymbol": values.num_rows == 1,
                "lineStyle": {"width": 1.5},
                "color": theme.hexadecimal("blue"),
                "animation": False,
            }
        ],
    }
