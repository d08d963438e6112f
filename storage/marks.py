"""The newest committed write of a database: what tells whether a backup holds all that there is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, select, text

from storage.tables import Audit, RunEvent

events, audit = RunEvent.__table__, Audit.__table__


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database has come: each move of a run is an event, and each command, a rebuild too, an audit row."""

    event: int
    command: int
    at: datetime | None  # of the newest of all; None in a database where nothing has happened

    def covers(self, other: Self) -> bool:
        """Say whether everything up to `other` is behind this mark."""
        return self.event >= other.event and self.command >= other.command

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"event": self.event, "command": self.command, "at": self.at and self.at.isoformat()}

    @classmethod
    def of_json(cls, stored: Any) -> Self:
        """Read what `as_json` gave."""
        return cls(stored["event"], stored["command"], datetime.fromisoformat(stored["at"]) if stored["at"] else None)


# That a job was asked for is nothing that a backup must hold; a drill would count its own request as lost.
_writes = (select(events.c.id, events.c.at), select(audit.c.id, audit.c.at).where(audit.c.command != "job"))


def newest(connection: Connection) -> Mark:
    """Return the mark of a database as it is now."""
    found = [connection.execute(query.order_by(text("id DESC")).limit(1)).one_or_none() for query in _writes]
    event, command = (row.id if row else 0 for row in found)
    return Mark(event, command, max((row.at for row in found if row), default=None))


def first_behind(connection: Connection, mark: Mark | None) -> datetime | None:
    """Return when the oldest write was made that is not behind a mark (without one: of all), or None where each is."""
    seen = (0, 0) if mark is None else (mark.event, mark.command)
    behind = (query.where(text("id > :seen")).order_by(text("id")).limit(1) for query in _writes)
    found = [connection.execute(query, {"seen": last}).one_or_none() for query, last in zip(behind, seen, strict=True)]
    return min((row.at for row in found if row), default=None)
