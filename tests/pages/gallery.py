"""The state gallery: one real store a state that the console must be able to show."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert

from engine.clock import FakeClock, nepal_date, nepal_time
from engine.errors import SourceUnavailable
from engine.market.calendar import TradingCalendar
from engine.pipeline.guard import Breaker
from engine.pipelines import PIPELINES
from engine.runtime import Runtime
from engine.settings import Settings
from engine.sources.simulated import SimulatedExchange
from storage import backfills, damage, lake, marks, metrics, moves, runners, runs, schedules, sessions, stages
from storage.database import open_database
from storage.lake import Lake
from storage.metrics import Measure
from storage.status import (
    BackfillMode,
    BackfillState,
    GateVerdict,
    JobOutcome,
    Label,
    OnFailure,
    Outcome,
    RunStatus,
    RunType,
    SlotOutcome,
    StageStatus,
    Verdict,
)
from storage.tables import JobRun, Run
from tests.pages import quality_gallery as gate
from tests.pages.gallery_runs import rows_of_old_runs
from tests.storage.databases import put_migrated

PIPELINE = "daily_prices"
NOW = datetime(2025, 6, 3, 14, 15, tzinfo=UTC)  # Tuesday, 20:00 in Nepal: today's slot is two hours old
TODAY = nepal_date(NOW)
CLOCK = FakeClock(NOW)
EXCHANGE = SimulatedExchange(seed=9, clock=CLOCK)
CALENDAR = TradingCalendar(EXCHANGE.reference().calendar)
STAGES = tuple(PIPELINES[PIPELINE].stages)
SESSIONS = CALENDAR.sessions_between(TODAY - timedelta(days=70), TODAY)
LAST, BEFORE = SESSIONS[-1], SESSIONS[-2]
ERROR = "the header was never seen: it names 'Opening Price'; add a layout in engine/market/layouts.py"


class Store:
    """A database that is filled with what happened."""

    def __init__(self, home: Path) -> None:
        settings = Settings(home=home)
        put_migrated(home)
        database = open_database(settings.url)
        self.runtime = Runtime(settings, CLOCK, database, Lake(settings.lake), EXCHANGE)
        self.database = database

    def run(
        self, day: date, status: RunStatus, *, verdict: Verdict | None = None, reason: str | None = None, backfill: int | None = None
    ) -> int:
        """Record a run of a date that has come to `status`, an hour after the date's time."""
        at = min(nepal_time(day, 18, 0) + timedelta(hours=1), NOW - timedelta(minutes=1)) if backfill is None else NOW
        kind = RunType.SCHEDULED if backfill is None else RunType.BACKFILL
        with self.database.transaction() as connection:
            run_id = moves.add(
                connection,
                at=at,
                pipeline=PIPELINE,
                partition=day,
                run_type=kind,
                requested_by="schedule",
                backfill_id=backfill,
                simulated=True,
            )
            if status is RunStatus.QUEUED:
                return run_id
            if status is RunStatus.CANCELLED:
                moves.finish(connection, run_id, status, at=at, day=day, reason=reason)
                return run_id
            moves.move(connection, run_id, RunStatus.RUNNING, at=at, name="run_claimed", started_at=at, runner_id="host-1", fence=1)
            if status is RunStatus.RUNNING:
                stages.open_stage(connection, run_id, STAGES[0], position=0, at=at)
                return run_id
            self._stages(connection, run_id, status, at=at)
            ended = at + timedelta(milliseconds=84)
            found = {"verdict": verdict, "reason": reason, "session_date": day if verdict is Verdict.SESSION else None}
            if verdict is Verdict.SESSION:
                found |= {"rows": 341, "outcome": Outcome.LOADED, "layout": "v3_24col", "source": "simulated", "source_file": f"{day}.csv"}
                self._accept(connection, day, run_id, at=ended)
            if status in (RunStatus.FAILED, RunStatus.CRASHED):
                found |= {
                    "error_type": "UnknownLayout",
                    "error_message": reason,
                    "error_stage": STAGES[2],
                    "error_traceback": "Traceback ...",
                }
            moves.finish(connection, run_id, status, at=ended, day=nepal_date(at), **found)
            metrics.record(connection, PIPELINE, run_id, [Measure("report", "rows", "rows", 341)], at=ended, known={})
        return run_id

    def _stages(self, connection, run_id: int, status: RunStatus, *, at: datetime) -> None:
        broken = {RunStatus.FAILED: StageStatus.FAILED, RunStatus.CRASHED: StageStatus.CRASHED}.get(status)
        for position, stage in enumerate(STAGES):
            if broken and position == 2:
                ended = broken
            elif broken and position > 2:
                ended = StageStatus.UPSTREAM_FAILED
            else:
                ended = StageStatus.SKIPPED if status is RunStatus.SKIPPED and position > 1 else StageStatus.SUCCEEDED
            begun = at + timedelta(milliseconds=12 * position)
            done = {
                "finished_at": begun + timedelta(milliseconds=11),
                "duration_us": 11_000,
                "attempts": 1,
                "rows_in": 341,
                "rows_out": 341,
            }
            if stage == "parsed" and ended is StageStatus.SUCCEEDED:
                done["checkpoint"] = {"sha256": "c" * 64, "rows": "somewhere", "corrected": {}}
            stages.open_stage(connection, run_id, stage, position=position, at=begun, status=ended, **done)

    def _accept(self, connection, day: date, run_id: int, *, at: datetime) -> None:
        facts = {"rows": 341, "trades": 52_000, "volume": 9_100_000, "turnover_paisa": 431_000_000_000}
        where = {"silver_path": f"silver/{day}.parquet", "gold_path": f"gold/{day}.parquet", "state_digest": "d" * 64, "booked_by": None}
        source = {"source": "simulated", "simulated": True, "layout": "v3_24col", "file_date": day}
        sessions.accept(connection, session=day, run_id=run_id, accepted_at=at, **source, **facts, **where)

    def history(self, *, until: date = TODAY, days: int = 70) -> None:
        """Run every date of the last weeks as it should be: sessions accepted, closed days without one."""
        for number in range(days, -1, -1):
            day = TODAY - timedelta(days=number)
            if day > until:
                return
            expected = CALENDAR.expected(day)
            if expected.trading:
                self.run(day, RunStatus.SUCCEEDED, verdict=Verdict.SESSION, reason="a new session")
            else:
                self.run(day, RunStatus.SKIPPED, verdict=Verdict.NO_SESSION, reason=expected.reason)
        self.safe()

    def safe(self) -> None:
        """Record that the night's drill and scrub went well, and a backup a moment ago."""
        with self.database.transaction() as connection:
            mark = marks.newest(connection).as_json()
        drilled = {"recovery_seconds": 8.4, "recovery_point_seconds": 900.0, "unsaved_seconds": 0.0}
        self.job("scrub", {"files": 5_000, "bytes": 90_000_000, "findings": 0}, ago=timedelta(hours=18))
        self.job("drill", drilled, ago=timedelta(hours=17))
        self.job("backup", {"mark": mark, "backup": "backups/20250603T141000Z"}, ago=timedelta(minutes=5))

    def job(
        self, name: str, figures: Mapping[str, Any], *, ago: timedelta, outcome: JobOutcome = JobOutcome.SUCCEEDED, message: str = "done"
    ) -> None:
        """Record an execution of a job that began so long ago and took two seconds."""
        at = NOW - ago
        asked = {"job": name, "requested_by": "clock", "requested_at": at, "started_at": at, "finished_at": at + timedelta(seconds=2)}
        ended = {"outcome": outcome, "figures": dict(figures), "message": message, "beats": 1, "attempts": 1}
        with self.database.transaction() as connection:
            connection.execute(insert(JobRun.__table__), asked | ended)

    def ledger(self, *, paused: bool = False, **outcomes: SlotOutcome) -> None:
        """Write the ledger of the last weeks: what the keyword says of a date (`d2025_06_03=`), else that it ran or was a holiday."""
        rows = []
        for number in range(31):
            day = TODAY - timedelta(days=number)
            expected = CALENDAR.expected(day)
            outcome = outcomes.get(f"d{day:%Y_%m_%d}", SlotOutcome.RAN if expected.trading else SlotOutcome.HOLIDAY)
            rows.append(
                {
                    "pipeline": PIPELINE,
                    "day": day,
                    "due_at": nepal_time(day, 18),
                    "outcome": outcome,
                    "reason": expected.reason,
                    "run_id": 71 - number,
                    "updated_at": NOW,
                }
            )
        with self.database.transaction() as connection:
            schedules.ensure(connection, PIPELINE, since=TODAY - timedelta(days=30))
            if paused:
                schedules.set_paused(connection, PIPELINE, paused=True, by="console", at=NOW - timedelta(days=1))
            schedules.write_slots(connection, rows)

    def runner(self, *, silent: timedelta = timedelta(seconds=1)) -> None:
        """Register a runner whose last sign of life is so old."""
        with self.database.transaction() as connection:
            at = NOW - silent
            runners.add(
                connection, id="host-1", host="host", pid=1, started_at=at - timedelta(days=1), heartbeat_at=at, beats=10, scheduling=True
            )

    def backfill(self, state: BackfillState, *, reason: str | None = None) -> int:
        """Add a backfill of the last 60 sessions."""
        with self.database.transaction() as connection:
            return backfills.add(
                connection,
                pipeline=PIPELINE,
                since=TODAY - timedelta(days=40),
                until=TODAY,
                mode=BackfillMode.MISSING,
                on_failure=OnFailure.STOP,
                max_active=1,
                state=state,
                dates=41,
                requested_by="console",
                created_at=NOW,
                reason=reason,
            )


