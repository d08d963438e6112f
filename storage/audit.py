"""Who asked for what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select

from storage.tables import Audit

audit = Audit.__table__


def record(connection: Connection, *, at: datetime, actor: str, command: str, parameters: Any, result: str | None) -> None:
    """Write one command beside its effect, in the same transaction."""
    row = {"at": at, "actor": actor, "command": command, "parameters": parameters, "result": result}
    connection.execute(insert(audit), row)


def recent(connection: Connection, *, limit: int = 50) -> Sequence[RowMapping]:
    """Return the newest commands first."""
    return connection.execute(select(audit).order_by(audit.c.id.desc()).limit(limit)).mappings().all()


def newest(connection: Connection) -> int:
    """Return the number of the newest command, 0 where there is none: the same as before, and nobody has done anything since."""
    return int(connection.execute(select(func.max(audit.c.id))).scalar_one() or 0)
