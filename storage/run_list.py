"""Runs as a list that a person filters and pages through; every query walks an index in the order that is shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, or_, select

from storage.status import RunStatus
from storage.tables import DateState, Run

runs = Run.__table__
date_states = DateState.__table__

SHOWN = tuple(
    runs.c[name]
    for name in (
        "id",
        "pipeline",
        "partition",
        "run_type",
        "status",
        "verdict",
        "session_date",
        "outcome",
        "rows",
        "reason",
        "error_type",
        "error_message",
        "rerun_of",
        "backfill_id",
        "requested_by",
        "queued_at",
        "started_at",
        "finished_at",
        "duration_us",
        "simulated",
    )
)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are listed; with dates the list goes by date, otherwise by run, newest first in both."""

    pipeline: str
    statuses: tuple[RunStatus, ...] = ()
    since: date | None = None
    until: date | None = None
    backfill_id: int | None = None


def page(connection: Connection, chosen: RunFilter, *, before: int | None = None, limit: int = 50) -> Sequence[RowMapping]:
    """Return up to `limit` runs behind run `before` (the last one of the page above), newest first."""
    if chosen.since is None and chosen.until is None:
        return _by_run(connection, chosen, before=before, limit=limit)
    return _by_date(connection, chosen, before=before, limit=limit)


def _by_run(connection: Connection, chosen: RunFilter, *, before: int | None, limit: int) -> Sequence[RowMapping]:
    """One short walk of (..., status, id) a status, merged: an IN over statuses would sort every run there is."""
    query = select(*SHOWN).where(_whose(chosen)).order_by(runs.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(runs.c.id < before)
    walks = [_rows(connection, query.where(runs.c.status == status)) for status in chosen.statuses or tuple(RunStatus)]
    return list(islice(merge(*walks, key=lambda row: row["id"], reverse=True), limit))


def _by_date(connection: Connection, chosen: RunFilter, *, before: int | None, limit: int) -> Sequence[RowMapping]:
    """One walk of (pipeline or backfill, partition, id) inside the range."""
    query = select(*SHOWN).where(_whose(chosen))
    query = query.where(runs.c.partition.between(chosen.since or date.min, chosen.until or date.max))
    if chosen.statuses:
        query = query.where(runs.c.status.in_(chosen.statuses))
    if before is not None:
        edge = connection.execute(select(runs.c.partition).where(runs.c.id == before)).scalar_one_or_none()
        if edge is None:
            return []
        query = query.where(runs.c.partition <= edge, or_(runs.c.partition < edge, and_(runs.c.partition == edge, runs.c.id < before)))
    return list(_rows(connection, query.order_by(runs.c.partition.desc(), runs.c.id.desc()).limit(limit)))


def _whose(chosen: RunFilter) -> ColumnElement[bool]:
    """One index per question: the planner must not be free to prefer the other one."""
    return runs.c.pipeline == chosen.pipeline if chosen.backfill_id is None else runs.c.backfill_id == chosen.backfill_id


def _rows(connection: Connection, query: Select[Any]) -> Iterable[RowMapping]:
    return connection.execute(query).mappings().all()


def of_date(connection: Connection, pipeline: str, partition: date, *, limit: int = 50) -> Sequence[RowMapping]:
    """Return the runs of a date, newest first."""
    query = select(*SHOWN).where(runs.c.pipeline == pipeline, runs.c.partition == partition)
    return connection.execute(query.order_by(runs.c.id.desc()).limit(limit)).mappings().all()


def by_ids(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    """Return these runs as they are now, in the order of `ids`; those that do not exist are left out."""
    found = {row["id"]: row for row in connection.execute(select(*SHOWN).where(runs.c.id.in_(ids))).mappings()}
    return [found[run_id] for run_id in ids if run_id in found]


def newest_before(connection: Connection, pipeline: str, day: date) -> date | None:
    """Return the newest date before `day` that ever had a run, or None."""
    days = select(date_states.c.day).where(date_states.c.pipeline == pipeline, date_states.c.day < day)
    return connection.execute(days.order_by(date_states.c.day.desc()).limit(1)).scalar_one_or_none()


def span(connection: Connection, pipeline: str) -> tuple[date, date] | None:
    """Return the first and the last date that ever had a run, or None."""
    days = select(date_states.c.day).where(date_states.c.pipeline == pipeline).limit(1)
    first = connection.execute(days.order_by(date_states.c.day)).scalar_one_or_none()
    last = connection.execute(days.order_by(date_states.c.day.desc())).scalar_one_or_none()
    return None if first is None or last is None else (first, last)
