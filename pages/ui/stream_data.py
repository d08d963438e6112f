"""Reads of the tick stream: how far a session has come, its bars, movers and minutes; nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import streamlit as st
from sqlalchemy import Connection, RowMapping

import engine.runtime
from engine.clock import nepal_time
from engine.errors import ConsoleError
from engine.market.rules import rules_on
from engine.stream import offered as sessions_offered
from engine.stream.bars import COLUMNS, Bars, rolled_up
from engine.stream.intake import Hours
from engine.stream.ticks import SECOND
from pages.ui import data
from pages.ui.shared import shared
from pages.ui.views import View
from storage import alert_list, market_minutes, moves, runners, runs, speed_layer
from storage import sessions as accepted
from storage.alert_list import AlertFilter
from storage.status import ACTIVE, AlertStanding, RunStatus

STREAM = moves.STREAM
LIVE, CALM = 0.9, 4.0  # seconds a read may be old: the page draws itself anew each second
SILENT = timedelta(seconds=10)  # without a heartbeat
WIDTHS = {"1 s": 1, "1 min": 60, "5 min": 300}  # seconds
MINUTE_US = 60 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StateView(View):
    """How far a session has come, as of its last commit."""

    session: date
    run_id: int
    source: str
    simulated: bool
    speed: float | None
    paused: bool
    records: int
    accepted: int
    aside: Any
    held: int
    missing: int
    watermark_us: int | None
    newest_us: int | None
    bars: int
    alerts: int
    suppressed: int
    version: int | None  # computed anew from the log, that is served
    rate: float | None
    commit_ms: float | None
    note: str | None
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Working:
    """A session, the run that works on it and the sign of life of its process."""

    state: StateView
    status: RunStatus
    reason: str | None = None
    cancel_requested: bool = False
    rescues: int = 0
    available_at: datetime | None = None
    heartbeat_at: datetime | None = None
    open_alerts: int = 0

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.status in ACTIVE

    @property
    def share(self) -> float:
        """How much of the session's time has passed in the stream, 0 to 1."""
        if self.state.ended_at is not None:
            return 1.0
        hours = Hours.of(self.state.session)
        newest = self.state.newest_us or hours.opens
        return min(max((newest - hours.opens) / (hours.closes - hours.opens), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Mover(View):
    """A symbol's day so far."""

    symbol: str
    open_paisa: int | None
    high_paisa: int | None
    low_paisa: int | None
    close_paisa: int | None
    volume: int
    turnover_paisa: int
    trades: int
    previous_close_paisa: int | None

    @property
    def change_pct(self) -> float | None:
        """The move against the previous close, in percent; None where either price is not known."""
        if not self.close_paisa or not self.previous_close_paisa:
            return None
        return 100 * (self.close_paisa / self.previous_close_paisa - 1)


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar of one symbol: prices in rupees, None where only odd lots were traded."""

    start_us: int
    prices: tuple[float, float, float, float] | None  # open, high, low, close
    volume: int
    trades: int


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of the whole market."""

    start_us: int
    trades: int
    turnover_npr: float
    symbols: int


@dataclass(frozen=True, slots=True)
class Mark:
    """An alert as a chart marks it."""

    key: str
    rule: str
    began_us: int
    price: float


def instant(microseconds: int | None) -> datetime | None:
    """Return an instant of the market."""
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def opening_of(session: date) -> int:
    """Return when continuous trading begins on a session's date."""
    opens = rules_on(session).hours.opens
    return int(nepal_time(session, opens.hour, opens.minute).timestamp()) * SECOND


def session_in_url() -> date | None:
    """Return the session that the URL names, or None."""
    try:
        return date.fromisoformat(st.query_params.get("session", ""))
    except ValueError:
        return None


@shared(seconds=LIVE, entries=4)
def sessions() -> tuple[date, ...]:
    """Return the sessions that the stream worked on, the last one first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(row["session"] for row in speed_layer.recent(connection, limit=60))


@shared(seconds=30, entries=2)
def offered() -> tuple[tuple[date, ...], str | None]:
    """Return the sessions that the source can give, newest first, and why it cannot say so."""
    try:
        found = sessions_offered.offered(engine.runtime.runtime())
    except (ConsoleError, OSError) as error:
        return (), str(error)
    return tuple(sorted((day for day in found if day <= data.today()), reverse=True)), None


@shared(seconds=LIVE, entries=60)
def working(session: date) -> Working | None:
    """Return how a session stands, or None where the stream never worked on it."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        row = speed_layer.state(connection, session)
        if row is None:
            return None
        state = StateView.of(row)
        run = runs.one(connection, state.run_id)
        if run is None:
            return None
        beats = (
            {other["id"]: other["heartbeat_at"] for other in runners.unstopped(connection)} if run["status"] == RunStatus.RUNNING else {}
        )
        chosen = AlertFilter((AlertStanding.OPEN,), session=session)
        counted = alert_list.counts(connection, chosen, at=runtime.clock.now()) if state.alerts else {AlertStanding.OPEN: (0, 0)}
    return Working(
        state,
        RunStatus(run["status"]),
        run["error_message"] or run["reason"],
        cancel_requested=bool(run["cancel_requested"]),
        rescues=run["rescues"],
        available_at=run["available_at"],
        heartbeat_at=beats.get(run["runner_id"]),
        open_alerts=counted[AlertStanding.OPEN][0],
    )


@shared(seconds=LIVE, entries=60)
def movers(session: date) -> tuple[Mover, ...]:
    """Return every symbol's day, by symbol."""
    with engine.runtime.runtime().database.reading() as connection:
        rows, closes = speed_layer.days_of(connection, session), _closes(connection, session)
    return tuple(Mover.of(dict(row) | {"previous_close_paisa": closes.get(row["symbol"])}) for row in rows)


def previous_closes(session: date) -> dict[str, int]:
    """Return the previous close (paisa) of each symbol, as the session's own file restates it, or as it was known to the stream."""
    with engine.runtime.runtime().database.reading() as connection:
        return _closes(connection, session)


def _closes(connection: Connection, session: date) -> dict[str, int]:
    then = {row["symbol"]: row["previous_close_paisa"] for row in speed_layer.days_of(connection, session)}
    now = accepted.previous_closes(connection, session, before=data.calendar().previous_session(session))
    return {symbol: close for symbol, close in {**then, **now}.items() if close}


@shared(seconds=LIVE, entries=100)
def candles(session: date, symbol: str, width: int) -> tuple[Candle, ...]:
    """Return a symbol's bars as they are served, so many seconds (whole minutes) wide, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = speed_layer.bars_of(connection, session, symbol)
    return tuple(candle(column, width) for column in rolled_up(_matrix(rows), width // 60).matrix.T.tolist())


def _matrix(rows: Sequence[RowMapping]) -> Bars:
    values = [
        (
            0,
            row["start_us"] // MINUTE_US,
            *(row[f"{name}_paisa"] or 0 for name in COLUMNS[2:6]),
            row["volume"],
            row["turnover_paisa"],
            row["trades"],
        )
        for row in rows
    ]
    return Bars(np.array(values, np.int64).reshape(-1, len(COLUMNS)).T)


def candle(column: list[int], width: int) -> Candle:
    """Return a column of `Bars`, so many seconds wide, as it is drawn."""
    _, start, first, high, low, close, volume, _, trades = column
    prices = (first / 100, high / 100, low / 100, close / 100) if close else None
    return Candle(start * width * SECOND, prices, volume, trades)


@shared(seconds=20, entries=20)
def minutes(session: date, bars: int) -> tuple[Minute, ...]:
    """Return the market by minute, oldest first; `bars` is how many have closed: while none closes, nothing changes."""
    del bars
    with engine.runtime.runtime().database.reading() as connection:
        rows = market_minutes.minutes(connection, session)
    return tuple(Minute(row["start_us"], int(row["trades"]), int(row["turnover_paisa"]) / 100, row["symbols"]) for row in rows)


@shared(seconds=LIVE, entries=100)
def marks(session: date, symbol: str) -> tuple[Mark, ...]:
    """Return a symbol's alerts of a session, as its chart marks them."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = alert_list.of_symbol(connection, session, symbol)
    return tuple(Mark(row["key"], row["rule"], row["began_us"], row["rate_paisa"] / 100) for row in rows)
