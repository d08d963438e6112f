"""Reads for monitoring: how runs ended, when sessions were first loaded, what stages used; each bounded, by an index."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, RowMapping, func, select

from storage.status import FINAL, RunStatus
from storage.tables import Run, RunDaily, StageRun, StreamState

runs = Run.__table__
run_daily = RunDaily.__table__
stage_runs = StageRun.__table__
streams = StreamState.__table__

MEASURED = ("duration_us", "cpu_us", "peak_memory_bytes", "bytes_read", "bytes_written", "rows_in", "rows_out")  # of every stage
BOOKED_WITHIN = timedelta(days=10)  # a session may come in the file of a later date


def totals(connection: Connection) -> Sequence[RowMapping]:
    """Return how many runs ever ended, how long they took and what they loaded, by (pipeline, status), from the sums by day."""
    summed = [func.sum(run_daily.c[name]).label(name) for name in ("runs", "duration_us", "cpu_us", "rows")]
    query = select(run_daily.c.pipeline, run_daily.c.status, *summed).group_by(run_daily.c.pipeline, run_daily.c.status)
    return connection.execute(query.order_by(run_daily.c.pipeline, run_daily.c.status)).mappings().all()


def ended(connection: Connection, pipeline: str, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest runs of a pipeline that are over, oldest first."""
    columns = [runs.c[name] for name in ("id", "partition", "status", "finished_at", "duration_us", "cpu_us", "rows")]
    query = select(*columns).where(runs.c.pipeline == pipeline, runs.c.status.in_(FINAL), runs.c.finished_at.is_not(None))
    return connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).mappings().all()[::-1]


def first_loaded(connection: Connection, pipeline: str, since: date, until: date) -> Mapping[date, datetime]:
    """Return when each session of a range was loaded first, whichever file brought it."""
    query = select(runs.c.session_date, func.min(runs.c.finished_at)).where(
        runs.c.pipeline == pipeline,
        runs.c.status == RunStatus.SUCCEEDED,
        runs.c.partition.between(since, until + BOOKED_WITHIN),
        runs.c.session_date.between(since, until),
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(runs.c.session_date))}


def stages_of_newest(connection: Connection, pipeline: str, stage: str, *, limit: int) -> Sequence[RowMapping]:
    """Return what a stage used in the newest runs in which it succeeded, oldest first: `run_id`, `at` and the columns `MEASURED`."""
    newest = select(runs.c.id).where(runs.c.pipeline == pipeline, runs.c.status == RunStatus.SUCCEEDED)
    newest = newest.order_by(runs.c.id.desc()).limit(limit)
    columns = [stage_runs.c.run_id, stage_runs.c.finished_at.label("at"), *(stage_runs.c[name] for name in MEASURED)]
    query = select(*columns).where(stage_runs.c.run_id.in_(newest), stage_runs.c.stage == stage, stage_runs.c.finished_at.is_not(None))
    return connection.execute(query.order_by(stage_runs.c.id)).mappings().all()


def took(connection: Connection, pipeline: str, *, limit: int) -> Sequence[RowMapping]:
    """Return `id, partition, duration_us` of the newest succeeded runs of a pipeline, oldest first."""
    columns = [runs.c[name] for name in ("id", "partition", "duration_us")]
    query = select(*columns).where(runs.c.pipeline == pipeline, runs.c.status == RunStatus.SUCCEEDED, runs.c.duration_us.is_not(None))
    return connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).mappings().all()[::-1]


def partitions(connection: Connection, run_ids: Sequence[int]) -> Mapping[int, date]:
    """Return the dates of these runs, by run."""
    query = select(runs.c.id, runs.c.partition).where(runs.c.id.in_(run_ids))
    return {row.id: row.partition for row in connection.execute(query)} if run_ids else {}


def files_of_newest(connection: Connection, pipeline: str, stage: str, *, limit: int) -> Sequence[RowMapping]:
    """Return how long a stage took (`duration_us`) and how many files it wrote (`puts`), in the newest runs in which it succeeded."""
    newest = select(runs.c.id).where(runs.c.pipeline == pipeline, runs.c.status == RunStatus.SUCCEEDED)
    newest = newest.order_by(runs.c.id.desc()).limit(limit)
    query = select(stage_runs.c.duration_us, stage_runs.c.puts)
    query = query.where(stage_runs.c.run_id.in_(newest), stage_runs.c.stage == stage, stage_runs.c.duration_us.is_not(None))
    return connection.execute(query).mappings().all()


def stream_totals(connection: Connection) -> RowMapping:
    """Return what all sessions of the stream came to together: `records, accepted, alerts`, and how many are not over (`active`)."""
    summed = [func.coalesce(func.sum(streams.c[name]), 0).label(name) for name in ("records", "accepted", "alerts")]
    return connection.execute(select(*summed, (func.count() - func.count(streams.c.ended_at)).label("active"))).mappings().one()
