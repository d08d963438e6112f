"""A session second by second: bars of any width, sliding averages and volatility, of a symbol and of the whole market.

One pane a symbol and second in which it was traded: memory grows with those, never with the rate of trades, and nothing has to be stored
that the log does not hold already. An average is that of the prices of all trades in the window, as the rule about it sees them; volatility
is their standard deviation in percent of that average, the market's is that of its mean move second by second, in points.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.stream.bars import COLUMNS, START, SYMBOL, TRADES, Bars, bars_of, joined, rolled_up
from engine.stream.market_seconds import Seconds
from engine.stream.ticks import SECOND, Floats, Ints
from engine.stream.trailing import Grouped

_MOST_PARTS = 64  # batches that are kept side by side: more are made one


class Sliding(NamedTuple):
    """Over the window before each asked second: nan where nothing was traded in it."""

    average: Floats  # paisa; of the market its move in percent
    deviation: Floats  # percent of the average; of the market points


class _Part(NamedTuple):
    """Panes by (symbol, second), and of each the sum of prices and of their squares."""

    bars: Bars
    sums: Ints  # (2, panes)


@dataclass(slots=True)
class Panes:
    """Every symbol's panes."""

    board_lot: int
    newest: int = 0  # second since 1970 in which was traded last
    _parts: list[_Part] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """How much memory they take."""
        return sum(part.bars.matrix.nbytes + part.sums.nbytes for part in self._parts)

    def add(self, group: Grouped) -> None:
        """Add ticks by symbol, later than all before them."""
        bars = bars_of(group, SECOND, self.board_lot)
        self.newest = max(self.newest, int(bars["start"].max()))
        first = np.concatenate(([0], np.cumsum(bars["trades"])[:-1]))
        rate = group.ticks.rate
        self._parts.append(_Part(bars, np.stack([np.add.reduceat(rate, first), np.add.reduceat(rate * rate, first)])))
        if len(self._parts) > _MOST_PARTS:
            self._parts = [_one(self._parts)]

    def of(self, symbol: int) -> "SymbolPanes":
        """Return the panes of a symbol's code, by second."""
        mine = [_Part(part.bars.take(which), part.sums[:, which]) for part in self._parts for which in [_of_symbol(part.bars, symbol)]]
        return SymbolPanes(*_one(mine))

    def bars(self, width: int, *, since: int = 0) -> Bars:
        """Return the bars of all symbols, so many seconds wide, by (symbol, start); `since` is a second since 1970."""
        return rolled_up(joined([part.bars.take(part.bars.matrix[START] >= since) for part in self._parts]), width)


@dataclass(frozen=True, slots=True)
class SymbolPanes:
    """One symbol's panes, by second."""

    panes: Bars
    sums: Ints

    def bars(self, width: int) -> Bars:
        """Return its bars, so many seconds wide."""
        return rolled_up(self.panes, width)

    def sliding(self, ends: Ints, seconds: int) -> Sliding:
        """Return average and volatility of its prices in the window of so many seconds before each of `ends`, in seconds since 1970."""
        if not len(self.panes):
            return Sliding(np.full(len(ends), np.nan), np.full(len(ends), np.nan))
        total, squares = self.sums
        number = self.panes["trades"]
        middle = total[0] // number[0]  # what is added up are distances from here: whole numbers that stay small
        away = np.stack([number, total - middle * number, squares - 2 * middle * total + middle * middle * number])
        upto = np.concatenate((np.zeros((3, 1), np.int64), np.cumsum(away, axis=1)), axis=1)
        second = self.panes["start"]
        trades, distance, square = (upto[:, np.searchsorted(second, ends)] - upto[:, np.searchsorted(second, ends - seconds)]).astype(
            np.float64
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = distance / trades
            spread = np.sqrt(np.maximum(square / trades - mean * mean, 0.0))
        average = mean + middle
        return Sliding(average, 100.0 * spread / average)


def _of_symbol(bars: Bars, symbol: int) -> Ints:
    """Return the places of a symbol; the panes are by symbol."""
    start, end = np.searchsorted(bars.matrix[SYMBOL], [symbol, symbol + 1])
    return np.arange(start, end)


def _one(parts: list[_Part]) -> _Part:
    """Return panes as one part; where one second lies in several, they become one pane."""
    bars = joined([part.bars for part in parts])
    if not len(bars):
        return _Part(bars, np.empty((2, 0), np.int64))
    order = np.lexsort((bars.matrix[START], bars.matrix[SYMBOL]))
    keys = bars.matrix[:, order]
    first = np.flatnonzero(np.concatenate(([True], (keys[START, 1:] != keys[START, :-1]) | (keys[SYMBOL, 1:] != keys[SYMBOL, :-1]))))
    sums = np.concatenate([part.sums for part in parts if len(part.bars)], axis=1)[:, order]
    return _Part(rolled_up(bars, 1), np.add.reduceat(sums, first, axis=1))


class MarketBars(NamedTuple):
    """The whole market in spans of time, oldest first."""

    start: Ints  # in widths since 1970, UTC
    symbols: Ints  # that were traded
    trades: Ints
    turnover: Ints  # paisa


def market_bars(bars: Bars) -> MarketBars:
    """Return the sums over all symbols of bars of one width."""
    start, place = np.unique(bars.matrix[START], return_inverse=True)
    symbols = np.bincount(place, minlength=len(start)).astype(np.int64)
    trades, turnover = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
    np.add.at(trades, place, bars.matrix[TRADES])
    np.add.at(turnover, place, bars.matrix[COLUMNS.index("turnover")])
    return MarketBars(start, symbols, trades, turnover)


def market_at(seconds: Seconds, ends: Ints) -> Floats:
    """Return how far the market stood from the closes before just ahead of each of `ends`, in percent; nan before it is known."""
    place = np.searchsorted(seconds.time // SECOND, ends) - 1
    return np.where(place >= 0, seconds.move_pct[np.maximum(place, 0)], np.nan) if len(seconds.time) else np.full(len(ends), np.nan)


def market_sliding(seconds: Seconds, ends: Ints, window: int) -> Sliding:
    """Return the mean of the market's move over the window of so many seconds before each of `ends`, and how it varied, in points.

    A second without a trade counts with the move of the one before; those before the first known move do not count.
    """
    known = ~np.isnan(seconds.move_pct)
    if not known.any():
        return Sliding(np.full(len(ends), np.nan), np.full(len(ends), np.nan))
    at, move = seconds.time[known] // SECOND, seconds.move_pct[known]
    every = np.arange(at[0], max(int(ends.max(initial=0)), int(at[-1]) + 1))
    filled = move[np.searchsorted(at, every, side="right") - 1] - move[0]
    upto = np.concatenate((np.zeros((2, 1)), np.cumsum([filled, filled * filled], axis=1)), axis=1)
    start, end = (np.clip(edge - at[0], 0, len(every)) for edge in (ends - window, ends))
    number = (end - start).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, square = (upto[:, end] - upto[:, start]) / number
        return Sliding(mean + move[0], np.sqrt(np.maximum(square - mean * mean, 0.0)))
