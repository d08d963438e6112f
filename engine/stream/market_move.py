"""The whole market minute by minute: what was traded, and how far prices stand from the closes before."""

from dataclasses import dataclass

import numpy as np

from engine.stream.bars import CLOSE, START, SYMBOL, TRADES, TURNOVER, VOLUME, Bars, joined, no_bars
from engine.stream.ticks import Floats


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
    """Every symbol's last price, and the bars that still wait for the end of their minute."""

    def __init__(self, width_us: int) -> None:
        self._width_us = width_us
        self._last = np.zeros(0)
        self._waiting = no_bars()

    def add(self, closed: Bars, watermark: int, previous_close: Floats) -> list[MarketBar]:
        """Take closed bars in; return the minutes that end at or before `watermark`, oldest first."""
        if len(closed):
            self._waiting = joined([self._waiting, closed])
        over = self._waiting.matrix[START] < watermark // self._width_us
        if not over.any():
            return []
        bars, self._waiting = self._waiting.take(over).matrix, self._waiting.take(~over)
        bars = bars[:, np.argsort(bars[START], kind="stable")]
        starts = np.flatnonzero(np.concatenate(([True], bars[START, 1:] != bars[START, :-1])))
        return [self._minute(minute, previous_close) for minute in np.split(bars, starts[1:], axis=1)]

    def _minute(self, bars: np.ndarray, previous_close: Floats) -> MarketBar:
        if len(self._last) < len(previous_close):
            self._last = np.pad(self._last, (0, len(previous_close) - len(self._last)))
        priced = bars[:, bars[CLOSE] > 0]
        self._last[priced[SYMBOL]] = priced[CLOSE]
        known = (self._last > 0) & (previous_close[: len(self._last)] > 0)
        moves = self._last[known] / previous_close[: len(self._last)][known] - 1
        return MarketBar(
            start=int(bars[START, 0]),
            symbols=bars.shape[1],
            trades=int(bars[TRADES].sum()),
            volume=int(bars[VOLUME].sum()),
            turnover=int(bars[TURNOVER].sum()),
            move_pct=float(moves.mean() * 100) if len(moves) else None,
        )
