"""What a backfill would do, before it does it."""

from dataclasses import dataclass
from datetime import date
from statistics import median

from sqlalchemy import RowMapping

from engine.errors import FileUnsettled, SourceUnavailable
from engine.pipeline.graph import Pipeline
from engine.runtime import Runtime
from storage import runs
from storage.dates import DateVerdict, verdicts
from storage.status import ACTIVE, BackfillMode, RunStatus, Verdict


@dataclass(frozen=True, slots=True)
class PlannedDate:
    """One date of the range, whether the backfill takes it, and why."""

    day: date
    take: bool
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The dates of a backfill and the seconds it would last by past runs; None where nothing was measured yet."""

    pipeline: str
    since: date
    until: date
    mode: BackfillMode
    dates: tuple[PlannedDate, ...]
    seconds: float | None

    @property
    def taken(self) -> tuple[PlannedDate, ...]:
        """The dates that the backfill would run."""
        return tuple(item for item in self.dates if item.take)


def plan(runtime: Runtime, pipeline: Pipeline, since: date, until: date, *, mode: BackfillMode) -> Plan:
    """Plan a backfill of `since` to `until`, both included."""
    with runtime.database.reading() as connection:
        known = verdicts(connection, pipeline.name, since, until)
        states = {row["day"]: row for row in runs.states_between(connection, pipeline.name, since, until)}
        durations = runs.durations(connection, pipeline.name)
    dates = tuple(_planned(runtime, item, states.get(item.day), mode) for item in known)
    taken = sum(item.take for item in dates)
    return Plan(pipeline.name, since, until, mode, dates, median(durations) / 1e6 * taken if durations else None)


def _planned(runtime: Runtime, known: DateVerdict, state: RowMapping | None, mode: BackfillMode) -> PlannedDate:
    if known.status in ACTIVE:
        return PlannedDate(known.day, take=False, why=f"run {known.run_id} is {known.status} already")
    if mode is BackfillMode.ALL:
        return PlannedDate(known.day, take=True, why="every date was asked for")
    failed = known.verdict is Verdict.FAILED or known.status in (RunStatus.FAILED, RunStatus.CRASHED)
    if mode is BackfillMode.FAILED:
        return PlannedDate(known.day, take=failed, why=known.reason)
    if failed or known.verdict is Verdict.MISSING:
        return PlannedDate(known.day, take=True, why=known.reason)
    changed = _changed(runtime, known.day, state)
    return PlannedDate(known.day, take=changed is not None, why=changed or f"has its verdict: {known.verdict.value.replace('_', ' ')}")


def _changed(runtime: Runtime, day: date, state: RowMapping | None) -> str | None:
    """Return why a date with a verdict is worth another look: its file is another than its newest run took, or has come only now."""
    try:
        file = runtime.source.daily_file(day)
    except (SourceUnavailable, FileUnsettled):
        return "the source did not say whether its file has changed"
    if file is None or file.sha256 == (state["source_sha256"] if state else None):
        return None
    return "the source's file has changed since it was loaded"
