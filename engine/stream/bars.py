"""Bars: open, high, low, close, volume, turnover and number of the trades of a symbol in a span of time.

The exchange's own rule holds (measured, every symbol of 76 days): prices over the trades of at least a board lot, sums over all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.stream.ticks import Ints, Mask, Ticks
from engine.stream.ticks import joined as joined_ticks
from engine.stream.trailing import Grouped, grouped

SYMBOL, START, OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER, TRADES = range(9)
COLUMNS = ("symbol", "start", "open", "high", "low", "close", "volume", "turnover", "trades")
_FAR = np.int64(2**62)
_AT_ONCE = 8192  # ticks


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars as a matrix: a row for each of `COLUMNS`, one entry a bar.

    `symbol` is a code, `start` counts widths of a bar since 1970 (UTC), prices and turnover are in paisa; the prices are 0 where only odd
    lots were traded.
    """

    matrix: Ints  # (9, bars)

    def __len__(self) -> int:
        return int(self.matrix.shape[1])

    def __getitem__(self, column: str) -> Ints:
        values: Ints = self.matrix[COLUMNS.index(column)]
        return values

    def take(self, which: Ints | Mask) -> "Bars":
        """Return those that `which` selects."""
        return Bars(self.matrix[:, which])


def no_bars() -> Bars:
    """Return a matrix without an entry."""
    return Bars(np.empty((len(COLUMNS), 0), np.int64))


def joined(parts: Sequence[Bars]) -> Bars:
    """Return the bars of all parts, one part after the other."""
    there = [part.matrix for part in parts if len(part)]
    if not there:
        return no_bars()
    return Bars(there[0] if len(there) == 1 else np.concatenate(there, axis=1))


def bars_of(group: Grouped, width_us: int, board_lot: int) -> Bars:
    """Return the bars of ticks, by (symbol, start)."""
    ticks = group.ticks
    window = ticks.time // width_us
    new = np.empty(len(ticks), np.bool_)
    np.not_equal(window[1:], window[:-1], out=new[1:])
    new[group.first] = True
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(ticks)) - 1
    rate, quantity = ticks.rate, ticks.quantity
    bars = np.empty((len(COLUMNS), len(first)), np.int64)
    bars[SYMBOL] = ticks.symbol[first]
    bars[START] = window[first]
    _set_prices(bars, first, last, rate, quantity >= board_lot)
    bars[VOLUME] = np.add.reduceat(quantity, first)
    bars[TURNOVER] = np.add.reduceat(quantity * rate, first)
    bars[TRADES] = last - first + 1
    return Bars(bars)


def _set_prices(bars: Ints, first: Ints, last: Ints, rate: Ints, regular: Mask) -> None:
    odd = np.flatnonzero(~regular)
    without: Ints = np.zeros(0, np.int64)
    if len(odd):
        rate, without = _without_odd_lots(rate, first, last, odd, np.flatnonzero(regular))
    bars[HIGH], bars[LOW] = np.maximum.reduceat(rate, first), np.minimum.reduceat(rate, first)
    bars[OPEN], bars[CLOSE] = rate.take(first), rate.take(last)
    bars[OPEN : CLOSE + 1, without] = 0


def _without_odd_lots(rate: Ints, first: Ints, last: Ints, odd: Ints, regular: Ints) -> tuple[Ints, Ints]:
    """Return rates with those of odd lots, which are few, replaced by a neighbour's in the same bar; and the bars of odd lots alone.

    The neighbour is the regular lot before, or behind where there is none: so first and last, highest and lowest are those of regular lots.
    """
    bar = np.searchsorted(first, odd, side="right") - 1
    place = np.searchsorted(regular, odd)
    bounded = np.concatenate(([-1], regular, [len(rate)]))
    before, behind = bounded[place], bounded[place + 1]
    there = before >= first[bar]
    neighbour = np.where(there, before, behind)
    found = there | (behind <= last[bar])
    rate = rate.copy()
    rate[odd[found]] = rate[neighbour[found]]
    return rate, bar[~found]


def by_symbol(bars: Bars) -> Bars:
    """Return bars by (symbol, start)."""
    symbol, start = bars.matrix[SYMBOL], bars.matrix[START]
    if ((symbol[1:] > symbol[:-1]) | ((symbol[1:] == symbol[:-1]) & (start[1:] >= start[:-1]))).all():
        return bars
    return Bars(bars.matrix.take(np.lexsort((start, symbol)), axis=1))


