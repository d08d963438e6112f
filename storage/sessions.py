"""Accepted trading sessions and the prices served for them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from storage.tables import Price, TradingSession
from storage.upsert import upsert

sessions = TradingSession.__table__
prices = Price.__table__


def accept(connection: Connection, **values: Any) -> None:
    """Record a session as accepted, or its newer version."""
    upsert(connection, sessions, [values], key=["session"])


def point_to_gold(connection: Connection, paths: Mapping[date, str]) -> None:
    """Point accepted sessions to newer versions of their gold."""
    for session, path in paths.items():
        connection.execute(update(sessions).where(sessions.c.session == session).values(gold_path=path))


def forget(connection: Connection, session: date) -> None:
    """Take a session out of the accepted ones (its files stay in the lake's history)."""
    connection.execute(delete(sessions).where(sessions.c.session == session))
    connection.execute(delete(prices).where(prices.c.session == session))


def serve(connection: Connection, session: date, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make `rows` the served prices of a session: upsert by (session, symbol), and drop symbols that are no longer in it."""
    gone = delete(prices).where(prices.c.session == session, prices.c.symbol.not_in([row["symbol"] for row in rows]))
    connection.execute(gone)
    upsert(connection, prices, rows, key=["session", "symbol"])


def one(connection: Connection, session: date) -> RowMapping | None:
    """Return an accepted session, or None."""
    return connection.execute(select(sessions).where(sessions.c.session == session)).mappings().one_or_none()


def last_before(connection: Connection, day: date) -> RowMapping | None:
    """Return the newest accepted session before `day`, or None."""
    query = select(sessions).where(sessions.c.session < day).order_by(sessions.c.session.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def known_to(connection: Connection, file_date: date) -> RowMapping | None:
    """Return the newest session that came with an earlier file than that of `file_date`, or None."""
    query = select(sessions).where(sessions.c.session <= file_date, sessions.c.file_date < file_date)
    return connection.execute(query.order_by(sessions.c.session.desc()).limit(1)).mappings().one_or_none()


def from_file(connection: Connection, file_date: date) -> Sequence[RowMapping]:
    """Return the sessions that the file of a date brought (one, unless its booking was changed)."""
    return connection.execute(select(sessions).where(sessions.c.file_date == file_date)).mappings().all()


def trailing(connection: Connection, day: date, *, limit: int) -> Sequence[RowMapping]:
    """Return up to `limit` accepted sessions before `day`, newest first."""
    query = select(sessions).where(sessions.c.session < day).order_by(sessions.c.session.desc()).limit(limit)
    return connection.execute(query).mappings().all()


def after(connection: Connection, day: date) -> Sequence[RowMapping]:
    """Return the accepted sessions behind `day`, oldest first."""
    return connection.execute(select(sessions).where(sessions.c.session > day).order_by(sessions.c.session)).mappings().all()


def between(connection: Connection, since: date, until: date) -> Sequence[RowMapping]:
    """Return the accepted sessions of a range, oldest first."""
    query = select(sessions).where(sessions.c.session.between(since, until)).order_by(sessions.c.session)
    return connection.execute(query).mappings().all()


def served(connection: Connection, session: date) -> Sequence[RowMapping]:
    """Return the served prices of a session, by symbol."""
    return connection.execute(select(prices).where(prices.c.session == session).order_by(prices.c.symbol)).mappings().all()
