"""What the stream has set aside and people have brought in; a dead letter's line is the offset of its record in the log."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, update

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
    brought = _brought(connection, take_ins.c.session == session, take_ins.c.taken_back_at.is_(None))
    return sorted(brought.union(_lines(connection, session, [LetterState.REPLAYED])))


def corrected(connection: Connection, session: date) -> Sequence[int]:
    """Return the offsets of the records of a session in whose place others are in it, which people wrote."""
    return _lines(connection, session, [LetterState.EDITED])


def taken_back(connection: Connection, session: date) -> Sequence[int]:
    """Return the offsets of the records that people have brought into a session and taken out again."""
    return sorted(_brought(connection, take_ins.c.session == session, take_ins.c.taken_back_at.is_not(None)))


def brought(connection: Connection, session: date, offset: int) -> bool:
    """Say whether a record was brought into a session with others, by a range of the log and not by its own letter."""
    mine = (take_ins.c.session == session, take_ins.c.base <= offset, take_ins.c.base + take_ins.c.records > offset)
    return connection.execute(select(take_ins.c.base).where(*mine, take_ins.c.corrects.is_(None))).first() is not None


def _brought(connection: Connection, *where: ColumnElement[bool]) -> set[int]:
    ranges = connection.execute(select(take_ins.c.base, take_ins.c.records).where(*where)).all()
    return {offset for base, records in ranges for offset in range(base, base + records)}


def put_away(connection: Connection, session: date) -> Sequence[int]:
    """Return the offsets of the records of a session that people have put away."""
    return _lines(connection, session, [LetterState.DISCARDED])


def waiting(connection: Connection, session: date, offsets: Sequence[int]) -> Sequence[int]:
    """Return the letters of the records at `offsets` that wait for a person."""
    chosen = set(offsets)
    query = select(letters.c.id, letters.c.line).where(*_in_state(session, WAITING))
    return [row.id for row in connection.execute(query) if row.line in chosen]


def all_waiting(connection: Connection, session: date) -> Sequence[int]:
    """Return the letters of a session that wait for a person."""
    return connection.execute(select(letters.c.id).where(*_in_state(session, WAITING)).order_by(letters.c.id)).scalars().all()


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
    from_tape = (take_ins.c.session == session, take_ins.c.origin.is_not(None), take_ins.c.corrects.is_(None))
    query = select(func.coalesce(func.sum(take_ins.c.records), 0)).where(*from_tape)
    return int(connection.execute(query).scalar_one())


def bring_in(connection: Connection, session: date, offsets: Sequence[int], *, origin: str | None, by: str, at: datetime) -> None:
    """Write that a person has brought the records at `offsets` (ascending) into a session."""
    rows = [{"session": session, "base": base, "records": records} for base, records in _ranges(offsets)]
    upsert(connection, take_ins, [row | {"origin": origin, "taken_by": by, "taken_at": at} for row in rows], key=("session", "base"))


def bring_in_correction(connection: Connection, session: date, offset: int, *, corrects: int, origin: str, by: str, at: datetime) -> None:
    """Write that a person wrote the record at `offset` in the place of the one at `corrects`."""
    values = {"session": session, "base": offset, "records": 1, "corrects": corrects, "origin": origin, "taken_by": by, "taken_at": at}
    connection.execute(insert(take_ins), values)


def take_back(connection: Connection, session: date, offset: int, *, by: str, at: datetime) -> None:
    """Write that what stands in the place of the record at `offset` is out of the session again."""
    standing = (take_ins.c.session == session, take_ins.c.corrects == offset, take_ins.c.taken_back_at.is_(None))
    connection.execute(update(take_ins).where(*standing).values(taken_back_by=by, taken_back_at=at))


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


def take_in(connection: Connection, ids: Sequence[int], *, run_id: int, by: str, at: datetime, corrected: bool = False) -> None:
    """Write that a person has taken records in as they were, or others that stand `corrected` in their place."""
    state = LetterState.EDITED if corrected else LetterState.REPLAYED
    done = {"state": state, "resolved_run_id": run_id, "decided_by": by, "decided_at": at}
    if ids:
        connection.execute(_take_in.values({name: bindparam(name) for name in done}), [{"b_id": number} | done for number in ids])


def take_out(connection: Connection, letter_id: int, *, by: str, at: datetime) -> None:
    """Write that a letter waits again whose record had been taken in; a correction of it stays written."""
    done = {"state": LetterState.OPEN, "resolved_run_id": None, "decided_by": by, "decided_at": at}
    connection.execute(update(letters).where(letters.c.id == letter_id).values(done))
