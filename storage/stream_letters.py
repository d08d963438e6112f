"""What the stream has set aside and people have brought in; a dead letter's line is the offset of its record in the log."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from storage.dead_letters import WAITING
from storage.moves import STREAM
from storage.status import LetterState
from storage.tables import DeadLetter, TickTakeIn
from storage.upsert import upsert

letters = DeadLetter.__table__
take_ins = TickTakeIn.__table__
_take_in = update(letters).where(letters.c.id == bindparam("b_id"))


def taken_in(connection: Connection, session: date) -> Sequence[int]:
    """Return the offsets of the records of a session that people have taken in."""
    ranges = connection.execute(select(take_ins.c.base, take_ins.c.records).where(take_ins.c.session == session)).all()
    brought = {offset for base, records in ranges for offset in range(base, base + records)}
    return sorted(brought.union(_lines(connection, session, [LetterState.REPLAYED])))


def put_away(connection: Connection, session: date) -> Sequence[int]:
    """Return the offsets of the records of a session that people have put away."""
    return _lines(connection, session, [LetterState.DISCARDED])


def waiting(connection: Connection, session: date, offsets: Sequence[int]) -> Sequence[int]:
    """Return the letters of the records at `offsets` that wait for a person."""
    chosen = set(offsets)
    query = select(letters.c.id, letters.c.line).where(*_in_state(session, WAITING))
    return [row.id for row in connection.execute(query) if row.line in chosen]


def any_waiting(connection: Connection, session: date) -> bool:
    """Say whether letters of a session wait for a person."""
    return connection.execute(select(letters.c.id).where(*_in_state(session, WAITING)).limit(1)).first() is not None


def closed_at(connection: Connection, session: date) -> int | None:
    """Return the offset from which on the records of a session came when the stream was done with it; None where none did."""
    query = select(func.min(take_ins.c.base)).where(take_ins.c.session == session, take_ins.c.origin.is_not(None))
    found: int | None = connection.execute(query).scalar_one()
    return found


def replayed(connection: Connection, session: date) -> int:
    """Return how many records were brought into a session from a tape."""
    query = select(func.coalesce(func.sum(take_ins.c.records), 0)).where(take_ins.c.session == session, take_ins.c.origin.is_not(None))
    return int(connection.execute(query).scalar_one())


def bring_in(connection: Connection, session: date, offsets: Sequence[int], *, origin: str | None, by: str, at: datetime) -> None:
    """Write that a person has brought the records at `offsets` (ascending) into a session."""
    rows = [{"session": session, "base": base, "records": records} for base, records in _ranges(offsets)]
    upsert(connection, take_ins, [row | {"origin": origin, "taken_by": by, "taken_at": at} for row in rows], key=("session", "base"))


def _ranges(offsets: Sequence[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for offset in offsets:
        if ranges and sum(ranges[-1]) == offset:
            ranges[-1] = (ranges[-1][0], ranges[-1][1] + 1)
        else:
            ranges.append((offset, 1))
    return ranges


def _lines(connection: Connection, session: date, states: Sequence[LetterState]) -> Sequence[int]:
    return connection.execute(select(letters.c.line).where(*_in_state(session, states))).scalars().all()


def _in_state(session: date, states: Sequence[LetterState]) -> tuple[ColumnElement[bool], ...]:
    return letters.c.pipeline == STREAM, letters.c.partition == session, letters.c.state.in_(states)


def take_in(connection: Connection, ids: Sequence[int], *, run_id: int, by: str, at: datetime) -> None:
    """Write that a person has taken records in as they were."""
    done = {"state": LetterState.REPLAYED, "resolved_run_id": run_id, "decided_by": by, "decided_at": at}
    connection.execute(_take_in.values({name: bindparam(name) for name in done}), [{"b_id": number} | done for number in ids])
