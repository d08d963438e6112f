"""Runner processes and their signs of life."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from storage.tables import Runner

runners = Runner.__table__


def add(connection: Connection, **values: Any) -> None:
    """Register a runner that has just started."""
    connection.execute(insert(runners).values(values))


def beat(connection: Connection, runner_id: str, *, at: datetime, run_id: int | None) -> None:
    """Show a sign of life; a runner that was taken for dead while it hung counts again."""
    values = {"heartbeat_at": at, "beats": runners.c.beats + 1, "run_id": run_id, "stopped_at": None}
    connection.execute(update(runners).where(runners.c.id == runner_id).values(values))


def stop(connection: Connection, runner_id: str, *, at: datetime) -> None:
    """Mark a runner as ended, by itself or found dead."""
    connection.execute(update(runners).where(runners.c.id == runner_id, runners.c.stopped_at.is_(None)).values(stopped_at=at, run_id=None))


def unstopped(connection: Connection) -> Sequence[RowMapping]:
    """Return the runners that have not ended, newest first."""
    return (
        connection.execute(select(runners).where(runners.c.stopped_at.is_(None)).order_by(runners.c.heartbeat_at.desc())).mappings().all()
    )


def alive(connection: Connection, *, at: datetime, within: timedelta) -> Sequence[RowMapping]:
    """Return the runners whose last sign of life is younger than `within`."""
    return [row for row in unstopped(connection) if at - row["heartbeat_at"] <= within]


def recent(connection: Connection, *, limit: int = 10) -> Sequence[RowMapping]:
    """Return the newest runners, ended ones too."""
    return connection.execute(select(runners).order_by(runners.c.started_at.desc()).limit(limit)).mappings().all()
