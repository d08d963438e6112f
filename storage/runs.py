"""Reads of runs, their stages, events, tries and log lines; each is bounded and goes by an index."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, or_, select

from storage.prepared import Prepared
from storage.status import ACTIVE, FINAL, BackfillState, RunStatus, RunType
from storage.tables import Attempt, Backfill, DateState, LogLine, Run, RunDaily, RunEvent, StageRun

runs = Run.__table__
stage_runs = StageRun.__table__
attempts = Attempt.__table__
events = RunEvent.__table__
log_lines = LogLine.__table__
date_states = DateState.__table__
run_daily = RunDaily.__table__
backfills = Backfill.__table__

_one = Prepared(select(runs).where(runs.c.id == bindparam("run_id")))
_running = Prepared(select(runs).where(runs.c.status == RunStatus.RUNNING))
_states_between = (
    select(date_states)
    .where(date_states.c.pipeline == bindparam("pipeline"), date_states.c.day.between(bindparam("since"), bindparam("until")))
    .order_by(date_states.c.day)
)
_work_left = Prepared(
    select(runs.c.id)
    .join(backfills, backfills.c.id == runs.c.backfill_id)
    .where(runs.c.backfill_id == bindparam("backfill_id"), runs.c.status.in_(ACTIVE), backfills.c.state == BackfillState.RUNNING)
    .limit(1)
)
_stages_of = Prepared(select(stage_runs).where(stage_runs.c.run_id == bindparam("run_id")).order_by(stage_runs.c.position, stage_runs.c.id))


def one(connection: Connection, run_id: int) -> Mapping[str, Any] | None:
    """Return a run, or None."""
    return _one.one(connection, {"run_id": run_id})


def by_ids(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    """Return these runs, newest first."""
    return connection.execute(select(runs).where(runs.c.id.in_(ids)).order_by(runs.c.id.desc())).mappings().all() if ids else []


def stages_of(connection: Connection, run_id: int) -> Sequence[Mapping[str, Any]]:
    """Return the stages of a run in order, each with every row it has."""
    return _stages_of.all(connection, {"run_id": run_id})


def attempts_of(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Return the failed tries of a run, oldest first."""
    return connection.execute(select(attempts).where(attempts.c.run_id == run_id).order_by(attempts.c.id)).mappings().all()


