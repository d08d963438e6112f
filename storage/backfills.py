"""Backfills: requests for a range of dates."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from storage.status import ACTIVE, BackfillState
from storage.tables import Backfill, Run

backfills = Backfill.__table__
runs = Run.__table__


def add(connection: Connection, **values: Any) -> int:
    """Insert a backfill and return its id."""
    backfill_id: int = connection.execute(insert(backfills).values(values).returning(backfills.c.id)).scalar_one()
    return backfill_id


def one(connection: Connection, backfill_id: int) -> RowMapping | None:
    """Return a backfill, or None."""
    return connection.execute(select(backfills).where(backfills.c.id == backfill_id)).mappings().one_or_none()


def by_request_key(connection: Connection, key: str) -> RowMapping | None:
    """Return the backfill that this request made, or None."""
    return connection.execute(select(backfills).where(backfills.c.request_key == key)).mappings().one_or_none()


def recent(connection: Connection, *, limit: int = 10) -> Sequence[RowMapping]:
    """Return the newest backfills first."""
    return connection.execute(select(backfills).order_by(backfills.c.id.desc()).limit(limit)).mappings().all()


def set_state(connection: Connection, backfill_id: int, state: BackfillState, *, at: datetime, reason: str | None = None) -> bool:
    """Move a backfill that has not ended; say whether it moved."""
    open_states = (BackfillState.RUNNING, BackfillState.PAUSED, BackfillState.STOPPED)
    values: dict[str, Any] = {"state": state, "reason": reason}
    if state in (BackfillState.DONE, BackfillState.CANCELLED):
        values["finished_at"] = at
    moved = connection.execute(update(backfills).where(backfills.c.id == backfill_id, backfills.c.state.in_(open_states)).values(values))
    return bool(moved.rowcount)


def counts(connection: Connection, backfill_id: int) -> Mapping[str, int]:
    """Return how many runs of a backfill are in each status."""
    query = select(runs.c.status, func.count()).where(runs.c.backfill_id == backfill_id).group_by(runs.c.status)
    return {row[0]: row[1] for row in connection.execute(query)}


def close_if_done(connection: Connection, backfill_id: int, *, at: datetime) -> None:
    """End a backfill whose last run has ended."""
    active = select(runs.c.id).where(runs.c.backfill_id == backfill_id, runs.c.status.in_(ACTIVE)).limit(1)
    if connection.execute(active).scalar_one_or_none() is None:
        set_state(connection, backfill_id, BackfillState.DONE, at=at)


def tiles(connection: Connection, backfill_id: int) -> Sequence[RowMapping]:
    """Return one small row a run of a backfill, by date: enough for a live tile."""
    columns = (runs.c.id, runs.c.partition, runs.c.status, runs.c.verdict, runs.c.outcome, runs.c.reason)
    query = select(*columns).where(runs.c.backfill_id == backfill_id).order_by(runs.c.partition, runs.c.id)
    return connection.execute(query).mappings().all()
