"""One measured series over runs."""

from typing import Any

import pyarrow as pa

from pages.ui import format as say
from pages.ui import theme
from pages.ui.charts import along

HEIGHT = 280


def line(values: pa.Table, *, unit: str) -> dict[str, Any]:
    """Return an ECharts line of a series (columns `run_id, partition, value`), oldest run at the left, in a unit that suits."""
    muted = theme.hexadecimal("gray")
    numbers = values["value"].to_pylist()
    one, unit = say.scale(max(map(abs, numbers)), unit)
    names = [along.name(run_id, day) for run_id, day in zip(values["run_id"].to_pylist(), values["partition"].to_pylist(), strict=True)]
    return {
        "grid": {"left": 4, "right": 12, "top": 30, "bottom": 12, "containLabel": True},
        "dataset": {"source": pa.table({"run": names, "value": [number / one for number in numbers]})},
        "tooltip": {"trigger": "axis", "valueFormatter": "%,.4g", "confine": True},
        "xAxis": along.axis(values.num_rows),
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
