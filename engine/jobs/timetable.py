"""When each job is due: computed from its executions and the clock, so that nothing depends on a timer that fired."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from engine.clock import nepal_date, nepal_time
from engine.jobs.catalogue import JOBS, Job
from engine.pipelines import PIPELINES
from engine.settings import Settings
from storage import jobs as executions
from storage import marks, moves, runners, runs, tick_log
from storage.marks import Mark
from storage.moves import STREAM
from storage.status import JobOutcome
from storage.tables import Run

RETRY = timedelta(minutes=5)  # after a backup that failed
_SEQUENTIAL = tuple(name for name, pipeline in PIPELINES.items() if pipeline.sequential)  # those whose runs bring sessions
BY_CLOCK = "clock"  # who asked
_runs = Run.__table__
_first_run = select(_runs.c.queued_at).where(_runs.c.id == select(func.min(_runs.c.id)).scalar_subquery())


def due_at(connection: Connection, job: Job, settings: Settings, *, now: datetime) -> datetime | None:
    """Return when a job is due next (or since when it has been), or None when no clock asks for it."""
    if job.follows is not None:
        return _follows(connection, job, job.follows, now=now)
    by_clock = (job.nightly is not None and (job.when is None or job.when(connection))) or (job.often and settings.backup_minutes)
    lacks_backup = job.needs_backup and executions.succeeded(connection, "backup") is None
    if not by_clock or lacks_backup or (job.needs_ticks and not tick_log.known(connection, STREAM)):
        return None
    last = executions.ended(connection, job.name)
    base: datetime | None = last["requested_at"] if last is not None else connection.execute(_first_run).scalar_one_or_none()
    if base is None:
        return None  # a home in which nothing has ever run
    if base > now:
        return now  # the clock was set back: better once too often
    if job.nightly is not None:
        return _next_night(base, job.nightly)
    every = timedelta(minutes=settings.backup_minutes)
    failed = last is not None and last["outcome"] == JobOutcome.FAILED
    return base + (min(RETRY, every) if failed else every)


def _follows(connection: Connection, job: Job, wanted: Callable[[Connection], bool], *, now: datetime) -> datetime | None:
    """Return now, or a while after a failure, where there is something to do for a job that follows runs and no run is on its way."""
    if not wanted(connection) or moves.claimable(connection, at=now, sequential=_SEQUENTIAL) or _busy(connection):
        return None
    last = executions.ended(connection, job.name)
    failed = last is not None and last["outcome"] == JobOutcome.FAILED and last["finished_at"] is not None
    return last["finished_at"] + RETRY if last is not None and failed else now


def _busy(connection: Connection) -> bool:
    return any(row["pipeline"] in _SEQUENTIAL for row in runs.running(connection))


def _next_night(after: datetime, hour: int) -> datetime:
    day = nepal_date(after)
    tonight = nepal_time(day, hour)
    return tonight if tonight > after else nepal_time(day + timedelta(days=1), hour)


def due(connection: Connection, settings: Settings, *, now: datetime) -> list[str]:
    """Return the jobs that are to be done now."""
    found = []
    for job in JOBS.values():
        at = due_at(connection, job, settings, now=now)
        if at is not None and at <= now and not (job.often and saved(connection)):
            found.append(job.name)
    return found


def saved(connection: Connection) -> bool:
    """Say whether the newest backup holds everything that was written."""
    last = executions.succeeded(connection, "backup")
    return last is not None and covers(last["figures"], marks.newest(connection))


def covers(figures: Mapping[str, Any], now: Mark) -> bool:
    """Say whether a backup of these figures is still there and holds everything up to a mark."""
    return Mark.of_json(figures["mark"]).covers(now) and Path(figures["backup"]).is_dir()


def overdue(connection: Connection, settings: Settings, *, now: datetime) -> timedelta:
    """Return for how long a backup has been due that would hold something new: nothing where all is saved, or no clock asks for one.

    It is due one interval after the last good one, and no sooner than there is something to save, for nobody waits for a backup of
    nothing, or than the runner is there that is alive: where the machine was off, it makes the backup within seconds of its start.
    """
    last = executions.succeeded(connection, "backup")
    base: datetime | None = last["requested_at"] if last is not None else connection.execute(_first_run).scalar_one_or_none()
    if not settings.backup_minutes or base is None or saved(connection):
        return timedelta()
    written = marks.first_behind(connection, None if last is None else Mark.of_json(last["figures"]["mark"]))
    able = runners.alive_since(connection, at=now)
    due = max(base + timedelta(minutes=settings.backup_minutes), written or base, able or base)
    return max(now - due, timedelta())
