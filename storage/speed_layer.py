"""The speed layer: how far the stream has come with a session, and its bars, days and alerts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, union, update

from storage.prepared import Prepared
from storage.tables import AlertSilence, Price, StreamState, TickAlert, TickBar, TickDay, TradingSession
from storage.upsert import insert_of, upsert, upsert_columns

states = StreamState.__table__
bars = TickBar.__table__
days = TickDay.__table__
alerts = TickAlert.__table__
silences = AlertSilence.__table__
prices, sessions = Price.__table__, TradingSession.__table__

_RECENT_SESSIONS = 20

BAR_KEY = ("session", "symbol", "start_us", "revision")
DAY_KEY = ("session", "symbol")
FRESH = dict.fromkeys(("records", "accepted", "held", "missing", "bars", "alerts", "suppressed", "thresholds"), 0)
FIRST = 0  # the revision that the stream itself writes


def state(connection: Connection, session: date) -> RowMapping | None:
    """Return how far a session has come, or None where it never began."""
    return connection.execute(select(states).where(states.c.session == session)).mappings().one_or_none()


def recent(connection: Connection, *, limit: int = 20) -> Sequence[RowMapping]:
    """Return the sessions that the stream worked on last, newest first."""
    return connection.execute(select(states).order_by(states.c.updated_at.desc()).limit(limit)).mappings().all()


def set_aside(connection: Connection, *, more_than: int, since: date | None = None, until: date | None = None) -> dict[date, int]:
    """Return how many records were set aside, of those sessions where it were `more_than` so many, newest first."""
    query = select(states.c.session, states.c.aside).order_by(states.c.session.desc())
    if since is not None:
        query = query.where(states.c.session >= since)
    if until is not None:
        query = query.where(states.c.session <= until)
    counted = {row.session: sum((row.aside or {}).values()) for row in connection.execute(query)}
    return {session: number for session, number in counted.items() if number > more_than}


def begin(connection: Connection, session: date, *, at: datetime, **values: Any) -> None:
    """Write that a run begins with a session, or goes on with it."""
    row = {"updated_at": at, "ended_at": None, "note": None, "paused": False} | values
    if not change(connection, session, **row):
        connection.execute(insert_of(connection.dialect.name, states), FRESH | {"session": session, "started_at": at} | row)


def change(connection: Connection, session: date, **values: Any) -> bool:
    """Change what is known or wanted of a session; say whether there is such a one."""
    return (
        _changing(tuple(values)).write(connection, {"b_session": session} | {f"new_{name}": value for name, value in values.items()}) == 1
    )


@cache
def _changing(columns: tuple[str, ...]) -> Prepared:
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    return Prepared(update(states).where(states.c.session == bindparam("b_session")).values(new))


def add_bars(connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write bars given by column; the same bar again changes nothing."""
    upsert_columns(connection, bars, columns, key=BAR_KEY)


def next_revision(connection: Connection, session: date) -> int:
    """Return a number above that of every bar of a session."""
    newest = connection.execute(select(func.max(bars.c.revision)).where(bars.c.session == session)).scalar_one()
    return FIRST if newest is None else int(newest) + 1


def set_days(connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write symbols' days as they stand now, given by column."""
    upsert_columns(connection, days, columns, key=DAY_KEY)


def drop_days(connection: Connection, session: date, symbols: Collection[str]) -> None:
    """Delete the days of symbols of which no trade is left."""
    if symbols:
        connection.execute(delete(days).where(days.c.session == session, days.c.symbol.in_(symbols)))


def set_alerts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write alerts as they stand now; what people said about them stays."""
    upsert(connection, alerts, rows, key=["key"])


def bars_of(connection: Connection, session: date, symbol: str) -> Sequence[RowMapping]:
    """Return a symbol's bars by time, of each minute the newest revision; none where that has no trade any more."""
    mine = (bars.c.session == session, bars.c.symbol == symbol)
    newest = select(bars.c.start_us, func.max(bars.c.revision).label("revision")).where(*mine).group_by(bars.c.start_us).subquery()
    both = (bars.c.start_us == newest.c.start_us) & (bars.c.revision == newest.c.revision)
    query = select(bars).join(newest, both).where(*mine, bars.c.trades > 0).order_by(bars.c.start_us)
    return connection.execute(query).mappings().all()


def days_of(connection: Connection, session: date) -> Sequence[RowMapping]:
    """Return every symbol's day, by symbol."""
    return connection.execute(select(days).where(days.c.session == session).order_by(days.c.symbol)).mappings().all()


def symbols(connection: Connection) -> set[str]:
    """Return the symbols that were traded in the newest sessions of the stream and in the newest daily file."""
    worked = select(states.c.session).order_by(states.c.session.desc()).limit(_RECENT_SESSIONS)
    streamed = select(days.c.symbol).where(days.c.session.in_(worked))
    official = select(prices.c.symbol).where(prices.c.session == select(func.max(sessions.c.session)).scalar_subquery())
    return set(connection.execute(union(streamed, official)).scalars())


def alert(connection: Connection, key: str) -> RowMapping | None:
    """Return one alert."""
    return connection.execute(select(alerts).where(alerts.c.key == key)).mappings().one_or_none()


def acknowledge(connection: Connection, key: str, *, by: str, at: datetime) -> bool:
    """Write that a person has seen an alert; False where somebody had already, or there is no such one."""
    unseen = (alerts.c.key == key, alerts.c.acknowledged_at.is_(None))
    return connection.execute(update(alerts).where(*unseen).values(acknowledged_by=by, acknowledged_at=at)).rowcount == 1


def silence(connection: Connection, **values: Any) -> int:
    """Add a silence; return its number."""
    made: int = connection.execute(insert_of(connection.dialect.name, silences).values(values).returning(silences.c.id)).scalar_one()
    return made


def silenced(connection: Connection, *, at: datetime) -> Sequence[RowMapping]:
    """Return the silences that hold at an instant."""
    holds = (silences.c.until > at, silences.c.lifted_at.is_(None))
    return connection.execute(select(silences).where(*holds).order_by(silences.c.until)).mappings().all()


def one_silence(connection: Connection, silence_id: int) -> RowMapping | None:
    """Return a silence, or None."""
    return connection.execute(select(silences).where(silences.c.id == silence_id)).mappings().one_or_none()


def lift(connection: Connection, silence_id: int, *, at: datetime) -> bool:
    """End a silence before its time; False where it is over or there is no such one."""
    there = (silences.c.id == silence_id, silences.c.lifted_at.is_(None), silences.c.until > at)
    return connection.execute(update(silences).where(*there).values(lifted_at=at)).rowcount == 1
