"""Every read of the pages, cached for a few seconds and shared by all visitors; nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pyarrow as pa

import engine.runtime
from engine import circuits
from engine.circuits import CircuitReport
from engine.clock import nepal_date
from engine.errors import SourceError
from engine.market.calendar import TradingCalendar
from engine.monitoring.deadlines import Deadline
from engine.monitoring.freshness import begins
from engine.pipeline import history, ledger
from engine.pipeline.graph import Pipeline
from engine.pipelines import PIPELINES
from engine.pipelines.behind import held_up
from engine.settings import Settings
from engine.sources.source import Source
from pages.ui import drift_link, safety_data
from pages.ui.health import Facts, Health, weigh
from pages.ui.safety import problems
from pages.ui.shared import shared
from pages.ui.views import (
    AttemptView,
    BackfillView,
    EventView,
    LogView,
    Machine,
    RunDetail,
    RunView,
    ScheduleView,
    SlotView,
    StageView,
    TileView,
)
from pages.ui.waiting_data import held, waiting
from storage import backfills as stored_backfills
from storage import dates, metrics, monitoring, run_list, runners, runs, schedules
from storage import sessions as stored_sessions
from storage.database import free_bytes
from storage.dates import DateVerdict
from storage.run_list import RunFilter
from storage.status import BackfillState, ProcessKind, RunStatus, Verdict

STARTS_WITHIN = timedelta(seconds=20)  # a runner, on a slow machine; one that is silent for longer is not starting
LIVE, CALM = 1.0, 4.0  # seconds a read may be old: on a part that moves, and elsewhere
IDLE = 5.0  # seconds between two looks while nothing runs


def now() -> datetime:
    """Return the current instant, in UTC."""
    return engine.runtime.runtime().clock.now()


def today() -> date:
    """Return today's date in Nepal."""
    return nepal_date(now())


def settings() -> Settings:
    """Return the settings of this process."""
    return engine.runtime.runtime().settings


def simulated() -> bool:
    """Say whether the data are made up, which every page then says."""
    return engine.runtime.runtime().simulated


def pipelines() -> Mapping[str, Pipeline]:
    """Return every declared pipeline by its name."""
    return PIPELINES


def first_pipeline() -> Pipeline:
    """Return the pipeline that a page shows when none was chosen."""
    return next(iter(PIPELINES.values()))


@shared(seconds=LIVE, entries=10)
def last_runs(pipeline: str, *, limit: int = 8) -> tuple[RunView, ...]:
    """Return the newest runs of a pipeline, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        newest = [row["id"] for row in run_list.page(connection, RunFilter(pipeline), limit=limit)]
        return tuple(RunView.of(row) for row in runs.by_ids(connection, newest))


@shared(seconds=LIVE, entries=200)
def run(run_id: int) -> RunDetail | None:
    """Return a run with its stages, failed tries and events, or None."""
    with engine.runtime.runtime().database.reading() as connection:
        row = runs.one(connection, run_id)
        if row is None:
            return None
        return RunDetail(
            run=RunView.of(row),
            stages=tuple(StageView.of(stage) for stage in runs.stages_of(connection, run_id)),
            attempts=tuple(AttemptView.of(attempt) for attempt in runs.attempts_of(connection, run_id)),
            events=tuple(EventView.of(event) for event in runs.events_of(connection, run_id)),
        )


@shared(seconds=LIVE, entries=100)
def run_log(run_id: int, *, after: int = 0) -> tuple[LogView, ...]:
    """Return the log lines of a run behind line `after`, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(LogView.of(line) for line in runs.log_of(connection, run_id, after=after))


@shared(seconds=CALM, entries=50)
def waiting_runs(pipeline: str, *, limit: int = 5) -> tuple[RunView, ...]:
    """Return queued runs that have looked for their file at least once, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        queued = runs.recent(connection, pipeline=pipeline, statuses=(RunStatus.QUEUED,), limit=50)
    return tuple(RunView.of(row) for row in queued if row["waits"])[:limit]


@shared(seconds=CALM, entries=50)
def verdicts(pipeline: str, since: date, until: date) -> tuple[DateVerdict, ...]:
    """Return what is known of each calendar date of a range, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(dates.verdicts(connection, pipeline, since, until))


