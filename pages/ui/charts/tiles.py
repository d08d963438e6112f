"""A tile a date of a backfill, a week a column."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from pages.ui import format as say
from pages.ui import theme
from pages.ui.charts.legend import colour_of, legend
from pages.ui.theme import Look
from pages.ui.views import TileView

_TILE, _PHONE_WIDTH = 18, 640
_WEEKS_ON_A_PAGE, _WEEKS_ON_A_PHONE = 52, 16
_NAMED_MONTHS, _NAMED_ON_A_PHONE = 130, 40  # weeks above which the names of months, and the signs, would lie over each other
_ABOVE, _YEAR = 44, -36  # pixels: of the names above the tiles, and from a tile's middle up to its year's
HEIGHT = 7 * _TILE + _ABOVE + 42


def tiles(dates: Sequence[TileView]) -> dict[str, Any]:
    """Return the ECharts option of a backfill; the index of a clicked tile is its place in `dates`.

    The newest run of a date is its tile. A tile shows its sign, the legend names each sign and colour.
    """
    looks = [_look(tile) for tile in dates]
    kinds = list(dict.fromkeys(looks))
    table = pa.table(
        {
            "day": [tile.partition.isoformat() for tile in dates],
            "code": [kinds.index(seen) for seen in looks],
            "sign": [seen.sign for seen in looks],
            "title": [say.day(tile.partition) for tile in dates],
            "text": [f"{seen.word}{': ' + tile.reason if tile.reason else ''}" for tile, seen in zip(dates, looks, strict=True)],
        }
    )
    first, last = dates[0].partition, dates[-1].partition
    weeks = (last - first).days // 7 + 2
    size: list[Any] = [_TILE if weeks <= _WEEKS_ON_A_PAGE else "auto", _TILE]
    option = {
        "dataset": {"source": table},
        "tooltip": {"formatter": "<b>{@title}</b><br/>{@text}", "confine": True, "extraCssText": "max-width:22rem;white-space:normal"},
        "visualMap": _legend(kinds),
        "calendar": _weeks([first.isoformat(), last.isoformat()], months=weeks <= _NAMED_MONTHS)
        | {"cellSize": size}
        | ({"right": 4} if size[0] == "auto" else {}),
        "series": [
            {
                "type": "heatmap",
                "coordinateSystem": "calendar",
                "encode": {"time": "day", "value": "code"},
                "selectedMode": "single",
                "select": {"itemStyle": {"borderWidth": 0}},
                "label": {"show": True, "formatter": "{@sign}", "fontSize": 11},
                "itemStyle": {"borderRadius": 3},
                "animation": False,
            },
            _years(first, last),
        ],
    }
    phone: dict[str, Any] = {"visualMap": {"left": 0, "itemGap": 4, "textStyle": {"fontSize": 11}}}
    if weeks > _WEEKS_ON_A_PHONE:
        phone |= {"calendar": {"cellSize": ["auto", _TILE], "right": 4, "monthLabel": {"show": weeks <= _NAMED_ON_A_PHONE}}}
        phone |= {"series": [{"label": {"show": weeks <= _NAMED_ON_A_PHONE}}]}
    return {"baseOption": option, "media": [{"query": {"maxWidth": _PHONE_WIDTH}, "option": phone}]}


def _look(tile: TileView) -> Look:
    return theme.look(tile.verdict) if tile.verdict is not None else theme.look(tile.status)


def _legend(kinds: Sequence[Look]) -> dict[str, Any]:
    named = [{"label": f"{kind.sign} {kind.word}".strip(), "color": colour_of(kind)} for kind in kinds]
    return legend([{"value": code, **piece} for code, piece in enumerate(named)])


def _years(first: date, last: date) -> dict[str, Any]:
    """Name each year above the first whole week of it: the names of months alone do not say of which year they are."""
    begins = [max(first, date(year, 1, 1)) for year in range(first.year, last.year + 1)]
    tops = [(day + timedelta(days=-day.isoweekday() % 7), day.year) for day in begins]  # weeks begin on Sunday
    return {
        "type": "scatter",
        "coordinateSystem": "calendar",
        "data": [{"value": [top.isoformat(), 0], "name": str(year)} for top, year in tops if top <= last],
        "symbolSize": 0,
        "label": {"show": True, "formatter": "{b}", "offset": [0, _YEAR], "fontSize": 11, "color": theme.surface("textColor")},
        "silent": True,
        "tooltip": {"show": False},
        "animation": False,
    }


def _weeks(days: list[str], *, months: bool) -> dict[str, Any]:
    muted = theme.hexadecimal("gray")
    return {
        "range": days,
        "top": _ABOVE,
        "left": 34,
        "splitLine": {"show": False},
        "itemStyle": {"color": "transparent", "borderColor": theme.surface("borderColor"), "borderWidth": 1},
        "dayLabel": {"firstDay": 0, "color": muted, "fontSize": 10, "nameMap": ["Sun", "", "Tue", "", "Thu", "", "Sat"]},
        "monthLabel": {"show": months, "color": muted, "fontSize": 11},
        "yearLabel": {"show": False},
    }
