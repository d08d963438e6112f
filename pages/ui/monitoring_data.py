"""What the Service levels and Logs pages read: statistics, deadlines, measured series, log lines."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

import engine.runtime
from engine.monitoring import history
from engine.monitoring.deadlines import Budget, Deadline, DeadlineState, budget
from engine.monitoring.history import Series
from engine.monitoring.statistics import RunStatistics
from engine.pipelines import PIPELINES
from engine.pipelines.thresholds import load
from pages.ui import data
from pages.ui.shared import shared
from storage import log_search, monitoring, thresholds
from storage.log_search import LogFilter


@dataclass(frozen=True, slots=True)
class LogLineView:
    """One log line with the run it is of."""

    id: int
    at: datetime
    level: str
    pipeline: str
    partition: date
    run_id: int
    stage: str | None
    event: str
    fields: str  # as `name=value`, one after the other


@dataclass(frozen=True, slots=True)
class LogPageView:
    """Lines that were found, newest first; where to go on; how many lines were read."""

    lines: tuple[LogLineView, ...]
    before: int | None
    looked: int


@shared(seconds=data.CALM, entries=4)
def statistics(pipeline: str) -> RunStatistics:
    """Return what the newest runs of a pipeline come to."""
    with engine.runtime.runtime().database.reading() as connection:
        return history.statistics(connection, pipeline)


@shared(seconds=data.CALM, entries=4)
def deadlines(pipeline: str) -> tuple[tuple[Deadline, ...], Budget]:
    """Return the deadlines of a pipeline's sessions, newest first, and the error budget; nothing of the stream, which is not scheduled."""
    if pipeline not in PIPELINES:
        return (), Budget(0, 0, 1.0)
    with engine.runtime.runtime().database.reading() as connection:
        limits = load(connection, thresholds.version(connection))
        known = history.deadlines(connection, PIPELINES[pipeline], data.calendar(), limits, now=data.now())
    return tuple(known), budget(known, limits)


def overdue(pipeline: str) -> tuple[Deadline, ...]:
    """Return the sessions that are past their deadline and may still come; what is a day behind it has not come at all."""
    known, _ = deadlines(pipeline)
    return tuple(one for one in known if one.state is DeadlineState.LATE and one.loaded_at is None)


@shared(seconds=data.CALM, entries=4)
def series(pipeline: str) -> tuple[Series, ...]:
    """Return everything that is measured of a pipeline."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(history.series(connection, pipeline))


@shared(seconds=data.CALM, entries=40)
def values(pipeline: str, wanted: Series) -> pa.Table:
    """Return the newest values of a series, oldest first: columns `run_id, partition, value`."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = history.values(connection, pipeline, wanted)
        days = monitoring.partitions(connection, [row["run_id"] for row in rows])
    columns = {name: [row[name] for row in rows] for name in ("run_id", "value")}
    return pa.table(columns | {"partition": [days[number] for number in columns["run_id"]]})


@shared(seconds=data.LIVE, entries=40)
def log_page(wanted: LogFilter, *, before: int | None = None, limit: int = 100) -> LogPageView:
    """Return log lines that match, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        found = log_search.search(connection, wanted, before=before, limit=limit)
    return LogPageView(tuple(_line(row) for row in found.lines), found.before, found.looked)


def _line(row: Any) -> LogLineView:
    fields = " ".join(f"{name}={value}" for name, value in (row["fields"] or {}).items() if value is not None)
    names = ("id", "at", "level", "pipeline", "partition", "run_id", "stage", "event")
    return LogLineView(**{name: row[name] for name in names}, fields=fields)
