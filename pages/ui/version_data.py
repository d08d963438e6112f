"""Reads of the Rebuild page: versions of past sessions, and how one compares with what is or was served."""

from dataclasses import dataclass
from datetime import date

import engine.runtime
from engine.jobs import JOBS
from engine.stream import version_list
from engine.stream.version_diff import Compared
from engine.stream.version_list import Version
from engine.stream.versions import comparison
from pages.ui import data
from pages.ui.shared import shared
from storage import jobs, speed_layer
from storage.status import JobOutcome, VersionState

MOST = 30  # versions that are listed
_MOST_SESSIONS = 500


@dataclass(frozen=True, slots=True)
class Over:
    """A session of the stream that has come to its end."""

    session: date
    records: int
    version: int | None  # that is served of it


@shared(seconds=data.LIVE, entries=4)
def versions() -> tuple[Version, ...]:
    """Return the newest versions first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(version_list.listed(connection, limit=MOST))


@shared(seconds=data.LIVE, entries=20)
def left(version: int) -> bool:
    """Say whether a version waits to be built and no job will do it."""
    with engine.runtime.runtime().database.reading() as connection:
        return version_list.is_left(connection, version_list.one(connection, version))


@shared(seconds=data.LIVE, entries=2)
def other_job() -> str | None:
    """Return the job that runs now, where it is another than that which builds versions: one runs at a time."""
    with engine.runtime.runtime().database.reading() as connection:
        running = [row["job"] for row in jobs.unfinished(connection) if row["outcome"] == JobOutcome.RUNNING]
    return next((JOBS[name].title for name in running if name in JOBS and name != version_list.JOB), None)


@shared(seconds=data.CALM, entries=2)
def over() -> tuple[Over, ...]:
    """Return the sessions of the stream that are over, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = speed_layer.recent(connection, limit=_MOST_SESSIONS)
    ended = [Over(row["session"], row["records"], row["version"]) for row in rows if row["ended_at"] is not None]
    return tuple(sorted(ended, key=lambda one: one.session, reverse=True))


@shared(seconds=60.0, entries=8)
def compared(version: int, session: date, _state: VersionState) -> Compared:
    """Return every difference of a session; `UnknownName` where the version holds nothing of it."""
    with engine.runtime.runtime().database.reading() as connection:
        return comparison(connection, version, session)
