"""What a backfill would do, before it does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from sqlalchemy import RowMapping

from engine.errors import FileUnsettled, SourceUnavailable
from engine.pipeline.graph import Pipeline
from engine.pipelines.carry import GOLD
from engine.runtime import Runtime
from storage import monitoring, runs, sessions
from storage.dates import DateVerdict, verdicts
from storage.status import ACTIVE, BackfillMode, RunStatus, Verdict

MEASURED = 200  # newest runs that say how long it takes
OWN = 2  # files of a session's own in stage gold: its features, and the state of its week


@dataclass(frozen=True, slots=True)
class PlannedDate:
    """One date of the range, whether the backfill takes it, and why."""

    day: date
    take: bool
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The dates of a backfill, how many later sessions change with them, and the seconds all that would last by past runs.

    The seconds are None where nothing was measured yet.
    """

    pipeline: str
    since: date
    until: date
    mode: BackfillMode
    dates: tuple[PlannedDate, ...]
    seconds: float | None
    carried: int = 0

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
        accepted = [row["session"] for row in sessions.between(connection, since, date.max)]
        a_session = _carry_seconds(monitoring.files_of_newest(connection, pipeline.name, GOLD, limit=MEASURED))
    dates = tuple(_planned(runtime, item, states.get(item.day), mode) for item in known)
    taken = [item.day for item in dates if item.take]
    carried = len({session for session in accepted if taken and session > taken[0]}.difference(taken))
    seconds = median(durations) / 1e6 * len(taken) + a_session * carried if durations else None
    return Plan(pipeline.name, since, until, mode, dates, seconds, carried)


def _carry_seconds(stages: Sequence[Mapping[Any, Any]]) -> float:
    """Return what it takes to carry one session: by the stages that carried some if there are any, else by those that made one."""
    files = [(row["duration_us"], row["puts"]) for row in stages if row["puts"]]
    carries = [(took, puts) for took, puts in files if puts > OWN] or files
    return median(took / puts for took, puts in carries) / 1e6 if carries else 0.0


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