@shared(seconds=CALM, entries=10)
def newest_session() -> date | None:
    """Return the newest accepted session, or None while there is none."""
    with engine.runtime.runtime().database.reading() as connection:
        row = stored_sessions.last_before(connection, today() + timedelta(days=1))
        return None if row is None else row["session"]


@shared(seconds=LIVE, entries=4)
def machine() -> Machine:
    """Return the runners' signs of life and the length of the queue."""
    with engine.runtime.runtime().database.reading() as connection:
        unstopped = [row for row in runners.unstopped(connection) if row["kind"] == ProcessKind.RUNNER]
        counts = runs.queue_counts(connection)
    alive = sum(now() - row["heartbeat_at"] <= runners.ALIVE_WITHIN for row in unstopped)
    opened_at = engine.runtime.runtime().opened_at
    return Machine(
        heartbeat_at=unstopped[0]["heartbeat_at"] if unstopped else None,
        runners=len(unstopped),
        alive=alive,
        starting=not alive and settings().runner == "embedded" and opened_at is not None and now() - opened_at < STARTS_WITHIN,
        queued=counts.get(RunStatus.QUEUED, 0),
        running=counts.get(RunStatus.RUNNING, 0),
    )


@shared(seconds=LIVE, entries=4)
def circuit() -> CircuitReport:
    """Return how the circuit of the source stands."""
    return circuits.report(engine.runtime.runtime())


def failed_of(backfill: BackfillView | None) -> tuple[TileView, ...]:
    """Return the dates that a backfill could not do so far, by date; a date without a file is missing and has not failed."""
    return tuple(
        tile
        for tile in (() if backfill is None else tiles(backfill.id))
        if tile.status is RunStatus.CRASHED or (tile.status is RunStatus.FAILED and tile.verdict is not Verdict.MISSING)
    )


@shared(seconds=CALM, entries=1)
def free_space() -> int:
    """Return the bytes that are free on the disk of the home."""
    return free_bytes(settings().home)


def pace(at_work: float) -> float:
    """Return every how many seconds a part shall draw itself anew: `at_work` while runs are on their way, rarely while nothing moves."""
    known = machine()
    return at_work if known.running or known.queued or open_backfill() is not None else IDLE


@shared(seconds=CALM, entries=20)
def daily_counts(pipeline: str, *, days: int = 30) -> Mapping[tuple[date, str], int]:
    """Return how many runs ended in the last days, by (Nepal date, status)."""
    until = today()
    with engine.runtime.runtime().database.reading() as connection:
        rows = runs.daily_between(connection, pipeline, until - timedelta(days=days - 1), until)
    return {(row["day"], row["status"]): row["runs"] for row in rows}


def success(pipeline: str) -> tuple[int, int]:
    """Return how many runs of the last 30 days succeeded and how many failed."""
    counts = daily_counts(pipeline)
    good = sum(number for (_, status), number in counts.items() if status == RunStatus.SUCCEEDED)
    return good, sum(number for (_, status), number in counts.items() if status in (RunStatus.FAILED, RunStatus.CRASHED))


@shared(seconds=CALM, entries=20)
def took(pipeline: str, *, limit: int = 200) -> pa.Table:
    """Return how long the newest succeeded runs took, oldest first: columns `id, partition, duration_us`."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = monitoring.took(connection, pipeline, limit=limit)
    return pa.table({name: [row[name] for row in rows] for name in ("id", "partition", "duration_us")})


def durations(pipeline: str) -> tuple[int, ...]:
    """Return how long the newest succeeded runs took (microseconds), oldest first."""
    return tuple(took(pipeline)["duration_us"].to_pylist())


@shared(seconds=CALM, entries=100)
def metrics_of(run_id: int) -> pa.Table:
    """Return what a run measured: columns `stage, name, unit, value`."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = metrics.of_run(connection, run_id)
    return pa.table({name: [row[name] for row in rows] for name in ("stage", "name", "unit", "value")})


@shared(seconds=CALM, entries=20)
def schedule(pipeline: str) -> ScheduleView | None:
    """Return whether the schedule of a pipeline is paused; None before a runner has opened its ledger."""
    with engine.runtime.runtime().database.reading() as connection:
        known = {row["pipeline"]: row for row in schedules.every(connection)}
    return ScheduleView.of(known[pipeline]) if pipeline in known else None


