"""What the stream makes of a session's ticks: its state, bars, days and alerts.

Times of the market are in microseconds since 1970, UTC; prices and turnover in paisa.
"""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from storage.tables.base import Base, count, document, identity, instant, long_text, required, word


def _number() -> Any:
    """Return a whole number that is part of a key."""
    return Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class StreamState(Base, table=True):
    """How far a session of the stream has come, as of its last commit; and what people want of it."""

    __tablename__ = "stream_state"
    session: date = Field(primary_key=True)
    run_id: int = required()  # that works on it, or did so last
    source: str = word(32, nullable=False)
    simulated: bool = False
    speed: float | None = None  # times the clock; None: as fast as it goes
    paused: bool = False
    records: int = count(0)  # received
    accepted: int = count(0)
    aside: Any = document()  # how many were set aside, by reason
    held: int = count(0)  # accepted, and not yet passed by the watermark
    missing: int = count(0)  # by the holes in the contract ids
    watermark_us: int | None = count()
    newest_us: int | None = count()  # the time of the newest accepted tick
    bars: int = count(0)
    alerts: int = count(0)
    suppressed: int = count(0)
    rate: float | None = None  # records a second, over the last seconds
    commit_ms: float | None = None  # how long the last commit took, from the first of its records on
    thresholds: int = count(0)  # their version
    version: int | None = count()  # computed anew from the log, that is served; none: what the stream itself made
    note: str | None = long_text()  # what it waits for, or why it stopped
    started_at: datetime = instant(nullable=False)
    updated_at: datetime = instant(nullable=False)
    ended_at: datetime | None = instant()


class TickBar(Base, table=True):
    """One minute of one symbol; a correction is a revision of its own beside the first."""

    __tablename__ = "tick_bar"
    session: date = Field(primary_key=True)
    symbol: str = word(32, nullable=False, key=True)
    start_us: int = _number()
    revision: int = _number()
    open_paisa: int | None = count()  # none of the prices where only odd lots were traded
    high_paisa: int | None = count()
    low_paisa: int | None = count()
    close_paisa: int | None = count()
    volume: int = count(0)
    turnover_paisa: int = count(0)
    trades: int = count(0)
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)


class TickDay(Base, table=True):
    """A symbol's day so far, as the speed layer knows it."""

    __tablename__ = "tick_day"
    session: date = Field(primary_key=True)
    symbol: str = word(32, nullable=False, key=True)
    open_paisa: int | None = count()
    high_paisa: int | None = count()
    low_paisa: int | None = count()
    close_paisa: int | None = count()
    volume: int = count(0)
    turnover_paisa: int = count(0)
    trades: int = count(0)
    previous_close_paisa: int | None = count()
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)


class TickAlert(Base, table=True):
    """One alert of a rule of the stream; its key is the same in every replay."""

    __tablename__ = "tick_alert"
    key: str = word(24, nullable=False, key=True)
    session: date
    rule: str = word(48, nullable=False)
    symbol: str = word(32, nullable=False)
    state: str = word(16, nullable=False)
    began_us: int = required()
    fired_us: int = required()
    resolved_us: int | None = count()
    score: float
    bound: float
    contract: int = required()
    rate_paisa: int = required()
    suppressed: int = count(0)
    market_key: str | None = word(24)  # of the market's alert that it belongs to
    members: int = count(0)
    acknowledged_by: str | None = word(80)
    acknowledged_at: datetime | None = instant()
    __table_args__: ClassVar[Any] = (
        Index("ix_tick_alert_session", "session", "fired_us"),
        Index("ix_tick_alert_state", "state", "fired_us"),
    )


class AlertSilence(Base, table=True):
    """A rule, a symbol or both of which nobody wants to hear until some time."""

    __tablename__ = "alert_silence"
    id: int | None = identity()
    rule: str | None = word(48)
    symbol: str | None = word(32)
    until: datetime = instant(nullable=False)
    reason: str = long_text(nullable=False)
    silenced_by: str = word(80, nullable=False)
    silenced_at: datetime = instant(nullable=False)
    lifted_at: datetime | None = instant()
    __table_args__: ClassVar[Any] = (Index("ix_alert_silence_until", "until"),)
