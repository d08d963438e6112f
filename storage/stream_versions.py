"""Versions of the stream's sessions: asked for, built session by session, promoted, dropped."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, insert, select, update

from storage.status import VersionSide, VersionState
from storage.tables import StreamVersion, VersionContent, VersionSession
from storage.upsert import insert_of, upsert

versions = StreamVersion.__table__
sessions = VersionSession.__table__
contents = VersionContent.__table__

_WAITS = and_(sessions.c.built_at.is_(None), sessions.c.failure.is_(None))


def add(connection: Connection, days: Sequence[date], **values: Any) -> int:
    """Ask for a version of these sessions, oldest first; return its number."""
    row = {"since": days[0], "until": days[-1], "sessions": len(days), "state": VersionState.BUILDING} | values
    made: int = connection.execute(insert_of(connection.dialect.name, versions).values(row).returning(versions.c.id)).scalar_one()
    connection.execute(insert(sessions), [{"version": made, "session": day, "attempts": 0} for day in days])
    return made


def one(connection: Connection, version: int) -> RowMapping | None:
    """Return a version, or None."""
    return connection.execute(select(versions).where(versions.c.id == version)).mappings().one_or_none()


def by_request_key(connection: Connection, key: str) -> RowMapping | None:
    """Return the version that a request has made, or None."""
    return connection.execute(select(versions).where(versions.c.request_key == key)).mappings().one_or_none()


def recent(connection: Connection, *, session: date | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """Return the newest versions first, those that hold a session or all."""
    query = select(versions).order_by(versions.c.id.desc()).limit(limit)
    if session is not None:
        query = query.where(versions.c.id.in_(select(sessions.c.version).where(sessions.c.session == session)))
    return connection.execute(query).mappings().all()


def sessions_of(connection: Connection, version: int) -> Sequence[RowMapping]:
    """Return a version's sessions, oldest first."""
    return connection.execute(select(sessions).where(sessions.c.version == version).order_by(sessions.c.session)).mappings().all()


def sessions_of_all(connection: Connection, listed: Sequence[int]) -> Mapping[int, Sequence[RowMapping]]:
    """Return the sessions of several versions, oldest first, by version."""
    query = select(sessions).where(sessions.c.version.in_(listed)).order_by(sessions.c.version, sessions.c.session)
    found: dict[int, list[RowMapping]] = {number: [] for number in listed}
    for row in connection.execute(query).mappings():
        found[row["version"]].append(row)
    return found


def same_building(connection: Connection, wanted: Mapping[str, Any], days: Sequence[date]) -> int | None:
    """Return a version that is being built of the same sessions, with the same columns `wanted`; or None."""
    same = {"since": days[0], "until": days[-1], "sessions": len(days)}
    query = select(versions).where(versions.c.state == VersionState.BUILDING, *(versions.c[name] == same[name] for name in same))
    for row in connection.execute(query.order_by(versions.c.id)).mappings():
        if all(row[name] == value for name, value in wanted.items()):
            return int(row["id"])
    return None


def waiting(connection: Connection) -> RowMapping | None:
    """Return the next session that is to be built: of the oldest version the oldest; None where there is none."""
    query = select(sessions).where(_WAITS).order_by(sessions.c.version, sessions.c.session).limit(1)
    return connection.execute(query).mappings().one_or_none()


def begin(connection: Connection, version: int, session: date) -> int:
    """Count an attempt to build a session; return how many there were by now."""
    mine = (sessions.c.version == version, sessions.c.session == session)
    connection.execute(update(sessions).where(*mine, _WAITS).values(attempts=sessions.c.attempts + 1))
    return int(connection.execute(select(sessions.c.attempts).where(*mine)).scalar_one())


def built(connection: Connection, version: int, session: date, data: bytes, **values: Any) -> bool:
    """Store what a session came to; False where somebody has done so before, or the version was dropped."""
    if not _end(connection, version, session, **values):
        return False
    keep(connection, version, session, VersionSide.SHADOW, data)
    _close(connection, version)
    return True


def failed(connection: Connection, version: int, session: date, failure: str) -> None:
    """Write why a session cannot be built."""
    if _end(connection, version, session, failure=failure):
        _close(connection, version)


def _end(connection: Connection, version: int, session: date, **values: Any) -> bool:
    waits = update(sessions).where(sessions.c.version == version, sessions.c.session == session, _WAITS)
    return connection.execute(waits.values(values)).rowcount == 1


def _close(connection: Connection, version: int) -> None:
    """Say what became of a version, once none of its sessions waits."""
    if connection.execute(select(sessions.c.session).where(sessions.c.version == version, _WAITS).limit(1)).first() is not None:
        return
    bad = connection.execute(select(sessions.c.session).where(sessions.c.version == version, sessions.c.failure.is_not(None)).limit(1))
    decide(connection, version, VersionState.FAILED if bad.first() is not None else VersionState.BUILT, of=(VersionState.BUILDING,))


def decide(connection: Connection, version: int, state: VersionState, *, of: Sequence[VersionState], **values: Any) -> bool:
    """Move a version from one of the states `of` to another; say whether it was in one of them."""
    there = (versions.c.id == version, versions.c.state.in_(of))
    return connection.execute(update(versions).where(*there).values({"state": state} | values)).rowcount == 1


def mark(connection: Connection, version: int, session: date, **values: Any) -> None:
    """Change what is known of a session of a version."""
    connection.execute(update(sessions).where(sessions.c.version == version, sessions.c.session == session).values(values))


def keep(connection: Connection, version: int, session: date, side: VersionSide, data: bytes) -> None:
    """Keep a content of a session in the place of the one there may be."""
    row = {"version": version, "session": session, "side": side, "data": data}
    upsert(connection, contents, [row], key=["version", "session", "side"])


def content(connection: Connection, version: int, session: date, side: VersionSide) -> bytes | None:
    """Return a content of a session, or None."""
    query = select(contents.c.data).where(contents.c.version == version, contents.c.session == session, contents.c.side == side)
    data: bytes | None = connection.execute(query).scalar_one_or_none()
    return data


def forget(connection: Connection, version: int, side: VersionSide | None = None) -> None:
    """Delete a version's contents: those of one side, or all, with which nothing of it waits to be built any more."""
    mine = [contents.c.version == version, *([contents.c.side == side] if side is not None else [])]
    connection.execute(delete(contents).where(*mine))


def abandon(connection: Connection, version: int, *, at: datetime) -> None:
    """Have nothing of a version built any more."""
    connection.execute(update(sessions).where(sessions.c.version == version, _WAITS).values(failure=f"dropped {at:%Y-%m-%d %H:%M} UTC"))