def empty(store: Store) -> None:
    """Nothing has ever run."""
    store.runner()


def healthy(store: Store) -> None:
    """Every date is as it should be."""
    store.history()
    store.ledger()
    store.runner()


def one_failed(store: Store) -> None:
    """One session could not be used, and its newest run says why."""
    healthy(store)
    store.run(BEFORE, RunStatus.FAILED, verdict=Verdict.FAILED, reason=ERROR)


def newest_failed(store: Store) -> None:
    """The session of today has come and could not be used."""
    store.history(until=TODAY - timedelta(days=1))
    store.runner()
    store.run(TODAY, RunStatus.FAILED, verdict=Verdict.FAILED, reason=ERROR)


def waiting(store: Store) -> None:
    """Today's file has not come; its run waits in the queue."""
    store.history(until=TODAY - timedelta(days=1))
    store.ledger(d2025_06_03=SlotOutcome.DUE)
    store.runner()
    run_id = store.run(TODAY, RunStatus.QUEUED)
    with store.database.transaction() as connection:
        moves.note(connection, run_id, waits=3, reason="no file dated 2025-06-03 yet")


def crashed(store: Store) -> None:
    """A run took its runner down more often than is allowed."""
    healthy(store)
    store.run(BEFORE, RunStatus.CRASHED, reason="its runner died under it 3 times")


