"""Reads what monitoring needs: statistics of a pipeline's runs, its deadlines, and any measured series over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from engine.clock import nepal_date
from engine.market.calendar import TradingCalendar
from engine.monitoring.deadlines import WINDOW, Deadline, Expected, judged
from engine.monitoring.statistics import EndedRun, RunStatistics, percentile, statistics_of
from engine.pipeline.graph import Pipeline
from engine.pipeline.history import entries
from engine.pipelines import PIPELINES
from engine.thresholds import Thresholds
from storage import metrics, monitoring, moves, runs
from storage.status import RunStatus, SlotOutcome

MEASURED = (*PIPELINES, moves.STREAM)  # of what there are statistics
NEWEST = 200  # runs that the statistics are made of
LOOK_BACK = timedelta(days=2 * WINDOW)  # calendar days that hold the window's sessions
STAGE_UNITS = {  # columns of a stage, as series: their name, unit, and what one of the unit is
    "duration_us": ("duration_seconds", "s", 1e-6),
    "cpu_us": ("cpu_seconds", "s", 1e-6),
    "peak_memory_bytes": ("peak_memory", "B", 1.0),
    "bytes_read": ("read", "B", 1.0),
    "bytes_written": ("written", "B", 1.0),
    "rows_in": ("rows_in", "rows", 1.0),
    "rows_out": ("rows_out", "rows", 1.0),
}
_NOT_PROMISED = (SlotOutcome.HOLIDAY, SlotOutcome.BACKFILLED, SlotOutcome.NOT_DUE)


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One thing that is measured again with each run; `stage` is empty for a measure of the whole run."""

    stage: str
    name: str
    unit: str


def statistics(connection: Connection, pipeline: str, *, limit: int = NEWEST) -> RunStatistics:
    """Return the statistics of the newest runs of a pipeline."""
    return statistics_of([_ended(row) for row in monitoring.ended(connection, pipeline, limit=limit)])


def deadlines(
    connection: Connection,
    pipeline: Pipeline,
    calendar: TradingCalendar,
    thresholds: Thresholds,
    *,
    now: datetime,
    since: date | None = None,
) -> list[Deadline]:
    """Return the deadline of each session that the schedule promised, newest first; none of a pipeline without a schedule.

    What a backfill brought in was promised to nobody.
    """
    if pipeline.due is None:
        return []
    today = nepal_date(now)
    begin = since or today - LOOK_BACK
    loaded = monitoring.first_loaded(connection, pipeline.name, begin, today)
    took = [took for took in runs.durations(connection, pipeline.name) if took is not None]
    worst = percentile(took, 0.95)
    takes = None if worst is None else timedelta(microseconds=worst)
    promised = [one for one in entries(connection, pipeline, calendar, begin, today, now=now) if one.outcome not in _NOT_PROMISED]
    found = [
        Expected(one.day, one.due_at, one.outcome, one.reason, loaded.get(one.day), one.run_id)
        for one in promised
        if one.due_at is not None
    ]
    return [judged(one, thresholds, now=now, takes=takes) for one in reversed(found)]


def series(connection: Connection, pipeline: str) -> Sequence[Series]:
    """Return everything that is measured of a pipeline: of each stage what it used, and what stages and runs have recorded.

    The stream has no stages: its sessions record what they come to.
    """
    stages = PIPELINES[pipeline].order if pipeline in PIPELINES else ()
    used = [Series(stage.name, name, unit) for stage in stages for name, unit, _ in STAGE_UNITS.values()]
    known = metrics.names(connection)
    recorded = [Series(stage, name, unit) for (of, stage, name), unit in known.items() if of == pipeline]
    return sorted({*used, *recorded})


def values(connection: Connection, pipeline: str, wanted: Series, *, limit: int = NEWEST) -> list[Mapping[str, Any]]:
    """Return the newest values of a series, oldest first: `at`, `run_id`, `value` in the unit of the series."""
    staged = pipeline in PIPELINES and wanted.stage
    column = next((column for column, (name, *_) in STAGE_UNITS.items() if staged and name == wanted.name), None)
    if column is None:
        return [dict(row) for row in metrics.newest(connection, pipeline, wanted.stage, wanted.name, limit=limit)]
    one = STAGE_UNITS[column][2]
    rows = monitoring.stages_of_newest(connection, pipeline, wanted.stage, limit=limit)
    return [{"at": row["at"], "run_id": row["run_id"], "value": row[column] * one} for row in rows if row[column] is not None]


def _ended(row: RowMapping) -> EndedRun:
    return EndedRun(
        id=row["id"],
        partition=row["partition"],
        status=RunStatus(row["status"]),
        finished_at=row["finished_at"],
        seconds=(row["duration_us"] or 0) / 1e6,
        cpu_seconds=(row["cpu_us"] or 0) / 1e6,
        rows=row["rows"] or 0,
    )
