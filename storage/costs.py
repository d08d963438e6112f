"""Estimates of what work has cost, and their sums by day: written in the transaction that ends the work."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, select

from storage.prepared import Prepared
from storage.status import FINAL, CostWork, StageStatus
from storage.tables import Attempt, CostDaily, CostEstimate, LakeFile, Run, StageRun
from storage.upsert import insert_of

estimates = CostEstimate.__table__
daily = CostDaily.__table__
runs, stage_runs, attempts, files = Run.__table__, StageRun.__table__, Attempt.__table__, LakeFile.__table__

AMOUNTS = ("compute_nano", "storage_nano", "requests_nano", "query_nano", "transfer_nano", "notification_nano")
KEY = ("day", "work", "name", "purpose", "book_id")
SUMS = tuple(column.name for column in daily.c if column.name not in KEY)
_NO_ESTIMATE = dict.fromkeys((column.name for column in estimates.c), 0)
_NO_DAY = dict.fromkeys((column.name for column in daily.c), 0)
STAGE = ("stage", "status", "attempts", "duration_us", "cpu_us", "peak_memory_bytes", "bytes_written", "bytes_received", "puts", "gets")

_before = runs.alias("before")
_earlier = exists().where(
    _before.c.pipeline == runs.c.pipeline,
    _before.c.partition == runs.c.partition,
    _before.c.id < runs.c.id,
    _before.c.status.in_(FINAL),
)
_FACTS = ("id", "pipeline", "partition", "session_date", "run_type", "status", "simulated", "rows", "cpu_us", "rerun_of", "started_at")
_facts = Prepared(select(*(runs.c[name] for name in _FACTS), _earlier.label("again")).where(runs.c.id == bindparam("run_id")))
_stages = Prepared(
    select(*(stage_runs.c[name] for name in STAGE), stage_runs.c.rows_out)
    .where(stage_runs.c.run_id == bindparam("run_id"), stage_runs.c.reused_from.is_(None))
    .order_by(stage_runs.c.position, stage_runs.c.id)
)
_retried = Prepared(select(func.coalesce(func.sum(attempts.c.cpu_us), 0).label("cpu_us")).where(attempts.c.run_id == bindparam("run_id")))
_add = Prepared(insert(estimates))


def facts_of(connection: Connection, run_id: int) -> Mapping[str, Any]:
    """Return what an estimate says of its run; `again` where its date had an earlier one that is over."""
    return _facts.the_one(connection, {"run_id": run_id})


def stages_of(connection: Connection, run_id: int) -> Sequence[Mapping[str, Any]]:
    """Return what each stage of a run used, in order; none that was taken over from another run."""
    return _stages.all(connection, {"run_id": run_id})


def retry_cpu(connection: Connection, run_id: int) -> int:
    """Return the CPU time (us) of the tries of a run that failed."""
    return int(_retried.the_one(connection, {"run_id": run_id})["cpu_us"])


def is_dead(stage: Mapping[str, Any]) -> bool:
    """Say whether a stage's process died under it: what it used is not known."""
    return bool(stage["status"] == StageStatus.CRASHED)


def write(connection: Connection, row: Mapping[str, Any]) -> None:
    """Write an estimate (every column but those of the amounts and counts that are 0) and add it to its day."""
    whole = {**_NO_ESTIMATE, **row}
    _add.write(connection, whole)
    add_to_day(connection, {name: whole[name] for name in whole if name in _NO_DAY} | {"number": 1})


def add_to_day(connection: Connection, row: Mapping[str, Any]) -> None:
    """Add counts and amounts (`SUMS`; those left out are 0) to the sums of a day."""
    _roll_up(connection.dialect.name).write(connection, {**_NO_DAY, **row})


@cache
def _roll_up(dialect: str) -> Prepared:
    statement = insert_of(dialect, daily)
    sums = {name: daily.c[name] + statement.excluded[name] for name in SUMS}
    return Prepared(statement.on_conflict_do_update(index_elements=list(KEY), set_=sums))


def one(connection: Connection, work: CostWork, ref: int) -> Mapping[str, Any] | None:
    """Return the estimate of a piece of work, or None."""
    return next(iter(_rows(connection, select(estimates).where(estimates.c.work == work, estimates.c.ref == ref))), None)


