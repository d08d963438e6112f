"""A session as it comes in: the bars of one symbol, and the whole market minute by minute."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from engine.clock import NEPAL
from engine.stream.intake import Hours
from pages.ui import theme
from pages.ui.stream_data import EPOCH, MINUTE_US, Candle, Mark, Minute

CANDLES_HEIGHT, MARKET_HEIGHT = 380, 230
_GRACE = 1  # minute behind the closing that the last trades may be stamped in


def candles(bars: Sequence[Candle], *, width: int, previous_close: float | None, marks: Sequence[Mark]) -> dict[str, Any]:
    """Return ECharts candles of one symbol with its volume below; `width` in minutes; gaps without a trade stay empty."""
    step = width * MINUTE_US
    by_start = {bar.start_us: bar for bar in bars}
    starts = list(range(bars[0].start_us, bars[-1].start_us + step, step))
    rows = [by_start.get(start) for start in starts]
    prices = [row.prices if row is not None else None for row in rows]
    table = {
        "at": [label(start) for start in starts],
        **{name: [known[place] if known else None for known in prices] for place, name in enumerate(("open", "high", "low", "close"))},
        "volume": pa.array([row.volume if row is not None else None for row in rows], pa.int64()),
    }
    muted = theme.hexadecimal("gray")
    main: dict[str, Any] = {
        "type": "candlestick",
        "name": "Price",
        "encode": {"x": "at", "y": ["open", "close", "low", "high"], "tooltip": ["open", "high", "low", "close"]},
        "itemStyle": _up_and_down(),
        "barMaxWidth": 14,
        "tooltip": {"valueFormatter": "%,.2f"},
    }
    if previous_close is not None:
        main["markLine"] = {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"color": muted, "type": "dashed"},
            "label": {"formatter": f"close before {previous_close:,.2f}", "color": muted, "position": "insideEndTop", "fontSize": 11},
            "data": [{"yAxis": previous_close}],
        }
    low, high = _range([known for known in prices if known], previous_close)
    volume = {"type": "bar", "name": "Volume", "encode": {"x": "at", "y": "volume"}, "xAxisIndex": 1, "yAxisIndex": 1, "barMaxWidth": 14}
    volume |= {"color": theme.hexadecimal("blue"), "itemStyle": {"opacity": 0.55}, "tooltip": {"valueFormatter": "%,d shares"}}
    return {
        "animation": False,
        "dataset": {"source": pa.table(table)},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "cross", "label": {"show": False}}, "confine": True},
        "grid": [
            {"left": 56, "right": 12, "top": 12, "bottom": 116},
            {"left": 56, "right": 12, "bottom": 26, "height": 66},
        ],
        "xAxis": [_minutes(grid=0, labels=False), _minutes(grid=1)],
        "yAxis": [
            _values(grid=0)
            | {"scale": True, "min": low, "max": high, "axisLabel": {"color": muted, "showMinLabel": False, "showMaxLabel": False}},
            _values(grid=1) | {"axisLabel": {"color": muted, "showMinLabel": False}, "splitNumber": 2},
        ],
        "series": [main, volume, _alerts(marks, starts, step)],
    }


def market(known: Sequence[Minute], session: date) -> dict[str, Any]:
    """Return ECharts of what the market traded each minute: turnover above, trades below, over the whole session."""
    hours = Hours.of(session)
    starts = range(hours.opens, hours.closes + _GRACE, MINUTE_US)
    by_start = {minute.start_us: minute for minute in known}
    rows = [by_start.get(start) for start in starts]
    table = {
        "at": [label(start) for start in starts],
        "turnover": [row.turnover_npr / 1e6 if row is not None else None for row in rows],
        "trades": pa.array([row.trades if row is not None else None for row in rows], pa.int64()),
    }
    muted = theme.hexadecimal("gray")
    named = {"nameTextStyle": {"color": muted, "align": "left"}, "nameGap": 8}
    return {
        "animation": False,
        "dataset": {"source": pa.table(table)},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "tooltip": {"trigger": "axis", "confine": True},
        "grid": [
            {"left": 56, "right": 12, "top": 24, "height": 70},
            {"left": 56, "right": 12, "bottom": 26, "height": 62},
        ],
        "xAxis": [_minutes(grid=0, labels=False), _minutes(grid=1)],
        "yAxis": [
            _values(grid=0) | named | {"name": "turnover, NPR million", "splitNumber": 2},
            _values(grid=1) | named | {"name": "trades", "splitNumber": 2},
        ],
        "series": [
            _step("Turnover", "turnover", grid=0, colour="blue", says="NPR %,.1f million"),
            _step("Trades", "trades", grid=1, colour="violet", says="%,d trades"),
        ],
    }


def label(start_us: int) -> str:
    """Return a minute as wall-clock time in Nepal: `11:32`."""
    return f"{(EPOCH + timedelta(microseconds=start_us)).astimezone(NEPAL):%H:%M}"


def _step(name: str, column: str, *, grid: int, colour: theme.Colour, says: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "encode": {"x": "at", "y": column},
        "xAxisIndex": grid,
        "yAxisIndex": grid,
        "barCategoryGap": "10%",
        "color": theme.hexadecimal(colour),
        "tooltip": {"valueFormatter": says},
    }


def _alerts(marks: Sequence[Mark], starts: Sequence[int], step: int) -> dict[str, Any]:
    inside = [mark for mark in marks if starts[0] <= mark.began_us < starts[-1] + step]
    return {
        "type": "scatter",
        "name": "Alert",
        "symbol": "pin",
        "symbolSize": 22,
        "color": theme.hexadecimal("orange"),
        "itemStyle": {"opacity": 0.9},
        "data": [[label(mark.began_us // step * step), mark.price] for mark in inside],
        "tooltip": {"valueFormatter": "%,.2f"},
        "z": 5,
    }


def _range(prices: Sequence[tuple[float, float, float, float]], previous_close: float | None) -> tuple[float | None, float | None]:
    """Return the ends of the axis of prices: all bars and, where it is near, the close before."""
    if not prices:
        return None, None
    low, high = min(price[2] for price in prices), max(price[1] for price in prices)
    room = max(high - low, 0.01 * high) * 0.12
    if previous_close is not None and abs(previous_close - (low + high) / 2) < 4 * (high - low + room):
        low, high = min(low, previous_close), max(high, previous_close)
    return round(low - room, 1), round(high + room, 1)


def _up_and_down() -> dict[str, Any]:
    up, down = theme.hexadecimal("green"), theme.hexadecimal("red")
    return {"color": up, "borderColor": up, "color0": down, "borderColor0": down}


def _minutes(*, grid: int, labels: bool = True) -> dict[str, Any]:
    muted = theme.hexadecimal("gray")
    shown = {"color": muted, "hideOverlap": True, "fontSize": 11} if labels else {"show": False}
    return {
        "type": "category",
        "gridIndex": grid,
        "axisLabel": shown,
        "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": muted}},
    }


def _values(*, grid: int) -> dict[str, Any]:
    muted, border = theme.hexadecimal("gray"), theme.surface("borderColor")
    return {
        "type": "value",
        "gridIndex": grid,
        "axisLabel": {"color": muted, "fontSize": 11},
        "splitLine": {"lineStyle": {"color": border, "opacity": 0.6}},
    }
