"""Is anything wrong right now? What is known of a pipeline, weighed into problems, the worst first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum

from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import Due
from engine.pipeline.ledger import due_time
from pages.ui import format as say
from pages.ui.views import BackfillView, Machine, RunView, ScheduleView, SlotView
from storage.dates import DateVerdict
from storage.status import BackfillState, RunStatus, SlotOutcome, Verdict

WINDOW = 30  # sessions that the page looks back on
LOOK_BACK = timedelta(days=75)  # calendar days that hold them, festivals included


class Severity(IntEnum):
    """How soon a person should look; the order is the order of the list."""

    BAD = 0
    WARN = 1
    NOTE = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a person should know, and the page that shows its reason."""

    severity: Severity
    sentence: str
    page: str
    query: Mapping[str, str] = field(default_factory=dict)
    action: str = "Look"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is weighed; read beforehand, so that weighing needs no database."""

    pipeline: str
    now: datetime
    today: date
    calendar: TradingCalendar
    due: Due | None
    verdicts: Sequence[DateVerdict]
    slots: Sequence[SlotView]
    newest_session: date | None
    source_span: tuple[date, date] | None
    machine: Machine
    schedule: ScheduleView | None
    backfill: BackfillView | None
    waiting: Sequence[RunView]
    embedded: bool


@dataclass(frozen=True, slots=True)
class Health:
    """The pipeline's state in a few numbers, each with what it is made of."""

    accepted: tuple[DateVerdict, ...]
    failed: tuple[DateVerdict, ...]
    missing: tuple[date, ...]  # expected, not in the lake, older than the newest session
    late: tuple[SlotView, ...]
    behind: tuple[date, ...]  # expected and due after the newest session
    problems: tuple[Problem, ...]

    @property
    def sessions(self) -> int:
        """How many sessions the window holds."""
        return len(self.accepted) + len(self.failed) + len(self.missing)


def weigh(facts: Facts) -> Health:
    """Return the health of a pipeline over its last `WINDOW` sessions, and what is wrong, the worst first."""
    known = [verdict for verdict in facts.verdicts if _counts(verdict, facts)]
    newest = facts.newest_session
    behind = tuple(v.day for v in known if v.verdict is Verdict.MISSING and newest is not None and v.day > newest)
    window = [v for v in known if v.day not in behind][-WINDOW:]
    first = window[0].day if window else facts.today
    health = Health(
        accepted=tuple(v for v in window if v.verdict is Verdict.SESSION),
        failed=tuple(v for v in window if v.verdict is Verdict.FAILED),
        missing=tuple(v.day for v in window if v.verdict is Verdict.MISSING and newest is not None),
        late=tuple(slot for slot in facts.slots if slot.outcome is SlotOutcome.LATE and slot.day >= first),
        behind=behind,
        problems=(),
    )
    problems = sorted(_problems(facts, health), key=lambda problem: problem.severity)
    return Health(health.accepted, health.failed, health.missing, health.late, health.behind, tuple(problems))


def _counts(verdict: DateVerdict, facts: Facts) -> bool:
    """Say whether a date is one that should hold a session by now, or one that holds something a person must see."""
    if verdict.verdict is Verdict.NO_SESSION:
        return False
    if verdict.verdict in (Verdict.SESSION, Verdict.FAILED):
        return True
    due = facts.due is None or due_time(facts.due, verdict.day) <= facts.now
    return due and facts.calendar.expected(verdict.day).trading


def _problems(facts: Facts, health: Health) -> Iterator[Problem]:
    yield from _of_runner(facts.machine, facts.now, embedded=facts.embedded)
    yield from _of_failed(health.failed)
    yield from _of_backfill(facts.backfill)
    yield from _of_behind(facts, health.behind)
    yield from _of_missing(health.missing)
    if facts.schedule is not None and facts.schedule.paused:
        by = f" by {facts.schedule.paused_by}" if facts.schedule.paused_by else ""
        sentence = f"The schedule is paused{by} since {say.stamp(facts.schedule.paused_at)}: no new date is run by itself."
        yield Problem(Severity.WARN, sentence, "pipelines.py", action="Resume it")
    for run in facts.waiting:
        sentence = f"Run {run.id} waits for the file of {say.day(run.partition)}; it has looked {say.count(run.waits, 'time')}."
        reason = f" {run.reason}" if run.reason else ""
        yield Problem(Severity.NOTE, sentence + reason, "run.py", {"id": str(run.id)}, "Open the run")


def _of_runner(machine: Machine, now: datetime, *, embedded: bool) -> Iterator[Problem]:
    if machine.alive:
        return
    waiting = f" {say.count(machine.queued + machine.running, 'run')} cannot go on." if machine.queued + machine.running else ""
    seen = f"its last sign of life was {say.ago(machine.heartbeat_at, now)}" if machine.heartbeat_at else "none has registered"
    step = "The console starts one again by itself within seconds." if embedded else "Start one: `python -m engine runner`."
    yield Problem(Severity.BAD, f"No runner is alive: {seen}.{waiting} {step}", "pipelines.py", action="See the queue")


def _of_failed(failed: Sequence[DateVerdict]) -> Iterator[Problem]:
    for verdict in reversed(failed):
        word = "crashed" if verdict.status is RunStatus.CRASHED else "failed"
        query = {"id": str(verdict.run_id)}
        yield Problem(Severity.BAD, f"{say.day(verdict.day)} {word}: {verdict.reason}", "run.py", query, f"Open run {verdict.run_id}")


def _of_backfill(backfill: BackfillView | None) -> Iterator[Problem]:
    if backfill is None:
        return
    if backfill.state is BackfillState.STOPPED:
        sentence = f"Backfill {backfill.id} ({backfill.since} to {backfill.until}) stopped: {backfill.reason or 'a date failed'}."
        yield Problem(Severity.BAD, sentence, "pipelines.py", action="Mend or resume it")
    if backfill.state is BackfillState.PAUSED:
        sentence = f"Backfill {backfill.id} ({backfill.since} to {backfill.until}) is paused."
        yield Problem(Severity.WARN, sentence, "pipelines.py", action="Resume it")


def _of_behind(facts: Facts, behind: Sequence[date]) -> Iterator[Problem]:
    if not behind:
        return
    last_file = facts.source_span[1] if facts.source_span else None
    if last_file is not None and last_file < behind[0]:
        why = f"the source's last file is of {say.day(last_file)}"
    else:
        why = f"{say.day(behind[0])} is the first that is not in the lake"
    sentence = f"The lake is {say.count(len(behind), 'session')} behind: {why}."
    yield Problem(Severity.WARN, sentence, "runs.py", {"day": behind[0].isoformat()}, "See the date")


def _of_missing(missing: Sequence[date]) -> Iterator[Problem]:
    if not missing:
        return
    named = ", ".join(say.short_day(day) for day in missing[-3:])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""  # noqa: PLR2004, as many as are named
    sentence = f"{say.count(len(missing), 'expected session')} not in the lake: {named}{more}."
    yield Problem(Severity.WARN, sentence, "runs.py", {"day": missing[-1].isoformat()}, "See the date")
