"""Reads of a session's log second by second: bars of a second, sliding averages and volatility; nothing here writes."""

from dataclasses import dataclass
from datetime import date
from math import isnan
from pathlib import Path

import numpy as np

import engine.runtime
from engine.errors import ConsoleError
from engine.stream.deciding import decided_on
from engine.stream.logs import log_of
from engine.stream.panes import MarketBars, market_at, market_bars, market_sliding
from engine.stream.processor import LATENESS
from engine.stream.received import Decided
from engine.stream.so_far import SoFar
from engine.stream.ticks import SECOND, Floats, Ints
from engine.stream.versions import limits_of
from pages.ui import alert_data, data, stream_data
from pages.ui.shared import shared
from pages.ui.stream_data import LIVE, Candle
from storage import sessions, speed_layer

SHOWN = 300  # seconds of the newest that are shown one by one: a whole session of them is finer than a screen
_FOR_GOOD = 3600.0  # seconds
_SESSIONS = 3  # some 7 MB each on the heaviest day so far


@dataclass(frozen=True, slots=True)
class Slid:
    """Average (NPR) and volatility (percent of it) over the window before the end of a bar."""

    average: float
    volatility_pct: float


@dataclass(frozen=True, slots=True)
class MarketSpan:
    """What the whole market did in a span of time; None where it is not known."""

    start_us: int
    trades: int
    turnover_npr: float
    move_pct: float | None  # at its end, of the mean symbol against the close before
    volatility: float | None  # points, over the window before its end


@dataclass(frozen=True, slots=True)
class Looked:
    """A session as its log has it so far, or why that cannot be read."""

    so_far: SoFar | None
    trouble: str | None = None


@shared(seconds=LIVE, entries=_SESSIONS)
def looked(session: date) -> Looked:
    """Return a session second by second, with what has come since."""
    with engine.runtime.runtime().database.reading() as connection:
        state = speed_layer.state(connection, session)
        if state is None:
            return Looked(None)
        lateness = limits_of(connection, state)[LATENESS.key]
        decided = decided_on(connection, session) if state["ended_at"] is not None else Decided()
        loaded = [sessions.one(connection, day) for day in (session, data.calendar().previous_session(session))]
    try:
        return Looked(
            _begun(
                session, data.settings().home, lateness, decided, tuple(None if row is None else row["run_id"] for row in loaded)
            ).refresh()
        )
    except ConsoleError as error:
        return Looked(None, str(error))


@shared(seconds=_FOR_GOOD, entries=_SESSIONS, lasting=True)
def _begun(session: date, _home: Path, lateness: float, decided: Decided, _loaded: tuple[int | None, ...]) -> SoFar:
    """Begin a session anew where what was taken in of it is another, or the rows are that its previous closes come from."""
    return SoFar(log_of(engine.runtime.runtime()), session, lateness, lambda: stream_data.previous_closes(session), decided)


def shown(session: date) -> tuple[int, int]:
    """Return the first and the last second of the newest five minutes, in microseconds since 1970."""
    seen = looked(session).so_far
    last = seen.panes.newest if seen is not None else 0
    return (last - SHOWN + 1) * SECOND, last * SECOND


@shared(seconds=LIVE, entries=100)
def candles(session: date, symbol: str) -> tuple[Candle, ...]:
    """Return a symbol's bars of a second in the newest five minutes, oldest first."""
    seen = looked(session).so_far
    if seen is None:
        return ()
    bars = seen.symbol(symbol).bars(1)
    recent = bars.take(bars["start"] > seen.panes.newest - SHOWN)
    return tuple(stream_data.candle(column, 1) for column in recent.matrix.T.tolist())


@shared(seconds=LIVE, entries=100)
def sliding(session: date, symbol: str, width: int, first_us: int, last_us: int) -> tuple[Slid | None, ...]:
    """Return the sliding average at the end of each bar, so many seconds wide, from one beginning to another; None where it has none."""
    seen = looked(session).so_far
    if seen is None:
        return ()
    ends = np.arange(first_us // SECOND, last_us // SECOND + 1, width) + width
    found = seen.symbol(symbol).sliding(ends, alert_data.window_seconds(session))
    pairs = zip((found.average / 100).tolist(), found.deviation.tolist(), strict=True)
    return tuple(None if isnan(average) else Slid(average, deviation) for average, deviation in pairs)


@shared(seconds=LIVE, entries=20)
def market(session: date, width: int, closed: int) -> tuple[MarketSpan, ...]:
    """Return the market in spans of so many seconds, oldest first; `closed` is how many bars of a minute have closed."""
    seen = looked(session).so_far
    spans = _by_second(seen) if width == 1 else _by_minutes(session, width, closed)
    moves, swings = _moves(seen, session, (spans.start + 1) * width)
    columns = zip(spans.start.tolist(), spans.trades.tolist(), spans.turnover.tolist(), moves, swings, strict=True)
    return tuple(MarketSpan(start * width * SECOND, trades, turnover / 100, *both) for start, trades, turnover, *both in columns)


def _moves(seen: SoFar | None, session: date, ends: Ints) -> tuple[list[float | None], list[float | None]]:
    """Return the market's move at some seconds, and how it varied in the window before."""
    if seen is None:
        return [None] * len(ends), [None] * len(ends)
    seconds = seen.seconds()
    varied = market_sliding(seconds, ends, alert_data.window_seconds(session))
    return _known(market_at(seconds, ends)), _known(varied.deviation)


def _by_second(seen: SoFar | None) -> MarketBars:
    if seen is None:
        return MarketBars(*(np.empty(0, np.int64) for _ in MarketBars._fields))
    return market_bars(seen.bars(1, since=seen.panes.newest - SHOWN + 1))


def _by_minutes(session: date, width: int, closed: int) -> MarketBars:
    """Return what the bars add up to that are served, corrected ones as they are now."""
    rows = [
        (minute.start_us // (width * SECOND), minute.symbols, minute.trades, round(minute.turnover_npr * 100))
        for minute in stream_data.minutes(session, closed)
    ]
    start, symbols, trades, turnover = np.array(rows, np.int64).reshape(-1, 4).T
    first = np.flatnonzero(np.diff(start, prepend=-1))
    if not len(first):
        return MarketBars(start, symbols, trades, turnover)
    most = np.maximum.reduceat(symbols, first)  # of its minutes: at least so many
    return MarketBars(start[first], most, np.add.reduceat(trades, first), np.add.reduceat(turnover, first))


def _known(values: Floats) -> list[float | None]:
    return [None if isnan(value) else value for value in values.tolist()]
