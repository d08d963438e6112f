"""Every read of the pages, cached for a few seconds and shared by all visitors; nothing here writes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import pandas as pd
import streamlit as st

import engine.runtime
from engine.clock import NEPAL, nepal_date, nepal_time
from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import Pipeline
from engine.pipelines import PIPELINES
from engine.settings import Settings
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
from storage import backfills as stored_backfills
from storage import dates, metrics, runners, runs, schedules
from storage import sessions as stored_sessions
from storage.dates import DateVerdict
from storage.status import BackfillState, RunStatus

LIVE, CALM = 1.0, 4.0  # seconds a read may be old: on a part that moves, and elsewhere
ALIVE_WITHIN = timedelta(seconds=10)
RUN_COLUMNS = (
    "id", "partition", "status", "verdict", "outcome", "reason", "rows", "run_type", "session_date", "queued_at", "started_at",
    "finished_at", "duration_us", "requested_by", "rerun_of", "backfill_id", "waits", "error_stage", "error_message",
)  # fmt: skip
_INSTANTS = ("queued_at", "started_at", "finished_at")
_COUNTS = ("rows", "duration_us", "rerun_of", "backfill_id", "waits")


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


@st.cache_data(ttl=CALM, max_entries=200, show_spinner=False)
def recent_runs(
    pipeline: str | None = None,
    *,
    statuses: tuple[str, ...] = (),
    partition: date | None = None,
    backfill_id: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> pd.DataFrame:
    """Return the newest runs first, one row each with `RUN_COLUMNS`; instants are in Nepal time."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = runs.recent(
            connection,
            pipeline=pipeline,
            statuses=statuses,
            partition=partition,
            backfill_id=backfill_id,
            before_id=before_id,
            limit=limit,
        )
    frame = pd.DataFrame([[row[name] for name in RUN_COLUMNS] for row in rows], columns=list(RUN_COLUMNS))
    # A column that holds nothing but None would be of no type at all.
    times = {name: pd.to_datetime(frame[name], utc=True).dt.tz_convert(NEPAL) for name in _INSTANTS}
    return frame.assign(**times).astype(dict.fromkeys(_COUNTS, "Int64"))


@st.cache_data(ttl=LIVE, max_entries=200, show_spinner=False)
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


@st.cache_data(ttl=LIVE, max_entries=100, show_spinner=False)
def run_log(run_id: int, *, after: int = 0) -> tuple[LogView, ...]:
    """Return the log lines of a run behind line `after`, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(LogView.of(line) for line in runs.log_of(connection, run_id, after=after))


@st.cache_data(ttl=CALM, max_entries=100, show_spinner=False)
def runs_of_date(pipeline: str, day: date, *, limit: int = 20) -> tuple[RunView, ...]:
    """Return the runs of one date, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(RunView.of(row) for row in runs.recent(connection, pipeline=pipeline, partition=day, limit=limit))


@st.cache_data(ttl=CALM, max_entries=50, show_spinner=False)
def waiting_runs(pipeline: str, *, limit: int = 5) -> tuple[RunView, ...]:
    """Return queued runs that have looked for their file at least once, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        queued = runs.recent(connection, pipeline=pipeline, statuses=(RunStatus.QUEUED,), limit=50)
    return tuple(RunView.of(row) for row in queued if row["waits"])[:limit]


@st.cache_data(ttl=CALM, max_entries=50, show_spinner=False)
def verdicts(pipeline: str, since: date, until: date) -> tuple[DateVerdict, ...]:
    """Return what is known of each calendar date of a range, oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(dates.verdicts(connection, pipeline, since, until))


@st.cache_data(ttl=CALM, max_entries=10, show_spinner=False)
def newest_session() -> date | None:
    """Return the newest accepted session, or None while there is none."""
    with engine.runtime.runtime().database.reading() as connection:
        row = stored_sessions.last_before(connection, today(), inclusive=True)
        return None if row is None else row["session"]


@st.cache_data(ttl=LIVE, max_entries=4, show_spinner=False)
def machine() -> Machine:
    """Return the runners' signs of life and the length of the queue."""
    with engine.runtime.runtime().database.reading() as connection:
        unstopped = runners.unstopped(connection)
        counts = runs.queue_counts(connection)
    return Machine(
        heartbeat_at=unstopped[0]["heartbeat_at"] if unstopped else None,
        runners=len(unstopped),
        alive=sum(now() - row["heartbeat_at"] <= ALIVE_WITHIN for row in unstopped),
        queued=counts.get(RunStatus.QUEUED, 0),
        running=counts.get(RunStatus.RUNNING, 0),
    )


