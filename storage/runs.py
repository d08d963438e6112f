"""Runs, their stages, events, attempts and log lines: every read and write of them.

`move` is the only writer of a run's status.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, case, delete, exists, func, insert, literal, or_, select, update

from storage.database import Database
from storage.status import ACTIVE, FINAL, BackfillState, RunStatus, StageStatus, sources_of
from storage.tables import Attempt, Backfill, DateState, LogLine, Run, RunDaily, RunEvent, StageRun
from storage.upsert import dialect_insert

runs = Run.__table__
stage_runs = StageRun.__table__
attempts = Attempt.__table__
events = RunEvent.__table__
log_lines = LogLine.__table__
date_states = DateState.__table__
run_daily = RunDaily.__table__
backfills = Backfill.__table__

MICROSECOND = timedelta(microseconds=1)


class StaleMove(Exception):
    """The run is not (or no longer) in a state, or in the hands, from which it may move there."""


def add(connection: Connection, *, at: datetime, pipeline: str, partition: date, **values: Any) -> int:
    """Insert a queued run and return its id; the database refuses a second active run of the same date."""
    values = {
        "fence": 0,
        "rescues": 0,
        "waits": 0,
        "priority": 0,
        "available_at": at,
        "cancel_requested": False,
        "simulated": False,
    } | values
    row = {"pipeline": pipeline, "partition": partition, "status": RunStatus.QUEUED, "queued_at": at, **values}
    run_id: int = connection.execute(insert(runs).values(row).returning(runs.c.id)).scalar_one()
    event(connection, run_id, at=at, name="run_queued", status=RunStatus.QUEUED, message=None)
    _remember(connection, run_id, at=at)
    return run_id


def add_many(connection: Connection, days: Sequence[date], *, at: datetime, pipeline: str, **values: Any) -> None:
    """Insert a queued run for each date, in a handful of statements whatever their number."""
    if not days:
        return
    common = {"fence": 0, "rescues": 0, "waits": 0, "available_at": at, "cancel_requested": False, "simulated": False} | values
    rows = [{"pipeline": pipeline, "partition": day, "status": RunStatus.QUEUED, "queued_at": at, **common} for day in days]
    added = connection.execute(insert(runs).returning(runs.c.id, runs.c.partition, sort_by_parameter_order=True), rows).all()
    queued = [{"run_id": row.id, "at": at, "name": "run_queued", "status": RunStatus.QUEUED, "message": None} for row in added]
    connection.execute(insert(events), queued)
    empty = {"verdict": None, "session_date": None, "reason": None, "rows": None, "source_sha256": None}
    states = [
        {"pipeline": pipeline, "day": row.partition, "run_id": row.id, "status": RunStatus.QUEUED, "updated_at": at, **empty}
        for row in added
    ]
    _write_states(connection, states)


def cancel_queued(connection: Connection, run_id: int, *, at: datetime, day: date, reason: str) -> bool:
    """Cancel a run if it still waits; say whether it did."""
    waiting = select(runs.c.id).where(runs.c.id == run_id, runs.c.status == RunStatus.QUEUED)
    if connection.execute(waiting).scalar_one_or_none() is None:
        return False
    finish(connection, run_id, RunStatus.CANCELLED, at=at, day=day, reason=reason)
    return True


def inherit(connection: Connection, origin: int, run_id: int) -> None:
    """Give a run that takes over checkpoints what the stages of `origin` found out about its date."""
    names = ("source", "simulated", "source_file", "source_sha256", "layout", "verdict", "session_date", "reason", "evidence", "rows")
    row = connection.execute(select(*(runs.c[name] for name in names)).where(runs.c.id == origin)).mappings().one()
    connection.execute(update(runs).where(runs.c.id == run_id).values(dict(row)))


def event(connection: Connection, run_id: int, *, at: datetime, name: str, status: RunStatus | None = None, message: str | None) -> None:
    """Record one thing that happened to a run."""
    connection.execute(insert(events), {"run_id": run_id, "at": at, "name": name, "status": status, "message": message})


def move(
    connection: Connection,
    run_id: int,
    to: RunStatus,
    *,
    at: datetime,
    name: str,
    message: str | None = None,
    held: int | None = None,
    **values: Any,
) -> None:
    """Move a run to another status, if it may; `StaleMove` when it may not, or when `held` is no longer the run's fence.

    Writes the event, the state of the date and, at the end of a run, the daily roll-up in the same transaction.
    """
    condition = and_(runs.c.id == run_id, runs.c.status.in_(sources_of(to)))
    if held is not None:
        condition = and_(condition, runs.c.fence == held)
    moved = connection.execute(update(runs).where(condition).values(status=to, **values))
    if moved.rowcount != 1:
        raise StaleMove(f"run {run_id} cannot move to {to}: it is not in a state, or in the hands, that allows it")
    event(connection, run_id, at=at, name=name, status=to, message=message)
    _remember(connection, run_id, at=at)


def finish(connection: Connection, run_id: int, to: RunStatus, *, at: datetime, day: date, held: int | None = None, **values: Any) -> None:
    """End a run: `move` it to a final status and add it to the roll-up of `day` (Nepal date)."""
    started = connection.execute(select(runs.c.started_at, runs.c.pipeline).where(runs.c.id == run_id)).one()
    duration_us = (at - started.started_at) // MICROSECOND if started.started_at else None
    move(connection, run_id, to, at=at, name=f"run_{to}", held=held, finished_at=at, duration_us=duration_us, **values)
    counted = {"runs": 1, "duration_us": max(duration_us or 0, 0), "cpu_us": values.get("cpu_us") or 0, "rows": values.get("rows") or 0}
    row = dialect_insert(connection, run_daily).values(pipeline=started.pipeline, day=day, status=to, **counted)
    sums = {name: run_daily.c[name] + row.excluded[name] for name in counted}
    connection.execute(row.on_conflict_do_update(index_elements=["pipeline", "day", "status"], set_=sums))


_SAID = ("verdict", "session_date", "rows", "source_sha256")


def _remember(connection: Connection, run_id: int, *, at: datetime) -> None:
    """Make `run_id` the newest run of its date, unless a newer one is."""
    columns = (runs.c.pipeline, runs.c.partition.label("day"), runs.c.id.label("run_id"), runs.c.status, runs.c.reason)
    row = connection.execute(select(*columns, *(runs.c[name] for name in _SAID)).where(runs.c.id == run_id)).mappings().one()
    _write_states(connection, [dict(row) | {"updated_at": at}])


def _write_states(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what newest runs say of their dates; a run that has said nothing leaves what the one before it said."""
    statement = dialect_insert(connection, date_states)
    new = statement.excluded
    values: dict[str, Any] = {name: new[name] for name in ("run_id", "status", "updated_at")}
    values["reason"] = func.coalesce(new["reason"], date_states.c.reason)
    values |= {name: case((new["verdict"].is_not(None), new[name]), else_=date_states.c[name]) for name in _SAID}
    newest = date_states.c.run_id <= new["run_id"]
    connection.execute(statement.on_conflict_do_update(index_elements=["pipeline", "day"], set_=values, where=newest), list(rows))


