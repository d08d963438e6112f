"""The whole market minute by minute: what was traded, and how far prices stand from the closes before."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.stream.bars import CLOSE, START, SYMBOL, TRADES, TURNOVER, VOLUME, Bars, joined, no_bars
from engine.stream.ticks import Floats, Ints


@dataclass(frozen=True, slots=True)
class MarketBar:
    """One minute of the market."""

    start: int  # in widths of a bar since 1970, UTC
    symbols: int  # that were traded
    trades: int
    volume: int
    turnover: int  # paisa
    move_pct: float | None  # mean of every symbol's last price against its previous close; None where no close is known


class MarketMove:
    """How far every symbol's last price stands from its close before, and the bars that still wait for the end of their minute."""

    def __init__(self, width_us: int) -> None:
        self._width_us = width_us
        self._moved = np.zeros(0)  # by symbol's code; nan where it is not known
        self._waiting = no_bars()

    def add(self, closed: Bars, watermark: int, previous_close: Floats) -> list[MarketBar]:
        """Take closed bars in; return the minutes that end at or before `watermark`, oldest first."""
        if len(closed):
            self._waiting = joined([self._waiting, closed])
        over = self._waiting.matrix[START] < watermark // self._width_us
        if not over.any():
            return []
        bars, self._waiting = self._waiting.take(over).matrix, self._waiting.take(~over)
        bars = bars.take(np.argsort(bars[START], kind="stable"), axis=1)
        starts = np.flatnonzero(np.concatenate(([True], bars[START, 1:] != bars[START, :-1])))
        symbols = np.diff(starts, append=bars.shape[1]).tolist()
        trades, volume, turnover = np.add.reduceat(bars[[TRADES, VOLUME, TURNOVER]], starts, axis=1).tolist()
        moves = self._moves(bars, previous_close, starts)
        return [MarketBar(*bar) for bar in zip(bars[START, starts].tolist(), symbols, trades, volume, turnover, moves, strict=True)]

    def _moves(self, bars: Ints, previous_close: Floats, starts: Ints) -> list[float | None]:
        """Return the mean move at the end of each minute, over all symbols that have traded and whose close before is known."""
        if len(self._moved) < len(previous_close):
            self._moved = np.pad(self._moved, (0, len(previous_close) - len(self._moved)), constant_values=np.nan)
        there = np.flatnonzero((bars[CLOSE] > 0) & (previous_close[bars[SYMBOL]] > 0))
        symbol = bars[SYMBOL, there]
        moved = bars[CLOSE, there] / previous_close[symbol] - 1
        cuts = [*np.searchsorted(there, starts).tolist(), len(there)]
        found: list[float | None] = []
        for start, end in pairwise(cuts):  # a minute depends on the one before it
            self._moved[symbol[start:end]] = moved[start:end]
            known = self._moved[~np.isnan(self._moved)]
            found.append(float(np.add.reduce(known) / len(known) * 100) if len(known) else None)  # `mean` takes thrice as long
        return found
