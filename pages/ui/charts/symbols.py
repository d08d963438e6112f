"""Every symbol of a session as one square, coloured by how it came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import pyarrow as pa

from pages.ui import theme
from pages.ui.charts.calendar import Kind
from pages.ui.charts.legend import legend

COLUMNS = 40
_SQUARE, _BELOW = 19, 40  # pixels


@dataclass(frozen=True, slots=True)
class Square:
    """One symbol; `text` is what its tooltip says below its name."""

    symbol: str
    kind: str
    text: str


def height(number: int) -> int:
    """Return the pixels that so many squares need."""
    return ceil(number / COLUMNS) * _SQUARE + _BELOW


def squares(shown: Sequence[Square], *, kinds: Mapping[str, Kind], chosen: str | None) -> dict[str, Any]:
    """Return the ECharts option of squares, row by row; the index of a clicked one is its place in `shown`."""
    codes = {kind: code for code, kind in enumerate(kinds)}
    rows = ceil(len(shown) / COLUMNS)
    table = pa.table(
        {
            "x": [str(place % COLUMNS) for place in range(len(shown))],
            "y": [str(place // COLUMNS) for place in range(len(shown))],
            "code": [codes[one.kind] for one in shown],
            "symbol": [one.symbol for one in shown],
            "sign": [kinds[one.kind].sign for one in shown],
            "word": [kinds[one.kind].word for one in shown],
            "text": [one.text for one in shown],
        }
    )
    pieces = [
        # An opacity would be one of the squares only: in the legend the same colour would be a darker one.
        {"value": codes[key], "label": f"{kind.sign} {kind.word}".strip(), "color": theme.paler(kind.colour, 0.35 if kind.calm else 1)}
        for key, kind in kinds.items()
        if any(one.kind == key for one in shown)
    ]
    at = next((place for place, one in enumerate(shown) if one.symbol == chosen), None)
    return {
        "animation": False,
        "dataset": {"source": table},
        "tooltip": {
            "formatter": "<b>{@symbol}</b> · {@word}<br/>{@text}",
            "confine": True,
            "extraCssText": "max-width:24rem;white-space:normal",
        },
        "visualMap": legend(pieces) | {"seriesIndex": 0, "left": 0},
        "grid": {"left": 0, "right": 0, "top": 2, "bottom": 32},
        "xAxis": _hidden([str(place) for place in range(COLUMNS)]),
        "yAxis": _hidden([str(place) for place in range(rows)]) | {"inverse": True},
        "series": [_cells(), *([] if at is None else [_ring(at)])],
    }


def _hidden(names: list[str]) -> dict[str, Any]:
    return {"type": "category", "data": names, "show": False}


def _cells() -> dict[str, Any]:
    return {
        "type": "heatmap",
        "encode": {"x": "x", "y": "y", "value": "code"},
        "selectedMode": "single",
        "select": {"itemStyle": {"borderWidth": 1, "borderColor": theme.surface("backgroundColor")}},
        "label": {"show": True, "formatter": "{@sign}", "fontSize": 11},
        "itemStyle": {"borderRadius": 3, "borderWidth": 1, "borderColor": theme.surface("backgroundColor")},
        "emphasis": {"itemStyle": {"borderColor": theme.surface("textColor"), "borderWidth": 1}},
    }


def _ring(at: int) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "silent": True,
        "tooltip": {"show": False},
        "label": {"show": False},
        "data": [[str(at % COLUMNS), str(at // COLUMNS), 0]],
        "itemStyle": {"color": "transparent", "borderColor": theme.surface("textColor"), "borderWidth": 2, "borderRadius": 3},
    }