def _partly(store: Store, backfill: int, *, done: int) -> None:
    for number in range(41):
        day = TODAY - timedelta(days=40 - number)
        if number >= done:
            store.run(day, RunStatus.RUNNING if number == done else RunStatus.QUEUED, backfill=backfill)
        elif CALENDAR.expected(day).trading:
            store.run(day, RunStatus.SUCCEEDED, verdict=Verdict.SESSION, reason="a new session", backfill=backfill)
        else:
            store.run(day, RunStatus.SKIPPED, verdict=Verdict.NO_SESSION, reason="closed", backfill=backfill)


def backfill_running(store: Store) -> None:
    """The first backfill is half done."""
    store.runner()
    _partly(store, store.backfill(BackfillState.RUNNING), done=23)


def backfill_failing(store: Store) -> None:
    """A date of a running backfill has failed so long ago that the last sessions do not name it."""
    healthy(store)
    backfill = store.backfill(BackfillState.RUNNING)
    store.run(TODAY - timedelta(days=100), RunStatus.FAILED, verdict=Verdict.FAILED, reason=ERROR, backfill=backfill)
    store.run(TODAY - timedelta(days=99), RunStatus.QUEUED, backfill=backfill)


def backfill_stopped(store: Store) -> None:
    """A backfill stopped at its first failure, as it was asked to."""
    store.runner()
    backfill = store.backfill(BackfillState.STOPPED, reason=f"{BEFORE} failed")
    for number in range(38):
        day = TODAY - timedelta(days=40 - number)
        if day == BEFORE:
            break
        trades = CALENDAR.expected(day).trading
        verdict = Verdict.SESSION if trades else Verdict.NO_SESSION
        store.run(day, RunStatus.SUCCEEDED if trades else RunStatus.SKIPPED, verdict=verdict, reason="as planned", backfill=backfill)
    store.run(BEFORE, RunStatus.FAILED, verdict=Verdict.FAILED, reason=ERROR, backfill=backfill)
    store.run(TODAY, RunStatus.QUEUED, backfill=backfill)


