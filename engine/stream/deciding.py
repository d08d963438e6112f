"""Reads what people have decided about the records of a session."""

from datetime import date

from sqlalchemy import Connection

from engine.stream.received import Decided
from storage import stream_letters


def decided_on(connection: Connection, session: date) -> Decided:
    """Return what stands decided of a session."""
    return Decided(
        frozenset(stream_letters.taken_in(connection, session)),
        frozenset(stream_letters.corrected(connection, session)),
        frozenset(stream_letters.taken_back(connection, session)),
        stream_letters.closed_at(connection, session),
    )
