"""Sums over the last seconds of each symbol, in panes of one second: memory and time do not grow with the rate of trades.

A window of W seconds before a trade at second s holds every earlier trade of its symbol at or after second s - W: exact at its end, to a
second at its beginning. The sums are of whole paisa in doubles, exact below 2**53, so neither the size of a batch nor rounding shows.
"""

from typing import NamedTuple

import numpy as np

from engine.stream.ticks import SECOND, Codes, Floats, Ints, Ticks

_SECOND_BITS = 40  # of a key: more seconds than since 1970
_PANES_AT_ONCE = 256  # a batch that spans more seconds is taken in parts


class Grouped(NamedTuple):
    """A batch by symbol, within a symbol in order; `first` are the places where a symbol begins, `symbols` which these are."""

    ticks: Ticks
    first: Ints
    size: Ints
    symbols: Ints
    seconds: range  # since 1970, from its first tick to its last


def grouped(ticks: Ticks) -> Grouped:
    """Return ticks (at least one, in order) by symbol."""
    by_symbol = ticks.take(np.argsort(ticks.symbol, kind="stable"))
    first = _beginnings(by_symbol.symbol, np.zeros(1, np.int64))
    seconds = range(int(ticks.time[0]) // SECOND, int(ticks.time[-1]) // SECOND + 1)
    return Grouped(by_symbol, first, _sizes(first, len(ticks)), by_symbol.symbol.take(first).astype(np.int64), seconds)


def _beginnings(column: Ints | Codes, anyway: Ints) -> Ints:
    """Return the places at which a value differs from the one before, and those where a group begins `anyway`."""
    new = np.empty(len(column), np.bool_)
    np.not_equal(column[1:], column[:-1], out=new[1:])
    new[anyway] = True
    return np.flatnonzero(new)


def _sizes(first: Ints, count: int) -> Ints:
    size = np.empty_like(first)
    np.subtract(first[1:], first[:-1], out=size[:-1])
    size[-1] = count - first[-1]
    return size


class Sums(NamedTuple):
    """For each tick, in the order of its `Grouped`, the earlier trades of its symbol in a window."""

    total: Floats  # of their prices, in paisa
    number: Floats


class Runs(NamedTuple):
    """The ticks of one symbol in one second: what is the same for all of them is worked out once."""

    first: Ints
    size: Ints
    symbol: Ints
    pane: Ints


class Before(NamedTuple):
    """For each tick of a `Grouped`, its second, its symbol, and all earlier trades of that symbol."""

    pane: Ints
    symbol: Ints
    total: Floats
    number: Floats
    runs: Runs

    def less(self, total: Floats, number: Floats) -> Sums:
        """Return what is left without what each run's window does not hold."""
        size = self.runs.size
        return Sums(self.total - np.repeat(total, size), self.number - np.repeat(number, size))


def _runs(group: Grouped, pane: Ints) -> Runs:
    if len(group.seconds) == 1:
        return Runs(group.first, group.size, group.symbols, pane.take(group.first))
    first = _beginnings(pane, group.first)
    return Runs(first, _sizes(first, len(pane)), group.ticks.symbol.take(first).astype(np.int64), pane.take(first))


class Trailing:
    """The running sums of every symbol, and what they were at the end of each of the last seconds."""

    def __init__(self, longest: int) -> None:
        self.longest = longest  # seconds
        self._rows = longest + 2 + _PANES_AT_ONCE
        self._width = 0  # symbols that there is room for
        self._began: int | None = None  # the second from which on the rows are filled
        self._pane: int | None = None  # and up to which
        self._first = self._seconds = 0  # where the seconds of the last `add` begin, and how many there are
        self._total, self._count = np.zeros(0), np.zeros(0)
        self._totals, self._counts = np.zeros((self._rows, 0)), np.zeros((self._rows, 0))

    @property
    def bytes(self) -> int:
        """How much memory the sums take."""
        return self._totals.nbytes + self._counts.nbytes

    def add(self, group: Grouped) -> Before:
        """Add ticks that are later than all before them and span less than `_PANES_AT_ONCE` seconds; return what each finds before it."""
        pane = group.ticks.time // SECOND
        symbols, rate = group.symbols, group.ticks.rate
        self._reach(int(symbols[-1]) + 1)
        upto = np.cumsum(rate)  # as whole numbers: three times as fast as a running sum of doubles
        upto -= rate  # without the tick itself
        carried: Floats = self._total[symbols] - upto[group.first]
        counted: Floats = self._count[symbols] - group.first
        before = Before(
            pane,
            group.ticks.symbol.astype(np.int64),
            upto + carried.repeat(group.size),
            np.arange(len(pane)) + counted.repeat(group.size),
            _runs(group, pane),
        )
        self._first, self._seconds = group.seconds.start, len(group.seconds)
        self._fill(group, before)
        return before

    def within(self, before: Before, seconds: int) -> Sums:
        """Return the sums over a window of so many seconds (at most `longest`) before each tick of the last `add`."""
        start = self._first - (seconds + 1)
        if self._seconds == 1:
            cell = before.runs.symbol + start % self._rows * self._width
        else:
            rows = (
                np.arange(start, start + self._seconds) % self._rows * self._width
            )  # a remainder a run would cost more than all else here
            cell = rows[before.runs.pane - self._first] + before.runs.symbol
        return before.less(self._totals.ravel().take(cell), self._counts.ravel().take(cell))

    def _fill(self, group: Grouped, before: Before) -> None:
        first, last = self._first, self._first + self._seconds - 1
        self._carry_to(first)
        self._began = first if self._began is None else self._began
        if first == last:
            symbols, ends = group.symbols, group.first + group.size - 1
            self._total[symbols] = before.total[ends] + group.ticks.rate[ends]
            self._count[symbols] = before.number[ends] + 1
            row = last % self._rows
            self._totals[row], self._counts[row] = self._total, self._count
        else:
            rows = np.arange(first, last + 1) % self._rows
            place = before.runs.pane - first, before.runs.symbol
            self._totals[rows] = self._running(place, np.add.reduceat(group.ticks.rate, before.runs.first), self._total)
            self._counts[rows] = self._running(place, before.runs.size, self._count)
            self._total, self._count = self._totals[rows[-1]].copy(), self._counts[rows[-1]].copy()
        self._pane = last

    def _running(self, place: tuple[Ints, Ints], added: Ints, start: Floats) -> Floats:
        sums = np.zeros((self._seconds, self._width))
        sums[place] = added
        sums[0] += start
        for row in range(1, len(sums)):  # numpy's cumsum over rows goes down the columns: ten times slower
            sums[row] += sums[row - 1]
        return sums

    def _carry_to(self, pane: int) -> None:
        """Fill the seconds in which nothing was traded."""
        if self._pane is None or self._pane + 1 >= pane:
            return
        rows = np.arange(max(self._pane + 1, pane - self._rows), pane) % self._rows
        self._totals[rows], self._counts[rows] = self._total, self._count

    def _reach(self, symbols: int) -> None:
        if symbols <= self._width:
            return
        before, self._width = self._width, -(-symbols // 64) * 64
        self._total, self._count = (np.pad(sums, (0, self._width - before)) for sums in (self._total, self._count))
        self._totals, self._counts = (self._wider(rows) for rows in (self._totals, self._counts))

    def _wider(self, rows: Floats) -> Floats:
        """Return rows with room for all symbols. What is noughts anyway is not copied: memory that nobody wrote to costs nothing."""
        wider = np.zeros((self._rows, self._width))
        if self._pane is not None and self._began is not None:
            filled = np.arange(max(self._began, self._pane + 1 - self._rows), self._pane + 1) % self._rows
            wider[filled, : rows.shape[1]] = rows[filled]
        return wider


class WholeTape:
    """The same sums over a session that is there as a whole: no rows are kept, each window's beginning is searched for."""

    def __init__(self) -> None:
        self._key: Ints = np.zeros(0, np.int64)  # of each run, symbol and second, rising

    def add(self, group: Grouped) -> Before:
        """Take the whole session; return what each tick finds before it, counted from the first tick of the first symbol."""
        pane = group.ticks.time // SECOND
        total = np.cumsum(group.ticks.rate, dtype=np.float64)
        total -= group.ticks.rate
        runs = _runs(group, pane)
        self._key = (runs.symbol << _SECOND_BITS) + runs.pane
        return Before(pane, group.ticks.symbol.astype(np.int64), total, np.arange(len(pane), dtype=np.float64), runs)

    def within(self, before: Before, seconds: int) -> Sums:
        """Return the sums over a window of so many seconds before each tick."""
        start = before.runs.first.take(_places(self._key, self._key - seconds))
        return before.less(before.total.take(start), start.astype(np.float64))


def _places(keys: Ints, wanted: Ints) -> Ints:
    """Return `np.searchsorted(keys, wanted)` of two rising columns: numpy's stable sort merges them, in half the time."""
    order = np.argsort(np.concatenate((wanted, keys)), kind="stable")
    places: Ints = np.flatnonzero(order < len(wanted)) - np.arange(len(wanted))
    return places


def spans(ticks: Ticks) -> list[Ticks]:
    """Return ticks in order as parts of which none spans more seconds than `Trailing.add` takes."""
    if not len(ticks):
        return []
    if int(ticks.time[-1] // SECOND - ticks.time[0] // SECOND) < _PANES_AT_ONCE:
        return [ticks]
    pane = ticks.time // SECOND
    cuts = [0]
    while int(pane[-1] - pane[cuts[-1]]) >= _PANES_AT_ONCE:
        cuts.append(int(np.searchsorted(pane, pane[cuts[-1]] + _PANES_AT_ONCE)))
    return [ticks.take(slice(start, end)) for start, end in zip(cuts, [*cuts[1:], len(pane)], strict=True)]
