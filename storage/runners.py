"""Runner processes and their signs of life."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from storage.prepared import Prepared
from storage.status import ProcessKind
from storage.tables import Runner

runners = Runner.__table__

_beat = Prepared(
    update(runners)
    .where(runners.c.id == bindparam("b_id"))
    .values(heartbeat_at=bindparam("new_at"), beats=runners.c.beats + 1, run_id=bindparam("new_run_id"), stopped_at=None)
)
_unstopped = Prepared(select(runners).where(runners.c.stopped_at.is_(None)).order_by(runners.c.heartbeat_at.desc()))

ALIVE_WITHIN = timedelta(seconds=10)  # since its last sign of life a process counts as alive


def add(connection: Connection, **values: Any) -> None:
    """Register a runner that has just started."""
    connection.execute(insert(runners).values({"kind": ProcessKind.RUNNER} | values))


def beat(connection: Connection, runner_id: str, *, at: datetime, run_id: int | None) -> None:
    """Show a sign of life; a runner that was taken for dead while it hung counts again."""
    _beat.write(connection, {"b_id": runner_id, "new_at": at, "new_run_id": run_id})


def stop(connection: Connection, runner_id: str, *, at: datetime) -> None:
    """Mark a runner as ended, by itself or found dead."""
    connection.execute(update(runners).where(runners.c.id == runner_id, runners.c.stopped_at.is_(None)).values(stopped_at=at, run_id=None))


def unstopped(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Return the runners that have not ended, newest first."""
    return _unstopped.all(connection, {})


def alive(connection: Connection, *, at: datetime, within: timedelta) -> Sequence[Mapping[str, Any]]:
    """Return the runners (processes of the stream are none) whose last sign of life is younger than `within`."""
    return [row for row in unstopped(connection) if row["kind"] == ProcessKind.RUNNER and at - row["heartbeat_at"] <= within]


def alive_since(connection: Connection, *, at: datetime) -> datetime | None:
    """Return since when a runner has been there that is alive, or None while none is."""
    return min((row["started_at"] for row in alive(connection, at=at, within=ALIVE_WITHIN)), default=None)


def recent(connection: Connection, *, limit: int = 10) -> Sequence[RowMapping]:
    """Return the newest runners, ended ones too."""
    own = runners.c.kind == ProcessKind.RUNNER
    return connection.execute(select(runners).where(own).order_by(runners.c.started_at.desc()).limit(limit)).mappings().all()