def unsafe(store: Store) -> None:
    """The last backup failed, the drill is days old, and a scrub found a damaged file."""
    healthy(store)
    with store.database.transaction() as connection:
        connection.execute(delete(JobRun.__table__))
    with store.database.transaction() as connection:
        mark = marks.newest(connection).as_json() | {"command": -1}  # as if a person had asked for something since
    store.job("backup", {"mark": mark, "backup": "backups/20250530T141000Z"}, ago=timedelta(days=5))
    store.job("drill", {"recovery_seconds": 8.4, "recovery_point_seconds": 900.0, "unsaved_seconds": 60.0}, ago=timedelta(days=4))
    store.job(
        "scrub",
        {"files": 5_000, "bytes": 90_000_000, "findings": 1},
        ago=timedelta(hours=18),
        outcome=JobOutcome.FAILED,
        message="1 damaged",
    )
    store.job("backup", {}, ago=timedelta(minutes=5), outcome=JobOutcome.FAILED, message="the disk is full")
    version = lake.Version("silver/2025-06/2025-06-02-0-0.parquet", "silver", BEFORE, "0" * 64, 9, 9, None)
    with store.database.transaction() as connection:
        run_id = runs.recent(connection, limit=1)[0]["id"]
        lake.publish(connection, version, run_id=run_id, at=NOW, simulated=True)
        damage.record(connection, version, run_id=run_id, reason="is missing", at=NOW)


def runner_dead(store: Store) -> None:
    """Runs are queued, and no runner has shown a sign of life for an hour."""
    store.history(until=TODAY - timedelta(days=1))
    store.ledger(d2025_06_03=SlotOutcome.DUE)
    store.runner(silent=timedelta(hours=1))
    store.run(TODAY, RunStatus.QUEUED)


def paused(store: Store) -> None:
    """A person paused the schedule yesterday."""
    store.history(until=TODAY - timedelta(days=1))
    store.ledger(paused=True, d2025_06_03=SlotOutcome.PAUSED)
    store.runner()


def source_down(store: Store) -> None:
    """The source does not answer: its circuit is open, and today's run waits for the next probe."""
    waiting(store)
    breaker = Breaker(store.database, FakeClock(NOW - timedelta(seconds=10)), EXCHANGE.name)
    for _ in range(4):
        breaker.failed(0, SourceUnavailable("The exchange did not answer."))
    with store.database.transaction() as connection:
        moves.note(connection, 71, source=EXCHANGE.name)


def many_runs(store: Store, *, number: int = 10_000) -> None:
    """Ten thousand runs, most of them of long ago."""
    healthy(store)
    with store.database.transaction() as connection:
        connection.execute(insert(Run.__table__), rows_of_old_runs(PIPELINE, number))


def _judged(store: Store, *, until: date = BEFORE) -> dict[date, int]:
    healthy(store)
    with store.database.reading() as connection:
        runs = {row["session"]: row["run_id"] for row in sessions.trailing(connection, TODAY + timedelta(days=1), limit=100)}
    gate.past(store, [day for day in sorted(runs) if day <= until], runs, at=NOW - timedelta(hours=2))
    return runs


def flagged(store: Store) -> None:
    """The newest session passed with flags, and one of its lines was set aside."""
    runs = _judged(store)
    gate.write(store, gate.Session(LAST, runs[LAST], NOW - timedelta(hours=2), gate.FLAGS, GateVerdict.FLAGGED, gate.ASIDE))


def held(store: Store) -> None:
    """The gate holds the newest session."""
    _judged(store)
    run_id = store.run(LAST, RunStatus.FAILED, verdict=Verdict.FAILED, reason="the session is blocked")
    gate.block(store, run_id)
    found = [gate.Found("high_not_below_low", f"S{number:03}", 2.0, line=number) for number in range(20)]
    aside = [(number, f"S{number:03}", "high_not_below_low", f"{number},S{number:03},5,6") for number in range(20)]
    gate.write(store, gate.Session(LAST, run_id, NOW - timedelta(hours=1), found, GateVerdict.BLOCKED, aside))


def labelled(store: Store) -> None:
    """People said of findings what they are."""
    flagged(store)
    said = {("EBL", "close_inside_range"): Label.FALSE_ALARM, ("NICA", "close_inside_range"): Label.FAULT}
    gate.label(store, LAST, said, at=NOW - timedelta(minutes=5))


def tuned(store: Store) -> None:
    """Limits were turned since the sessions were judged: one that changes nothing, and one that changes some of them."""
    labelled(store)
    gate.turn(store, "gate.block_above", 10, 5, at=NOW - timedelta(minutes=20))
    gate.turn(store, "close_inside_range.error_above", 2, 10, at=NOW - timedelta(minutes=10))


STATES: dict[str, Callable[[Store], None]] = {
    state.__name__: state
    for state in (
        *(empty, healthy, one_failed, newest_failed, waiting, crashed, backfill_running, backfill_failing, backfill_stopped, unsafe),
        *(runner_dead, paused, source_down, many_runs, flagged, held, labelled, tuned),
    )
}