def claim(
    database: Database, *, runner_id: str, at: datetime, sequential: Sequence[str], only_backfill: int | None = None
) -> RowMapping | None:
    """Take the next queued run, or None; of a `sequential` pipeline at most one runs at a time.

    The new fence number is in the row: whoever held the run before can no longer commit.
    """
    with database.transaction() as connection:
        database.serialise(connection, "claim")
        busy = runs.alias()
        held = backfills.alias()
        running = select(func.count()).where(busy.c.backfill_id == runs.c.backfill_id, busy.c.status == RunStatus.RUNNING)
        allowed = exists().where(
            held.c.id == runs.c.backfill_id, held.c.state == BackfillState.RUNNING, held.c.max_active > running.scalar_subquery()
        )
        blocked = exists().where(busy.c.pipeline == runs.c.pipeline, busy.c.status == RunStatus.RUNNING)
        query = (
            select(runs.c.id)
            .where(
                runs.c.status == RunStatus.QUEUED,
                runs.c.available_at <= at,
                or_(runs.c.backfill_id.is_(None), allowed),
                or_(runs.c.pipeline.not_in(sequential), ~blocked),
            )
            .order_by(runs.c.priority, runs.c.partition, runs.c.id)
            .limit(1)
        )
        if only_backfill is not None:
            query = query.where(runs.c.backfill_id == only_backfill)
        run_id = connection.execute(query).scalar_one_or_none()
        if run_id is None:
            return None
        move(
            connection,
            run_id,
            RunStatus.RUNNING,
            at=at,
            name="run_claimed",
            message=f"by {runner_id}",
            runner_id=runner_id,
            fence=runs.c.fence + 1,
            started_at=func.coalesce(runs.c.started_at, literal(at, type_=runs.c.started_at.type)),
        )
        return connection.execute(select(runs).where(runs.c.id == run_id)).mappings().one()


def waiting(connection: Connection, *, at: datetime) -> bool:
    """Say whether any queued run may be claimed now (cheap: one index)."""
    query = select(runs.c.id).where(runs.c.status == RunStatus.QUEUED, runs.c.available_at <= at).limit(1)
    return connection.execute(query).scalar_one_or_none() is not None


def holds(connection: Connection, run_id: int, *, fence: int) -> RowMapping | None:
    """Return, inside a transaction that is about to commit, the run if it is still held with this fence number (its cancel wish)."""
    query = select(runs.c.id, runs.c.cancel_requested).where(runs.c.id == run_id, runs.c.fence == fence, runs.c.status == RunStatus.RUNNING)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    return connection.execute(query).mappings().one_or_none()