def events_of(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Return what happened to a run, oldest first."""
    return connection.execute(select(events).where(events.c.run_id == run_id).order_by(events.c.id)).mappings().all()


def log_of(connection: Connection, run_id: int, *, after: int = 0) -> Sequence[RowMapping]:
    """Return the log lines of a run, oldest first, those behind line `after`."""
    query = select(log_lines).where(log_lines.c.run_id == run_id, log_lines.c.id > after).order_by(log_lines.c.id)
    return connection.execute(query).mappings().all()


def recent(
    connection: Connection,
    *,
    pipeline: str | None = None,
    statuses: Sequence[str] = (),
    partition: date | None = None,
    backfill_id: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[RowMapping]:
    """Return the newest runs first; page on with `before_id` (keyset)."""
    query = select(runs).order_by(runs.c.id.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(runs.c.pipeline == pipeline)
    if statuses:
        query = query.where(runs.c.status.in_(statuses))
    if partition is not None:
        query = query.where(runs.c.partition == partition)
    if backfill_id is not None:
        query = query.where(runs.c.backfill_id == backfill_id)
    if before_id is not None:
        query = query.where(runs.c.id < before_id)
    return connection.execute(query).mappings().all()


def ever(connection: Connection, pipeline: str) -> bool:
    """Say whether a pipeline has had a run."""
    return connection.execute(select(runs.c.id).where(runs.c.pipeline == pipeline).limit(1)).first() is not None


def active_of(connection: Connection, pipeline: str, partition: date) -> int | None:
    """Return the id of the queued or running run of a date, or None."""
    query = select(runs.c.id).where(runs.c.pipeline == pipeline, runs.c.partition == partition, runs.c.status.in_(ACTIVE))
    return connection.execute(query).scalar_one_or_none()


def active_between(connection: Connection, pipeline: str, since: date, until: date) -> Mapping[date, int]:
    """Return the queued and running runs of a range, by date."""
    query = select(runs.c.partition, runs.c.id).where(
        runs.c.pipeline == pipeline, runs.c.partition.between(since, until), runs.c.status.in_(ACTIVE)
    )
    return {row.partition: row.id for row in connection.execute(query)}


def any_active(connection: Connection, pipeline: str, run_type: RunType) -> bool:
    """Say whether a run of a type is queued or running."""
    query = select(runs.c.id).where(runs.c.pipeline == pipeline, runs.c.status.in_(ACTIVE), runs.c.run_type == run_type)
    return connection.execute(query.limit(1)).first() is not None


def failed_last(connection: Connection, pipeline: str, run_type: RunType) -> RowMapping | None:
    """Return the run of a type that failed last, if it is the newest of its date and no date has succeeded since; or None.

    Dates are asked, of which there are thousands: of runs there may be a million, and no index has the order in which they ended.
    """
    failed = date_states.c.status.in_((RunStatus.FAILED, RunStatus.CRASHED))
    query = select(runs).join(date_states, date_states.c.run_id == runs.c.id)
    query = query.where(date_states.c.pipeline == pipeline, failed, runs.c.run_type == run_type)
    last = connection.execute(query.order_by(runs.c.finished_at.desc(), runs.c.id.desc()).limit(1)).mappings().one_or_none()
    if last is None:
        return None
    at_once = and_(date_states.c.updated_at == last["finished_at"], date_states.c.run_id > last["id"])
    since = or_(date_states.c.updated_at > last["finished_at"], at_once)
    succeeded = select(date_states.c.day).where(date_states.c.pipeline == pipeline, date_states.c.status == RunStatus.SUCCEEDED, since)
    return last if connection.execute(succeeded.limit(1)).first() is None else None


def newest_of(connection: Connection, pipeline: str, partition: date) -> RowMapping | None:
    """Return the newest run of a date, or None."""
    query = select(runs).where(runs.c.pipeline == pipeline, runs.c.partition == partition).order_by(runs.c.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def by_request_key(connection: Connection, key: str) -> RowMapping | None:
    """Return the run that this request made, or None."""
    return connection.execute(select(runs).where(runs.c.request_key == key)).mappings().one_or_none()


def running(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Return every run that some runner holds."""
    return _running.all(connection, {})


def queue_counts(connection: Connection) -> Mapping[str, int]:
    """Return how many runs are queued and running."""
    query = select(runs.c.status, func.count()).where(runs.c.status.in_(ACTIVE)).group_by(runs.c.status)
    return {row[0]: row[1] for row in connection.execute(query)}


def waiting_for(connection: Connection, source: str) -> int:
    """Return how many runs in the queue have found a source not ready."""
    query = select(func.count()).where(runs.c.status == RunStatus.QUEUED, runs.c.source == source, runs.c.waits > 0)
    return int(connection.execute(query).scalar_one())


def states_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return what is known of each date of a range that ever had a run, oldest first."""
    return connection.execute(_states_between, {"pipeline": pipeline, "since": since, "until": until}).mappings().all()


def covered_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return `states_between` with who asked for the newest run of each date, oldest first."""
    query = select(date_states, runs.c.backfill_id, runs.c.requested_by).join(runs, runs.c.id == date_states.c.run_id)
    query = query.where(date_states.c.pipeline == pipeline, date_states.c.day.between(since, until))
    return connection.execute(query.order_by(date_states.c.day)).mappings().all()


def daily_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return the roll-up of finished runs of a range of days (Nepal date of the finish)."""
    query = select(run_daily).where(run_daily.c.pipeline == pipeline, run_daily.c.day.between(since, until))
    return connection.execute(query.order_by(run_daily.c.day)).mappings().all()


def durations(connection: Connection, pipeline: str, *, limit: int = 200) -> Sequence[int]:
    """Return the durations (microseconds) of the newest succeeded runs, newest first; a carry is no run of a date as others are."""
    succeeded = (runs.c.pipeline == pipeline, runs.c.status == RunStatus.SUCCEEDED, runs.c.run_type != RunType.CARRY)
    query = select(runs.c.duration_us).where(*succeeded)
    return list(connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).scalars())


def backfill_has_work(connection: Connection, backfill_id: int) -> bool:
    """Say whether any run of a backfill that goes on is still queued or running."""
    return _work_left.one(connection, {"backfill_id": backfill_id}) is not None


def is_final(status: str) -> bool:
    """Say whether a run of that status will never change again."""
    return status in FINAL
