"""A session as it comes in: the bars of one symbol with its sliding average, and the whole market."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.clock import NEPAL
from engine.stream.intake import Hours
from engine.stream.ticks import SECOND
from pages.ui import theme
from pages.ui.charts import axes
from pages.ui.stream_data import EPOCH, Candle, Mark
from pages.ui.stream_seconds import SHOWN, MarketSpan, Slid

CANDLES_HEIGHT, MARKET_HEIGHT = 380, 400
_GRACE = 1  # microsecond: the closing itself, behind which the last trades may be stamped
_BAND = 2.0  # standard deviations
_LINES = 2  # of the market's charts: the others are bars, which begin at nought
_MARKET_TOPS, _MARKET_ROW = (24, 120, 216, 312), 60  # pixels


def candles(
    bars: Sequence[Candle],
    span: tuple[int, int],
    *,
    width: int,
    previous_close: float | None,
    marks: Sequence[Mark],
    slid: Sequence[Slid | None] = (),
) -> dict[str, Any]:
    """Return ECharts candles of one symbol with its volume below; `width` in seconds; gaps without a trade stay empty.

    `span` are the beginnings of the first and the last bar that is drawn, `slid` the sliding averages at their ends, none left out.
    """
    step = width * SECOND
    by_start = {bar.start_us: bar for bar in bars}
    starts = list(range(span[0], span[1] + step, step))
    rows = [by_start.get(start) for start in starts]
    prices = [row.prices if row is not None else None for row in rows]
    lines = _lines(slid, len(starts))
    table = {
        "at": [label(start, width) for start in starts],
        **{name: [known[place] if known else None for known in prices] for place, name in enumerate(("open", "high", "low", "close"))},
        "volume": pa.array([row.volume if row is not None else None for row in rows], pa.int64()),
        **lines,
    }
    muted = theme.hexadecimal("gray")
    low, high = _range([known for known in prices if known], previous_close, lines)
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
        "series": [_prices(previous_close), _volume(), *_averages(bool(slid)), _alerts(marks, starts, width)],
    }


def _prices(previous_close: float | None) -> dict[str, Any]:
    """Return the candles, with the close before as a line across them."""
    series: dict[str, Any] = {
        "type": "candlestick",
        "name": "Price",
        "encode": {"x": "at", "y": ["open", "close", "low", "high"], "tooltip": ["open", "high", "low", "close"]},
        "itemStyle": _up_and_down(),
        "barMaxWidth": 14,
        "tooltip": {"valueFormatter": "%,.2f"},
    }
    if previous_close is None:
        return series
    muted = theme.hexadecimal("gray")
    across = {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": muted, "type": "dashed"},
        "label": {"formatter": f"close before {previous_close:,.2f}", "color": muted, "position": "insideEndTop", "fontSize": 11},
        "data": [{"yAxis": previous_close}],
    }
    return series | {"markLine": across}


def _volume() -> dict[str, Any]:
    return {
        "type": "bar",
        "name": "Volume",
        "encode": {"x": "at", "y": "volume"},
        "xAxisIndex": 1,
        "yAxisIndex": 1,
        "barMaxWidth": 14,
        "color": theme.hexadecimal("blue"),
        "itemStyle": {"opacity": 0.55},
        "tooltip": {"valueFormatter": "%,d shares"},
    }


def market(known: Sequence[MarketSpan], session: date, *, width: int) -> dict[str, Any]:
    """Return ECharts of what the market did in spans of `width` seconds, of single ones the newest: move, volatility, turnover, trades."""
    step, hours = width * SECOND, Hours.of(session)
    last = known[-1].start_us
    starts = (
        range(last - (SHOWN - 1) * SECOND, last + 1, SECOND)
        if width == 1
        else range(hours.opens // step * step, hours.closes + _GRACE, step)
    )
    by_start = {span.start_us: span for span in known}
    rows = [by_start.get(start) for start in starts]
    table = {
        "at": [label(start, width) for start in starts],
        "move": pa.array([row.move_pct if row else None for row in rows], pa.float64()),
        "volatility": pa.array([row.volatility if row else None for row in rows], pa.float64()),
        "turnover": pa.array([row.turnover_npr / 1e6 if row else None for row in rows], pa.float64()),
        "trades": pa.array([row.trades if row else None for row in rows], pa.int64()),
    }
    named = {"nameTextStyle": {"color": theme.hexadecimal("gray"), "align": "left"}, "nameGap": 8, "splitNumber": 2}
    names = ("mean move, %", "volatility of the move, points", "turnover, NPR million", "trades")
    return {
        "animation": False,
        "dataset": {"source": pa.table(table)},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "tooltip": {"trigger": "axis", "confine": True},
        "grid": [{"left": 56, "right": 12, "top": top, "height": _MARKET_ROW} for top in _MARKET_TOPS],
        "xAxis": [_minutes(grid=place, labels=place == len(names) - 1) for place in range(len(names))],
        "yAxis": [_values(grid=place) | named | {"name": name, "scale": place < _LINES} for place, name in enumerate(names)],
        "series": [
            _line("Move", "move", grid=0, colour="violet", says="%+.2f %%"),
            _line("Volatility", "volatility", grid=1, colour="orange", says="%.3f points"),
            _step("Turnover", "turnover", grid=2, colour="blue", says="NPR %,.1f million"),
            _step("Trades", "trades", grid=3, colour="blue", says="%,d trades"),
        ],
    }


def label(start_us: int, width: int = 60) -> str:
    """Return the beginning of a bar as wall-clock time in Nepal: `11:32`, of one of seconds `11:32:05`."""
    at = (EPOCH + timedelta(microseconds=start_us)).astimezone(NEPAL)
    return f"{at:%H:%M:%S}" if width < 60 else f"{at:%H:%M}"  # noqa: PLR2004, a minute


def _lines(slid: Sequence[Slid | None], bars: int) -> dict[str, Any]:
    """Return average and band as columns, one entry a bar."""
    if not slid:
        return {}
    known = [*slid[:bars], *[None] * (bars - len(slid))]
    away = {"average": 0.0, "above": _BAND, "below": -_BAND}
    return {
        name: pa.array([one.average * (1 + times * one.volatility_pct / 100) if one else None for one in known], pa.float64())
        for name, times in away.items()
    }


def _averages(there: bool) -> list[dict[str, Any]]:  # noqa: FBT001, whether there are any
    if not there:
        return []
    names = {"average": "Average", "above": "+2 deviations", "below": "-2 deviations"}
    return [
        _line(words, name, grid=0, colour="violet", says="%,.2f") | ({} if name == "average" else _DASHED) for name, words in names.items()
    ]


_DASHED = {"lineStyle": {"width": 1, "type": "dashed", "opacity": 0.45}}


def _line(name: str, column: str, *, grid: int, colour: theme.Colour, says: str) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "encode": {"x": "at", "y": column},
        "xAxisIndex": grid,
        "yAxisIndex": grid,
        "showSymbol": False,
        "connectNulls": True,
        "lineStyle": {"width": 1.5},
        "color": theme.hexadecimal(colour),
        "tooltip": {"valueFormatter": says},
    }


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


def _alerts(marks: Sequence[Mark], starts: Sequence[int], width: int) -> dict[str, Any]:
    step = width * SECOND
    inside = [mark for mark in marks if starts[0] <= mark.began_us < starts[-1] + step]
    return {
        "type": "scatter",
        "name": "Alert",
        "symbol": "pin",
        "symbolSize": 22,
        "color": theme.hexadecimal("orange"),
        "itemStyle": {"opacity": 0.9},
        "data": [[label(mark.began_us // step * step, width), mark.price] for mark in inside],
        "tooltip": {"valueFormatter": "%,.2f"},
        "z": 5,
    }


def _range(
    prices: Sequence[tuple[float, float, float, float]], previous_close: float | None, lines: Mapping[str, pa.Array]
) -> tuple[float | None, float | None]:
    """Return the ends of the axis of prices: all bars, the average with its band and, where it is near, the close before."""
    if not prices:
        return None, None
    low, high = min(price[2] for price in prices), max(price[1] for price in prices)
    if lines:
        below, above = pc.min(lines["below"]).as_py(), pc.max(lines["above"]).as_py()
        low, high = min(low, low if below is None else below), max(high, high if above is None else above)
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
    return axes.values() | {"gridIndex": grid, "axisLabel": {"color": theme.hexadecimal("gray"), "fontSize": 11}}
