"""Jobs for the product's own safety: asked for, claimed by one process over all runners, ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, RowMapping, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.prepared import Prepared
from storage.status import JobOutcome
from storage.tables import JobRun
from storage.upsert import insert_of

jobs = JobRun.__table__
OPEN = (JobOutcome.QUEUED, JobOutcome.RUNNING)
# Each outcome by itself, and as a constant: each has an index of its own rows, and none would serve for both.
_unfinished = tuple(Prepared(select(jobs).where(jobs.c.outcome == literal_column(f"'{outcome}'"))) for outcome in OPEN)


def request(connection: Connection, job: str, *, by: str, at: datetime) -> int:
    """Queue a job, unless it is queued already; return the number of its execution."""
    row = {"job": job, "outcome": JobOutcome.QUEUED, "requested_by": by, "requested_at": at, "beats": 0, "attempts": 0}
    connection.execute(insert_of(connection.dialect.name, jobs).values(row).on_conflict_do_nothing())
    queued = select(jobs.c.id).where(jobs.c.job == job, jobs.c.outcome == JobOutcome.QUEUED)
    return int(connection.execute(queued).scalar_one())


def claim(database: Database, *, holder: str, at: datetime, only: int | None = None) -> RowMapping | None:
    """Take the oldest queued job, or only a certain one; None where there is none or another job runs, here or elsewhere."""
    waiting = select(jobs.c.id).where(jobs.c.outcome == JobOutcome.QUEUED).order_by(jobs.c.id).limit(1)
    if only is not None:
        waiting = waiting.where(jobs.c.id == only)
    taken = {"outcome": JobOutcome.RUNNING, "holder": holder, "started_at": at, "beats": 0, "attempts": jobs.c.attempts + 1}
    try:
        with database.transaction() as connection:
            wanted = connection.execute(waiting).scalar_one_or_none()
            mine = update(jobs).where(jobs.c.id == wanted, jobs.c.outcome == JobOutcome.QUEUED).values(taken)
            if wanted is None or not connection.execute(mine).rowcount:
                return None
            return one(connection, wanted)
    except IntegrityError:  # a running one is there already: the index knows of all runners
        return None


def beat(connection: Connection, run_id: int, *, holder: str, figures: Mapping[str, Any] | None = None) -> bool:
    """Show a sign of life, with how far the job has come; return whether it still belongs to `holder`."""
    values: dict[str, Any] = {"beats": jobs.c.beats + 1} | ({"figures": dict(figures)} if figures is not None else {})
    return bool(connection.execute(_held(run_id, holder).values(values)).rowcount)


def finish(
    connection: Connection, run_id: int, *, holder: str, outcome: JobOutcome, at: datetime, figures: Mapping[str, Any], **said: Any
) -> bool:
    """End a job with what is `said` of it: its message, the CPU time that it used. Return whether it was still its own.

    What a process says that has lost it meanwhile is dropped.
    """
    values = {"outcome": outcome, "finished_at": at, "figures": dict(figures)} | said
    return bool(connection.execute(_held(run_id, holder).values(values)).rowcount)


def give_back(connection: Connection, row: Mapping[str, Any], *, at: datetime, most: int) -> None:
    """Queue a job anew whose process is gone; one that took `most` processes with it, or is queued already, has failed."""
    queued = select(jobs.c.id).where(jobs.c.job == row["job"], jobs.c.outcome == JobOutcome.QUEUED)
    if row["attempts"] >= most or connection.execute(queued).scalar_one_or_none() is not None:
        values = {"outcome": JobOutcome.FAILED, "finished_at": at, "message": "its process died"}
    else:
        values = {"outcome": JobOutcome.QUEUED, "holder": None}
    # On condition of the beats: it may have been alive after all, or another runner was quicker.
    connection.execute(_held(row["id"], row["holder"]).where(jobs.c.beats == row["beats"]).values(values))


def _held(run_id: int, holder: str) -> Any:
    return update(jobs).where(jobs.c.id == run_id, jobs.c.holder == holder, jobs.c.outcome == JobOutcome.RUNNING)


def one(connection: Connection, run_id: int) -> RowMapping:
    """Return one execution."""
    return connection.execute(select(jobs).where(jobs.c.id == run_id)).mappings().one()


def unfinished(connection: Connection) -> Sequence[Mapping[str, Any]]:
    """Return what is queued or runs, oldest first."""
    return sorted((row for query in _unfinished for row in query.all(connection, {})), key=itemgetter("id"))


def ended(connection: Connection, job: str) -> RowMapping | None:
    """Return the newest execution of a job that has ended, however it did, or None."""
    return _newest(connection, jobs.c.job == job, jobs.c.finished_at.is_not(None))


def succeeded(connection: Connection, job: str) -> RowMapping | None:
    """Return the newest execution of a job that succeeded, or None."""
    return _newest(connection, jobs.c.job == job, jobs.c.outcome == JobOutcome.SUCCEEDED)


def _newest(connection: Connection, *conditions: Any) -> RowMapping | None:
    return connection.execute(select(jobs).where(*conditions).order_by(jobs.c.id.desc()).limit(1)).mappings().one_or_none()


def recent(connection: Connection, *, limit: int = 20) -> Sequence[RowMapping]:
    """Return the newest executions first."""
    return connection.execute(select(jobs).order_by(jobs.c.id.desc()).limit(limit)).mappings().all()
