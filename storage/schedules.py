"""Schedules and their ledger: one row an expected date, whatever happened to it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from storage.tables import Schedule, Slot
from storage.upsert import insert_of, upsert

schedules = Schedule.__table__
slots = Slot.__table__


def ensure(connection: Connection, pipeline: str, *, since: date) -> RowMapping:
    """Return the schedule of a pipeline; a new one's ledger begins at `since`."""
    insertion = insert_of(connection.dialect.name, schedules).values(pipeline=pipeline, since=since, paused=False)
    connection.execute(insertion.on_conflict_do_nothing())
    return one(connection, pipeline)


def one(connection: Connection, pipeline: str) -> RowMapping:
    """Return the schedule of a pipeline."""
    return connection.execute(select(schedules).where(schedules.c.pipeline == pipeline)).mappings().one()


def begins(connection: Connection, pipeline: str) -> date | None:
    """Return the first date that the schedule of a pipeline expected; None before a runner has opened its ledger."""
    return connection.execute(select(schedules.c.since).where(schedules.c.pipeline == pipeline)).scalar_one_or_none()


def every(connection: Connection) -> Sequence[RowMapping]:
    """Return all schedules."""
    return connection.execute(select(schedules).order_by(schedules.c.pipeline)).mappings().all()


def set_paused(connection: Connection, pipeline: str, *, paused: bool, by: str, at: datetime) -> None:
    """Pause or resume a schedule."""
    connection.execute(update(schedules).where(schedules.c.pipeline == pipeline).values(paused=paused, paused_by=by, paused_at=at))


def write_slots(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the ledger, new or changed."""
    upsert(connection, slots, rows, key=["pipeline", "day"])


def slots_between(connection: Connection, pipeline: str, since: date, until: date) -> Sequence[RowMapping]:
    """Return the ledger of a range of dates, oldest first."""
    query = select(slots).where(slots.c.pipeline == pipeline, slots.c.day.between(since, until)).order_by(slots.c.day)
    return connection.execute(query).mappings().all()


def last_day(connection: Connection, pipeline: str) -> date | None:
    """Return the newest date in the ledger, or None."""
    return connection.execute(select(func.max(slots.c.day)).where(slots.c.pipeline == pipeline)).scalar_one_or_none()
