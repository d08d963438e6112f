"""Backfills: requests for a range of dates."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, exists, func, insert, select, text, update

from storage.prepared import Prepared
from storage.status import ACTIVE, BackfillState, OnFailure, RunStatus, Verdict
from storage.tables import Backfill, Run

backfills = Backfill.__table__
runs = Run.__table__

_next_date = Prepared(
    select(runs.c.partition)
    .join(backfills, backfills.c.id == runs.c.backfill_id)
    .where(
        runs.c.pipeline == bindparam("pipeline"),
        runs.c.partition > bindparam("day"),
        text("run.status IN ('queued', 'running')"),  # as the index says it that has only these
        runs.c.backfill_id == bindparam("backfill_id"),
        backfills.c.state == BackfillState.RUNNING,
    )
    .order_by(runs.c.partition)
    .limit(1)
)
_at_work = Prepared(
    select(runs.c.id)
    .join(backfills, backfills.c.id == runs.c.backfill_id)
    .where(backfills.c.pipeline == bindparam("pipeline"), backfills.c.state == BackfillState.RUNNING, runs.c.status.in_(ACTIVE))
    .limit(1)
)
_active = Prepared(select(runs.c.id).where(runs.c.backfill_id == bindparam("backfill_id"), runs.c.status.in_(ACTIVE)).limit(1))
_TILE = ("id", "partition", "status", "verdict", "outcome", "reason", "finished_at")
_tiles = Prepared(
    select(*(runs.c[name] for name in _TILE)).where(runs.c.backfill_id == bindparam("backfill_id")).order_by(runs.c.partition, runs.c.id)
)


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


def failures(connection: Connection, ids: Sequence[int]) -> Mapping[int, int]:
    """Return how many dates each of these backfills could not do; a date without a file is missing and has not failed."""
    failed = runs.c.status.in_((RunStatus.FAILED, RunStatus.CRASHED)) & runs.c.verdict.is_distinct_from(Verdict.MISSING)
    query = select(runs.c.backfill_id, func.count()).where(runs.c.backfill_id.in_(ids), failed).group_by(runs.c.backfill_id)
    return dict.fromkeys(ids, 0) | {row[0]: row[1] for row in connection.execute(query)}


def run_ended(connection: Connection, backfill_id: int, *, at: datetime, failure: str | None = None) -> None:
    """Do what a backfill does when one of its runs has ended: stop at a `failure` if it shall, end with its last run."""
    if failure is not None:
        row = one(connection, backfill_id)
        if row is not None and row["on_failure"] == OnFailure.STOP:
            set_state(connection, backfill_id, BackfillState.STOPPED, at=at, reason=failure)
    close_if_done(connection, backfill_id, at=at)


def close_if_done(connection: Connection, backfill_id: int, *, at: datetime) -> None:
    """End a backfill whose last run has ended."""
    if not _has_active(connection, backfill_id):
        set_state(connection, backfill_id, BackfillState.DONE, at=at)


def next_date(connection: Connection, backfill_id: int, pipeline: str, day: date) -> date | None:
    """Return the first date behind `day` that a backfill has still to run; None where it has none, or does not go on."""
    row = _next_date.one(connection, {"backfill_id": backfill_id, "pipeline": pipeline, "day": day})
    return None if row is None else row["partition"]


def at_work(connection: Connection, pipeline: str) -> bool:
    """Say whether a backfill of a pipeline that goes on has a run left."""
    return _at_work.one(connection, {"pipeline": pipeline}) is not None


def standing(connection: Connection, pipeline: str) -> Sequence[RowMapping]:
    """Return the backfills of a pipeline that are paused or stopped and have dates queued, oldest first."""
    held = exists().where(runs.c.backfill_id == backfills.c.id, runs.c.status == RunStatus.QUEUED)
    query = select(backfills).where(backfills.c.pipeline == pipeline, backfills.c.state.in_((BackfillState.PAUSED, BackfillState.STOPPED)))
    return connection.execute(query.where(held).order_by(backfills.c.id)).mappings().all()


def taken_over(connection: Connection, backfill_id: int, *, by: int, at: datetime) -> None:
    """End a backfill whose last runs went over to another one."""
    if not _has_active(connection, backfill_id):
        set_state(connection, backfill_id, BackfillState.CANCELLED, at=at, reason=f"backfill {by} took over what was left of it")


def _has_active(connection: Connection, backfill_id: int) -> bool:
    return _active.one(connection, {"backfill_id": backfill_id}) is not None


def tiles(connection: Connection, backfill_id: int) -> Sequence[Mapping[str, Any]]:
    """Return one small row a run of a backfill, by date: enough for a live tile."""
    return _tiles.all(connection, {"backfill_id": backfill_id})
