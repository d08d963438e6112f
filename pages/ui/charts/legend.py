"""The legend of charts whose squares are coloured by what is known of them."""

from collections.abc import Sequence
from typing import Any

from pages.ui import theme


def legend(pieces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the visual map of ECharts for `pieces`, each with its value, label and colour."""
    return {
        "type": "piecewise",
        "pieces": list(pieces),
        "dimension": "code",
        "orient": "horizontal",
        "left": 30,
        "bottom": 0,
        "itemSymbol": "roundRect",
        "itemWidth": 14,
        "itemHeight": 14,
        "itemGap": 12,
        "textStyle": {"color": theme.surface("textColor"), "fontSize": 12},
        "selectedMode": False,
    }
