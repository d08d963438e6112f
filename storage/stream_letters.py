"""Dead letters of the stream: records that were set aside; a letter's line is the offset of its record in the log."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select, update

from storage.moves import STREAM
from storage.status import LetterState
from storage.tables import DeadLetter

letters = DeadLetter.__table__
_take_in = update(letters).where(letters.c.id == bindparam("b_id"))


def taken_in(connection: Connection, session: date) -> Sequence[int]:
    """Return the offsets of the records of a session that people have taken in."""
    passed = (letters.c.pipeline == STREAM, letters.c.partition == session, letters.c.state == LetterState.REPLAYED)
    return connection.execute(select(letters.c.line).where(*passed)).scalars().all()


def take_in(connection: Connection, ids: Sequence[int], *, run_id: int, by: str, at: datetime) -> None:
    """Write that a person has taken records in as they were."""
    done = {"state": LetterState.REPLAYED, "resolved_run_id": run_id, "decided_by": by, "decided_at": at}
    connection.execute(_take_in.values({name: bindparam(name) for name in done}), [{"b_id": number} | done for number in ids])