def note(connection: Connection, run_id: int, **values: Any) -> None:
    """Write what a running stage has found out about its run (never its status)."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def open_stage(connection: Connection, run_id: int, stage: str, *, position: int, at: datetime, **values: Any) -> int:
    """Insert a stage that begins now (or, with a status among `values`, one that is known already)."""
    row = {"run_id": run_id, "stage": stage, "position": position, "status": StageStatus.RUNNING, "attempts": 0, "started_at": at} | values
    stage_id: int = connection.execute(insert(stage_runs).values(row).returning(stage_runs.c.id)).scalar_one()
    return stage_id


def close_stage(connection: Connection, stage_id: int, status: StageStatus, **values: Any) -> None:
    """End a stage that runs; a stage that has ended stays as it is."""
    condition = and_(stage_runs.c.id == stage_id, stage_runs.c.status == StageStatus.RUNNING)
    connection.execute(update(stage_runs).where(condition).values(status=status, **values))


def drop_stages(connection: Connection, run_id: int) -> None:
    """Take back the stages of a run that only found its source not ready; the run's event tells of it."""
    connection.execute(delete(stage_runs).where(stage_runs.c.run_id == run_id))


def crash_stages(connection: Connection, run_id: int, *, at: datetime) -> None:
    """Mark the stage that ran when the runner died."""
    condition = and_(stage_runs.c.run_id == run_id, stage_runs.c.status == StageStatus.RUNNING)
    connection.execute(update(stage_runs).where(condition).values(status=StageStatus.CRASHED, finished_at=at))


def add_attempt(connection: Connection, **values: Any) -> None:
    """Record a failed try."""
    connection.execute(insert(attempts), values)


def add_log_lines(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Record log lines of runs."""
    if lines:
        connection.execute(insert(log_lines), list(lines))


def one(connection: Connection, run_id: int) -> RowMapping | None:
    """Return a run, or None."""
    return connection.execute(select(runs).where(runs.c.id == run_id)).mappings().one_or_none()


def stages_of(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Return the stages of a run in order, each with every row it has."""
    query = select(stage_runs).where(stage_runs.c.run_id == run_id).order_by(stage_runs.c.position, stage_runs.c.id)
    return connection.execute(query).mappings().all()


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


def newest_of(connection: Connection, pipeline: str, partition: date) -> RowMapping | None:
    """Return the newest run of a date, or None."""
    query = select(runs).where(runs.c.pipeline == pipeline, runs.c.partition == partition).order_by(runs.c.id.desc()).limit(1)
    return connection.execute(query).mappings().one_or_none()


def by_request_key(connection: Connection, key: str) -> RowMapping | None:
    """Return the run that this request made, or None."""
    return connection.execute(select(runs).where(runs.c.request_key == key)).mappings().one_or_none()


def running(connection: Connection) -> Sequence[RowMapping]:
    """Return every run that some runner holds."""
    return connection.execute(select(runs).where(runs.c.status == RunStatus.RUNNING)).mappings().all()


def queue_counts(connection: Connection) -> Mapping[str, int]:
    """Return how many runs are queued and running."""
    query = select(runs.c.status, func.count()).where(runs.c.status.in_(ACTIVE)).group_by(runs.c.status)
    return {row[0]: row[1] for row in connection.execute(query)}


def states_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return what is known of each date of a range that ever had a run, oldest first."""
    query = select(date_states).where(date_states.c.pipeline == pipeline, date_states.c.day.between(since, until))
    return connection.execute(query.order_by(date_states.c.day)).mappings().all()


def daily_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return the roll-up of finished runs of a range of days (Nepal date of the finish)."""
    query = select(run_daily).where(run_daily.c.pipeline == pipeline, run_daily.c.day.between(since, until))
    return connection.execute(query.order_by(run_daily.c.day)).mappings().all()


def durations(connection: Connection, pipeline: str, *, limit: int = 200) -> Sequence[int]:
    """Return the durations (microseconds) of the newest succeeded runs, newest first."""
    query = select(runs.c.duration_us).where(runs.c.pipeline == pipeline, runs.c.status == RunStatus.SUCCEEDED)
    return list(connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).scalars())


def backfill_has_work(connection: Connection, backfill_id: int) -> bool:
    """Say whether any run of a backfill that goes on is still queued or running."""
    query = (
        select(runs.c.id)
        .join(backfills, backfills.c.id == runs.c.backfill_id)
        .where(runs.c.backfill_id == backfill_id, runs.c.status.in_(ACTIVE), backfills.c.state == BackfillState.RUNNING)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() is not None


def request_cancel(connection: Connection, run_id: int) -> None:
    """Ask the runner that holds the run to stop it."""
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.status == RunStatus.RUNNING).values(cancel_requested=True))


def is_final(status: str) -> bool:
    """Say whether a run of that status will never change again."""
    return status in FINAL
