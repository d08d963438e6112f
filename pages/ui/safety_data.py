"""Reads of what is done for the safety of the data: jobs, and damaged files; cached and shared like those of `data.py`."""

from collections.abc import Mapping
from datetime import datetime

import engine.runtime
from engine.jobs import JOBS
from engine.jobs.timetable import due_at
from pages.ui.safety import Kept
from pages.ui.shared import shared
from pages.ui.views import DamageView, JobView
from storage import damage, jobs, marks, runners
from storage.marks import Mark

CALM, LIVE = 4.0, 1.0  # seconds a read may be old
NAMED = ("backup", "drill", "scrub", "tick_log")


@shared(seconds=CALM, entries=4)
def kept() -> Kept:
    """Return how backup, drill, scrub and tick log stand, and which files are damaged."""
    runtime = engine.runtime.runtime()
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        last = {name: _view(jobs.ended(connection, name)) for name in NAMED}
        good = {name: _view(jobs.succeeded(connection, name)) for name in NAMED}
        due = {name: due_at(connection, JOBS[name], runtime.settings, now=now) for name in NAMED}
        mark = marks.newest(connection)
        damaged = tuple(DamageView.of(row) for row in damage.known(connection))
        able = runners.alive_since(connection, at=now)
    backup = good["backup"]
    saved = backup is not None and Mark.of_json(backup.figures["mark"]).covers(mark)
    return Kept(last, good, due, damaged, saved=saved, every_minutes=runtime.settings.backup_minutes, alive_since=able)


def _view(row: object) -> JobView | None:
    return JobView.of(row) if isinstance(row, Mapping) else None


@shared(seconds=LIVE, entries=4)
def executions(*, limit: int = 20) -> tuple[JobView, ...]:
    """Return the newest executions of jobs first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(JobView.of(row) for row in jobs.recent(connection, limit=limit))


@shared(seconds=CALM, entries=4)
def upcoming() -> Mapping[str, datetime]:
    """Return when each job is due next that a clock asks for."""
    runtime = engine.runtime.runtime()
    with runtime.database.reading() as connection:
        found = {name: due_at(connection, job, runtime.settings, now=runtime.clock.now()) for name, job in JOBS.items()}
    return {name: at for name, at in found.items() if at is not None}
