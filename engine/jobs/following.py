"""Jobs as the command line sees them: the list, and one that is asked for and waited for."""

from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping

from engine.jobs.catalogue import JOBS
from engine.jobs.keeper import Keeper
from engine.jobs.timetable import due_at
from engine.jobs.worker import Worker
from engine.runtime import Runtime
from engine.waiting import wait_until
from storage import jobs

GLANCE = 0.1  # seconds between two looks while another job runs
_TOLD = ("id", "job", "outcome", "requested_by", "requested_at", "started_at", "finished_at", "attempts", "message", "figures")


def work(runtime: Runtime) -> None:
    """Do what is queued."""
    Worker(runtime).serve()


def listed(runtime: Runtime, *, limit: int) -> list[dict[str, Any]]:
    """Return the newest executions first."""
    with runtime.database.reading() as connection:
        return [_plain(row) for row in jobs.recent(connection, limit=limit)]


def upcoming(runtime: Runtime) -> dict[str, Any]:
    """Return when each job is due, by name; None for those that no clock asks for."""
    with runtime.database.reading() as connection:
        return {job.name: due_at(connection, job, runtime.settings, now=runtime.clock.now()) for job in JOBS.values()}


def followed(runtime: Runtime, run_id: int, *, timeout: timedelta | None = None) -> dict[str, Any]:
    """Do one execution in this process, or wait for the process that has it, at most so long; return how it ended or stands."""
    worker, keeper = Worker(runtime), Keeper(runtime)

    def over() -> bool:
        if not worker.serve(only=run_id):
            keeper.rescue()  # what stands in the way may have died, and no runner need be alive
        with runtime.database.reading() as connection:
            return jobs.one(connection, run_id)["outcome"] not in jobs.OPEN

    wait_until(over, timeout=timeout, glance=GLANCE)
    with runtime.database.reading() as connection:
        return _plain(jobs.one(connection, run_id))


def _plain(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in _TOLD}