@shared(seconds=CALM, entries=20)
def slots(pipeline: str, since: date, until: date) -> tuple[SlotView, ...]:
    """Return the ledger of a range of dates, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        known = history.entries(connection, PIPELINES[pipeline], calendar(), since, until, now=now())
    return tuple(SlotView(entry.day, entry.due_at, entry.outcome, entry.reason, entry.run_id) for entry in reversed(known))


@shared(seconds=CALM, entries=10)
def backfills(*, limit: int = 10) -> tuple[BackfillView, ...]:
    """Return the newest backfills first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(BackfillView.of(row) for row in stored_backfills.recent(connection, limit=limit))


@shared(seconds=CALM, entries=10)
def failures(ids: tuple[int, ...]) -> Mapping[int, int]:
    """Return how many dates each of these backfills could not do."""
    with engine.runtime.runtime().database.reading() as connection:
        return stored_backfills.failures(connection, ids)


@shared(seconds=LIVE, entries=10)
def open_backfill() -> BackfillView | None:
    """Return the newest backfill that has not ended, or None."""
    ended = (BackfillState.DONE, BackfillState.CANCELLED)
    with engine.runtime.runtime().database.reading() as connection:
        known = (BackfillView.of(row) for row in stored_backfills.recent(connection, limit=10))
        return next((backfill for backfill in known if backfill.state not in ended), None)


@shared(seconds=LIVE, entries=1)
def waiting_sessions() -> tuple[int, date | None, str | None]:
    """Return how many sessions wait for their features, since an earlier one has come, the first of them, and what holds them up."""
    with engine.runtime.runtime().database.reading() as connection:
        found = stored_sessions.behind(connection)
        return found["sessions"], found["first"], held_up(connection)


@shared(seconds=LIVE, entries=10)
def tiles(backfill_id: int) -> tuple[TileView, ...]:
    """Return one small value a run of a backfill, by date."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(TileView.of(row) for row in stored_backfills.tiles(connection, backfill_id))


@dataclass(frozen=True, slots=True)
class SourceView:
    """What the source says of itself; what it said last while it cannot be asked, and why it cannot."""

    span: tuple[date, date] | None = None
    calendar: TradingCalendar = field(default_factory=TradingCalendar)
    trouble: str | None = None


_said_last: list[tuple[Source, SourceView]] = []


@shared(seconds=CALM, entries=1)
def source() -> SourceView:
    """Return what the source knows: its first and last date, and the exchange's calendar."""
    asked = engine.runtime.runtime().source
    try:
        view = SourceView(asked.span(), TradingCalendar(asked.reference().calendar))
    except SourceError as error:
        known = next((view for one, view in _said_last if one is asked), SourceView())
        return replace(known, trouble=str(error))
    _said_last[:] = [(asked, view)]
    return view


def calendar() -> TradingCalendar:
    """Return the exchange's calendar as the source knows it."""
    return source().calendar


def source_span() -> tuple[date, date] | None:
    """Return the first and last date that the source holds a file of, or None while it is empty."""
    return source().span


def next_slots(pipeline: Pipeline, *, number: int = 5) -> Sequence[datetime]:
    """Return the next instants at which a pipeline is due, soonest first; none for a pipeline without a schedule."""
    return ledger.next_slots(pipeline, calendar(), now(), count=number)


def health(pipeline: Pipeline, *, overdue: Sequence[Deadline] = ()) -> Health:
    """Return what is wrong with a pipeline right now, weighed from the cached reads above and the sessions past their deadline."""
    day, newest = today(), newest_session()
    since = begins(day, newest)
    return weigh(
        Facts(
            pipeline=pipeline.name,
            now=now(),
            today=day,
            calendar=calendar(),
            due=pipeline.due,
            verdicts=verdicts(pipeline.name, since, day),
            slots=slots(pipeline.name, since, day),
            newest_session=newest,
            source_span=source_span(),
            machine=machine(),
            schedule=schedule(pipeline.name),
            backfill=open_backfill(),
            backfill_failed=failed_of(open_backfill()),
            waiting=waiting_runs(pipeline.name),
            circuit=circuit(),
            source_trouble=source().trouble,
            free_bytes=free_space(),
            embedded=settings().runner == "embedded",
            letters=waiting(pipeline.name),
            held=held(pipeline.name),
            safety=problems(safety_data.kept(), now=now()),
            overdue=overdue,
            drift=drift_link.problems(),
        )
    )
