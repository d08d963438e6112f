"""Accepted trading sessions and the prices served for them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, func, select, update

from storage.prepared import Prepared
from storage.status import RunStatus
from storage.tables import DateState, Price, TradingSession
from storage.upsert import upsert, upsert_columns

sessions = TradingSession.__table__
prices = Price.__table__
states = DateState.__table__

_symbols = Prepared(select(prices.c.symbol).where(prices.c.session == bindparam("session")))
_drop = delete(prices).where(prices.c.session == bindparam("b_session"), prices.c.symbol == bindparam("b_symbol"))
_one = Prepared(select(sessions).where(sessions.c.session == bindparam("session")))
_trailing = Prepared(
    select(sessions).where(sessions.c.session < bindparam("day")).order_by(sessions.c.session.desc()).limit(bindparam("most"))
)
_sizes = Prepared(
    select(sessions.c.rows, sessions.c.trades)
    .where(sessions.c.session < bindparam("day"))
    .order_by(sessions.c.session.desc())
    .limit(bindparam("most"))
)
_between = Prepared(select(sessions).where(sessions.c.session.between(bindparam("since"), bindparam("until"))).order_by(sessions.c.session))
_leave_behind = Prepared(
    update(sessions)
    .where(sessions.c.session.between(bindparam("b_since"), bindparam("b_until")), sessions.c.state_digest.is_not(None))
    .values(state_digest=None)
)
_behind = Prepared(
    select(func.count().label("sessions"), func.min(sessions.c.session).label("first")).where(sessions.c.state_digest.is_(None))
)
_known_to = Prepared(
    select(sessions)
    .where(sessions.c.session < bindparam("day"), sessions.c.file_date < bindparam("day"))
    .order_by(sessions.c.session.desc())
    .limit(1)
)
_from_file = Prepared(select(sessions).where(sessions.c.file_date == bindparam("file_date")))


def accept(connection: Connection, **values: Any) -> None:
    """Record a session as accepted, or its newer version."""
    upsert(connection, sessions, [values], key=["session"])


def point_to_gold(connection: Connection, session: date, *, gold_path: str, state_digest: str) -> None:
    """Point an accepted session to a newer version of its gold, and to the feature state behind it."""
    statement = update(sessions).where(sessions.c.session == session)
    connection.execute(statement.values(gold_path=gold_path, state_digest=state_digest))


def leave_behind(connection: Connection, since: date, until: date) -> None:
    """Say of each accepted session of a range that its gold was made of another past: it waits until it is pointed to a newer one."""
    _leave_behind.write(connection, {"b_since": since, "b_until": until})


def behind(connection: Connection) -> Mapping[str, Any]:
    """Return how many sessions wait for their gold (`sessions`), and the first of them, or None."""
    return _behind.the_one(connection, {})


def to_carry(connection: Connection, pipeline: str) -> RowMapping | None:
    """Return the first session that waits for its gold, else the newest of all, if the newest run of its date succeeded or was cancelled.

    None where that of every date has failed, or is to come.
    """
    settled = select(sessions).join(states, and_(states.c.pipeline == pipeline, states.c.day == sessions.c.file_date))
    settled = settled.where(states.c.status.in_((RunStatus.SUCCEEDED, RunStatus.CANCELLED)))
    waiting = settled.where(sessions.c.state_digest.is_(None)).order_by(sessions.c.session)
    for query in (waiting, settled.order_by(sessions.c.session.desc())):
        found = connection.execute(query.limit(1)).mappings().one_or_none()
        if found is not None:
            return found
    return None


def forget(connection: Connection, session: date) -> None:
    """Take a session out of the accepted ones (its files stay in the lake's history)."""
    connection.execute(delete(sessions).where(sessions.c.session == session))
    connection.execute(delete(prices).where(prices.c.session == session))


def serve(connection: Connection, session: date, columns: Mapping[str, Sequence[Any]]) -> None:
    """Make the rows of `columns` the served prices of a session: upsert by (session, symbol), and drop symbols no longer in it."""
    served_before = {row["symbol"] for row in _symbols.all(connection, {"session": session})}
    gone = served_before.difference(columns["symbol"])
    if gone:
        connection.execute(_drop, [{"b_session": session, "b_symbol": symbol} for symbol in gone])
    upsert_columns(connection, prices, columns, key=["session", "symbol"])


def one(connection: Connection, session: date) -> Mapping[str, Any] | None:
    """Return an accepted session, or None."""
    return _one.one(connection, {"session": session})


def known_to(connection: Connection, file_date: date) -> Mapping[str, Any] | None:
    """Return the newest session that came with an earlier file than that of `file_date`, or None."""
    return _known_to.one(connection, {"day": file_date})


def from_file(connection: Connection, file_date: date) -> Sequence[Mapping[str, Any]]:
    """Return the sessions that the file of a date brought (one, unless its booking was changed)."""
    return _from_file.all(connection, {"file_date": file_date})


def last_before(connection: Connection, day: date) -> Mapping[str, Any] | None:
    """Return the newest accepted session before `day`, or None."""
    return next(iter(trailing(connection, day, limit=1)), None)


def trailing(connection: Connection, day: date, *, limit: int) -> Sequence[Mapping[str, Any]]:
    """Return up to `limit` accepted sessions before `day`, newest first."""
    return _trailing.all(connection, {"day": day, "most": limit})


def sizes_before(connection: Connection, day: date, *, limit: int) -> Sequence[tuple[int, int]]:
    """Return the rows and trades of up to `limit` accepted sessions before `day`."""
    return [(row["rows"], row["trades"]) for row in _sizes.all(connection, {"day": day, "most": limit})]


def between(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return the accepted sessions of a range, oldest first."""
    return _between.all(connection, {"since": since, "until": until})


def served(connection: Connection, session: date) -> Sequence[RowMapping]:
    """Return the served prices of a session, by symbol."""
    return connection.execute(select(prices).where(prices.c.session == session).order_by(prices.c.symbol)).mappings().all()


def previous_closes(connection: Connection, session: date, *, before: date) -> dict[str, int]:
    """Return every symbol's previous close in paisa: as the session's own file restates it, before that file is there the last close.

    `before` is the session before; without it in the lake nothing is known, for an older close is no previous one.
    """
    own = select(prices.c.symbol, prices.c.previous_close_paisa).where(prices.c.session == session, prices.c.previous_close_paisa > 0)
    found = connection.execute(own).all()
    if not found:
        last = select(prices.c.symbol, prices.c.close_paisa).where(prices.c.session == before, prices.c.close_paisa > 0)
        found = connection.execute(last).all()
    return {symbol: close for symbol, close in found}  # noqa: C416, rows are no pairs to mypy