def rolled_up(bars: Bars, times: int) -> Bars:
    """Return bars `times` as wide, by (symbol, start); `bars` may come in any order."""
    if not len(bars):
        return bars
    old = by_symbol(bars).matrix
    start = old[START] // times
    first = np.flatnonzero(np.concatenate(([True], (start[1:] != start[:-1]) | (old[SYMBOL, 1:] != old[SYMBOL, :-1]))))
    traded = old[CLOSE] > 0
    place = np.arange(len(start))
    final = np.maximum.reduceat(np.where(traded, place, -1), first)
    new = old[:, first]
    new[START] = start[first]
    new[OPEN] = old[OPEN, np.minimum.reduceat(np.where(traded, place, len(start) - 1), first)]
    new[HIGH] = np.maximum.reduceat(old[HIGH], first)
    new[LOW] = np.minimum.reduceat(np.where(traded, old[LOW], _FAR), first)
    new[CLOSE] = old[CLOSE, final]
    new[OPEN : CLOSE + 1, final < 0] = 0
    new[VOLUME:] = np.add.reduceat(old[VOLUME:], first, axis=1)
    return Bars(new)


class OpenBars:
    """The bars that may still grow, one a symbol; the others come out when the watermark has passed them.

    Ticks are put aside and added up some thousands at a time, which costs a third of adding up every small batch by itself.
    """

    def __init__(self, width_us: int, board_lot: int) -> None:
        self.width_us = width_us
        self.board_lot = board_lot
        self._aside: list[Ticks] = []
        self._open = np.zeros((len(COLUMNS), 0), np.int64)  # by symbol's code; an entry without a trade is no bar
        self._over: list[Bars] = []  # later bars of their symbols have begun
        self._closed = 0  # the watermark of the last `close`, in widths

    def add(self, ticks: Ticks, group: Grouped | None = None) -> None:
        """Add ticks in order, later than all before them; `group` are the same by symbol, which spares many at once the sorting."""
        if not len(ticks):
            return
        if group is not None and len(ticks) >= _AT_ONCE:
            self._add_up()
            self._add_group(group)
            return
        self._aside.append(ticks)
        if sum(map(len, self._aside)) >= _AT_ONCE:
            self._add_up()

    def close(self, watermark: int) -> Bars:
        """Return the bars that end at or before `watermark` (microseconds since 1970, UTC), and forget them."""
        window = watermark // self.width_us
        if window <= self._closed:
            return no_bars()
        self._closed = window
        self._add_up()
        over = (self._open[TRADES] > 0) & (self._open[START] < window)
        closed = joined([*self._over, Bars(self._open[:, over])])
        self._over = []
        self._open[TRADES, over] = 0
        return closed

    def now(self) -> Bars:
        """Return the bars as they stand."""
        self._add_up()
        return Bars(self._open[:, self._open[TRADES] > 0])

    def _add_up(self) -> None:
        if not self._aside:
            return
        group = grouped(joined_ticks(self._aside))
        self._aside = []
        self._add_group(group)

    def _add_group(self, group: Grouped) -> None:
        bars = bars_of(group, self.width_us, self.board_lot).matrix
        symbols = group.symbols
        self._reach(int(symbols[-1]) + 1)
        before = self._open.take(symbols, axis=1)
        if bars.shape[1] == len(symbols) and _go_on(before, bars).all():  # the usual case: one bar a symbol, begun before
            _put_before(before, bars)
            self._open[:, symbols] = bars
            return
        first = np.flatnonzero(np.concatenate(([True], bars[SYMBOL, 1:] != bars[SYMBOL, :-1])))
        last = np.append(first[1:], bars.shape[1]) - 1
        goes_on = _go_on(before, bars.take(first, axis=1))
        continued = bars.take(first[goes_on], axis=1)
        _put_before(before[:, goes_on], continued)
        bars[:, first[goes_on]] = continued
        self._open[:, symbols] = bars.take(last, axis=1)
        inner = np.ones(bars.shape[1], np.bool_)
        inner[last] = False
        self._over += [Bars(before[:, (before[TRADES] > 0) & ~goes_on]), Bars(bars[:, inner])]

    def _reach(self, symbols: int) -> None:
        more = symbols - self._open.shape[1]
        if more > 0:
            self._open = np.pad(self._open, ((0, 0), (0, max(more, 64))))


def _go_on(before: Ints, now: Ints) -> Mask:
    """Return which of the bars of before, an entry without a trade being none, are the same ones as now."""
    same: Mask = (before[TRADES] > 0) & (before[START] == now[START])
    return same


def _put_before(before: Ints, now: Ints) -> None:
    """Put the earlier halves of bars before what has come now."""
    now[VOLUME:] += before[VOLUME:]
    np.maximum(now[HIGH], before[HIGH], out=now[HIGH])
    both = (before[CLOSE] > 0) & (now[CLOSE] > 0)
    if both.all():
        np.minimum(now[LOW], before[LOW], out=now[LOW])
        now[OPEN] = before[OPEN]
    else:
        earlier, later = before[CLOSE] > 0, now[CLOSE] > 0
        now[LOW] = np.where(both, np.minimum(now[LOW], before[LOW]), np.where(earlier, before[LOW], now[LOW]))
        now[OPEN] = np.where(earlier, before[OPEN], now[OPEN])
        now[CLOSE] = np.where(later, now[CLOSE], before[CLOSE])