@st.cache_data(ttl=CALM, max_entries=20, show_spinner=False)
def daily_runs(pipeline: str, since: date, until: date) -> pd.DataFrame:
    """Return how many runs ended on each day (Nepal date) with which status: columns `day, status, runs, duration_us`."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = runs.daily_between(connection, pipeline, since, until)
    columns = ["day", "status", "runs", "duration_us"]
    return pd.DataFrame([[row[name] for name in columns] for row in rows], columns=columns)


@st.cache_data(ttl=CALM, max_entries=20, show_spinner=False)
def durations(pipeline: str, *, limit: int = 200) -> tuple[int, ...]:
    """Return how long the newest succeeded runs took (microseconds), oldest first."""
    with engine.runtime.runtime().database.reading() as connection:
        newest_first = runs.durations(connection, pipeline, limit=limit)
    return tuple(took for took in reversed(newest_first) if took is not None)


@st.cache_data(ttl=CALM, max_entries=50, show_spinner=False)
def metric_history(pipeline: str, stage: str, name: str, *, since: datetime) -> pd.DataFrame:
    """Return the values of one metric since an instant, oldest first: columns `at, run_id, value`."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = metrics.history(connection, pipeline, stage, name, since=since)
    frame = pd.DataFrame([[row["at"], row["run_id"], row["value"]] for row in rows], columns=["at", "run_id", "value"])
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True).dt.tz_convert(NEPAL))


@st.cache_data(ttl=CALM, max_entries=100, show_spinner=False)
def metrics_of(run_id: int) -> pd.DataFrame:
    """Return what a run measured: columns `stage, name, unit, value`."""
    with engine.runtime.runtime().database.reading() as connection:
        rows = metrics.of_run(connection, run_id)
    columns = ["stage", "name", "unit", "value"]
    return pd.DataFrame([[row[name] for name in columns] for row in rows], columns=columns)


@st.cache_data(ttl=CALM, max_entries=20, show_spinner=False)
def schedule(pipeline: str) -> ScheduleView | None:
    """Return whether the schedule of a pipeline is paused; None before a runner has opened its ledger."""
    with engine.runtime.runtime().database.reading() as connection:
        known = {row["pipeline"]: row for row in schedules.every(connection)}
    return ScheduleView.of(known[pipeline]) if pipeline in known else None


@st.cache_data(ttl=CALM, max_entries=20, show_spinner=False)
def slots(pipeline: str, since: date, until: date) -> tuple[SlotView, ...]:
    """Return the ledger of a range of dates, newest first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(SlotView.of(row) for row in reversed(schedules.slots_between(connection, pipeline, since, until)))


@st.cache_data(ttl=CALM, max_entries=10, show_spinner=False)
def backfills(*, limit: int = 10) -> tuple[BackfillView, ...]:
    """Return the newest backfills first."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(BackfillView.of(row) for row in stored_backfills.recent(connection, limit=limit))


@st.cache_data(ttl=LIVE, max_entries=10, show_spinner=False)
def open_backfill() -> BackfillView | None:
    """Return the newest backfill that has not ended, or None."""
    ended = (BackfillState.DONE, BackfillState.CANCELLED)
    with engine.runtime.runtime().database.reading() as connection:
        known = (BackfillView.of(row) for row in stored_backfills.recent(connection, limit=10))
        return next((backfill for backfill in known if backfill.state not in ended), None)


@st.cache_data(ttl=LIVE, max_entries=10, show_spinner=False)
def tiles(backfill_id: int) -> tuple[TileView, ...]:
    """Return one small value a run of a backfill, by date."""
    with engine.runtime.runtime().database.reading() as connection:
        return tuple(TileView.of(row) for row in stored_backfills.tiles(connection, backfill_id))


def calendar() -> TradingCalendar:
    """Return the exchange's calendar as the source knows it."""
    return TradingCalendar(engine.runtime.runtime().source.reference().calendar)


def source_span() -> tuple[date, date] | None:
    """Return the first and last date that the source holds a file of, or None while it is empty."""
    return engine.runtime.runtime().source.span()


def next_slots(pipeline: Pipeline, *, number: int = 5) -> Sequence[datetime]:
    """Return the next instants at which a pipeline is due, soonest first; none for a pipeline without a schedule."""
    if pipeline.due is None:
        return ()
    moment, trading = now(), calendar()
    day, found = nepal_date(moment), list[datetime]()
    while len(found) < number:
        due = nepal_time(day, pipeline.due.at.hour, pipeline.due.at.minute)
        if due > moment and (not pipeline.due.session_days_only or trading.expected(day).trading):
            found.append(due)
        day += timedelta(days=1)
    return tuple(found)