def newest(connection: Connection, work: CostWork, *, limit: int) -> Sequence[Mapping[str, Any]]:
    """Return the newest estimates of a kind of work, oldest first."""
    query = select(estimates).where(estimates.c.work == work).order_by(estimates.c.ref.desc()).limit(limit)
    return _rows(connection, query)[::-1]


def between(connection: Connection, since: date, until: date, *, limit: int) -> Sequence[Mapping[str, Any]]:
    """Return the estimates of what ended on these days, newest day first, at most `limit`."""
    query = select(estimates).where(estimates.c.day.between(since, until))
    ordered = query.order_by(estimates.c.day.desc(), estimates.c.work, estimates.c.ref.desc())
    return _rows(connection, ordered.limit(limit))


def number_between(connection: Connection, since: date, until: date) -> int:
    """Return how many estimates there are of what ended on these days."""
    query = select(func.count()).select_from(estimates).where(estimates.c.day.between(since, until))
    return int(connection.execute(query).scalar_one())


def of_sessions(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return the sums of the estimates of each session of a range and kind of work, oldest first: `session, work, number` and `SUMS`."""
    summed = [func.sum(estimates.c[name]).label(name) for name in SUMS if name in _NO_ESTIMATE]
    query = select(estimates.c.session, estimates.c.work, estimates.c.purpose, estimates.c.book_id, func.count().label("number"), *summed)
    query = query.where(estimates.c.session.between(since, until))
    grouped = query.group_by(estimates.c.session, estimates.c.work, estimates.c.purpose, estimates.c.book_id)
    return _rows(connection, grouped.order_by(estimates.c.session, estimates.c.work))


def amounts_of_sessions(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return what each session of a range has cost, whatever was done for it, oldest first: `session, number, rows` and `AMOUNTS`.

    Grouped by the column of its index alone, and with no more sums than a chart draws, it costs two fifths of `of_sessions`.
    """
    summed = [func.sum(estimates.c[name]).label(name) for name in ("rows", *AMOUNTS)]
    query = select(estimates.c.session, func.count().label("number"), *summed).where(estimates.c.session.between(since, until))
    return _rows(connection, query.group_by(estimates.c.session).order_by(estimates.c.session))


def days(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return the sums by day, work, name, purpose and version of the prices, oldest day first."""
    query = select(daily).where(daily.c.day.between(since, until))
    return _rows(connection, query.order_by(*(daily.c[name] for name in KEY)))


def days_by_purpose(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return the sums by day and purpose, whatever the work was, oldest day first."""
    summed = (func.sum(daily.c[name]).label(name) for name in SUMS)
    query = select(daily.c.day, daily.c.purpose, *summed).where(daily.c.day.between(since, until))
    return _rows(connection, query.group_by(daily.c.day, daily.c.purpose).order_by(daily.c.day, daily.c.purpose))


def running(connection: Connection, since: date, until: date) -> Sequence[Mapping[str, Any]]:
    """Return the amounts of each day by `name`, but for storage, whatever the work was and was for: what a month's bill is made of."""
    spent = (func.sum(daily.c[name]).label(name) for name in AMOUNTS if name != "storage_nano")
    query = select(daily.c.day, daily.c.name, *spent).where(daily.c.day.between(since, until))
    return _rows(connection, query.group_by(daily.c.day, daily.c.name).order_by(daily.c.day))


def first_day(connection: Connection) -> date | None:
    """Return the first day that has an estimate, or None."""
    found: date | None = connection.execute(select(func.min(daily.c.day))).scalar_one()
    return found


def stages_between(connection: Connection, run_ids: Sequence[int]) -> Sequence[Mapping[str, Any]]:
    """Return what the stages of these runs used, by run and place: `run_id` and the columns `STAGE`."""
    if not run_ids:
        return []
    columns = [stage_runs.c.run_id, *(stage_runs.c[name] for name in STAGE)]
    query = select(*columns).where(stage_runs.c.run_id.in_(run_ids), stage_runs.c.reused_from.is_(None))
    return _rows(connection, query.order_by(stage_runs.c.run_id, stage_runs.c.position, stage_runs.c.id))


def _rows(connection: Connection, query: Any) -> list[Mapping[str, Any]]:
    result = connection.execute(query)
    names = tuple(result.keys())  # asked for once: of each row's mapping they cost more than the row
    return [dict(zip(names, row, strict=True)) for row in result.all()]  # at once: one by one they cost half as much again
