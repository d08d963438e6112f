"""Is anything wrong right now? What is known of a pipeline, weighed into problems, the worst first."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import IntEnum
from operator import itemgetter

from engine.circuits import CircuitReport
from engine.doctor import LOW_DISK
from engine.market.calendar import TradingCalendar
from engine.monitoring import freshness
from engine.monitoring.deadlines import Deadline
from engine.pipeline.graph import Due
from engine.pipeline.ledger import LATE, ON_TIME, due_time
from pages.ui import format as say
from pages.ui.text import words
from pages.ui.theme import look
from pages.ui.views import BackfillView, Machine, RunView, ScheduleView, SlotView, TileView
from pages.ui.waiting_data import NOTHING_WAITS, Held, Waiting
from storage.dates import DateVerdict
from storage.status import ACTIVE, BackfillState, CircuitState, Decision, RunStatus, SlotOutcome, Verdict

WINDOW = 30  # sessions that the page looks back on
_NAMED = 3  # dates of a list that are named
_OPEN_SLOTS = (SlotOutcome.DUE, SlotOutcome.MISSED, SlotOutcome.BLOCKED)  # expected, and no end yet


class Severity(IntEnum):
    """How soon a person should look; the order is the order of the list."""

    BAD = 0
    WARN = 1
    NOTE = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a person should know, and the page that shows its reason."""

    severity: Severity
    headline: str
    detail: str
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
    letters: Waiting = NOTHING_WAITS
    held: Sequence[Held] = ()
    safety: Sequence[Problem] = ()  # of backups, drills and damage
    overdue: Sequence[Deadline] = ()  # sessions past their deadline by less than a day
    drift: Sequence[Problem] = ()  # of the newest session, where nobody has spoken about it
    circuit: CircuitReport | None = None
    source_trouble: str | None = None
    free_bytes: int | None = None  # on the disk of the home
    backfill_failed: Sequence[TileView] = ()  # what the open backfill could not do so far


@dataclass(frozen=True, slots=True)
class Health:
    """The pipeline's state in a few numbers, each with what it is made of."""

    accepted: tuple[DateVerdict, ...]
    failed: tuple[DateVerdict, ...]
    again: tuple[DateVerdict, ...]  # failed, and queued or running again
    missing: tuple[DateVerdict, ...]  # expected, not in the lake, older than the newest session
    late: tuple[SlotView, ...]
    behind: tuple[DateVerdict, ...]  # expected and due after the newest session
    problems: tuple[Problem, ...]
    letters: Waiting = NOTHING_WAITS
    held: tuple[Held, ...] = ()  # blocked, and nobody has rejected them
    since_newest: tuple[date, ...] = ()  # due after the newest session, for whatever reason they are not in the lake
    on_time: int = 0  # of the accepted ones

    @property
    def sessions(self) -> int:
        """How many sessions the window holds."""
        return len(self.accepted) + len(self.failed) + len(self.again) + len(self.missing)


def weigh(facts: Facts) -> Health:
    """Return the health of a pipeline over its last `WINDOW` sessions, and what is wrong, the worst first."""
    known = freshness.expected(facts.verdicts, calendar=facts.calendar, due=facts.due, now=facts.now)
    newest = facts.newest_session
    since_newest = freshness.behind(known, newest)
    behind = tuple(v for v in since_newest if v.verdict is Verdict.MISSING)
    window = [v for v in known if v not in behind][-WINDOW:]
    first = window[0].day if window else facts.today
    broken = [v for v in window if freshness.is_broken(v)]
    punctual = {slot.day for slot in facts.slots if slot.outcome is SlotOutcome.RAN}
    accepted = tuple(v for v in window if v.verdict is Verdict.SESSION and v not in broken)
    health = Health(
        accepted=accepted,
        failed=tuple(v for v in broken if v.status not in ACTIVE),
        again=tuple(v for v in broken if v.status in ACTIVE),
        missing=tuple(v for v in window if v.verdict is Verdict.MISSING and v not in broken and newest is not None),
        late=tuple(slot for slot in facts.slots if slot.outcome is SlotOutcome.LATE and slot.day >= first),
        behind=behind,
        problems=(),
        letters=facts.letters,
        held=tuple(held for held in facts.held if held.decision is not Decision.REJECT),
        since_newest=tuple(v.day for v in since_newest),
        on_time=sum(v.day in punctual for v in accepted),
    )
    return replace(health, problems=tuple(sorted(_problems(facts, health), key=lambda problem: problem.severity)))


def _problems(facts: Facts, health: Health) -> Iterator[Problem]:
    yield from _of_runner(facts)
    yield from _of_circuit(facts)
    if facts.free_bytes is not None and facts.free_bytes < LOW_DISK:
        detail = f"{say.size(facts.free_bytes)} are free. Runs wait until there is room; what is in the lake can be read."
        yield Problem(Severity.BAD, "The disk is nearly full", detail, "pipelines.py", action="See the home")
    if facts.source_trouble is not None:
        detail = f"{facts.source_trouble} What is in the lake can be read; dates and calendar are as last seen."
        yield Problem(Severity.BAD, "The source cannot be read now", detail, "pipelines.py", action="See the source")
    yield from facts.safety
    blocked = {held.run_id for held in facts.held}
    yield from _of_dates(facts, [verdict for verdict in health.failed if verdict.run_id not in blocked])
    yield from facts.drift
    yield from _of_letters(facts.letters, facts.pipeline)
    yield from _of_backfill(facts.backfill)
    yield from _of_failures(facts, blocked | {verdict.run_id for verdict in health.failed})
    # What is queued or running is on its way, and so is what came due just now: a runner queues it within seconds.
    named = {one.day for one in facts.overdue} | {verdict.day for verdict in health.behind if _comes_due(verdict, facts)}
    if any(verdict.status not in ACTIVE and verdict.day not in named for verdict in health.behind):
        yield from _of_behind(facts, health.since_newest)
    yield from _of_late(facts)
    yield from _of_missing([verdict for verdict in health.missing if verdict.status not in ACTIVE])
    if facts.schedule is not None and facts.schedule.paused:
        by = f" by {facts.schedule.paused_by}" if facts.schedule.paused_by else ""
        detail = f"Since {say.stamp(facts.schedule.paused_at)}{by}: no new date is run by itself."
        yield Problem(Severity.WARN, "The schedule is paused", detail, "pipelines.py", action="Resume it")
    for run in () if _is_open(facts.circuit) else facts.waiting:  # while the source is left alone, that is what they wait for
        detail = run.reason or f"It has looked {say.count(run.waits, 'time')}."
        yield _of_run(Severity.NOTE, f"Run {run.id} waits for the file of {say.day(run.partition)}", detail, run_id=run.id)
    for verdict in health.again:
        yield _of_run(Severity.NOTE, f"{say.day(verdict.day)} failed and is {verdict.status} again", verdict.reason, run_id=verdict.run_id)


def _comes_due(verdict: DateVerdict, facts: Facts) -> bool:
    return verdict.run_id is None and facts.due is not None and facts.now - due_time(facts.due, verdict.day) <= ON_TIME


def _of_run(severity: Severity, headline: str, detail: str, *, run_id: int | None) -> Problem:
    return Problem(severity, headline, detail, "run.py", {"id": str(run_id)}, f"Open run {run_id}")


def _of_runner(facts: Facts) -> Iterator[Problem]:
    machine = facts.machine
    if machine.alive or machine.starting:
        return
    held = machine.queued + machine.running
    seen = f"Last sign of life {say.ago(machine.heartbeat_at, facts.now)}." if machine.heartbeat_at else "None has registered yet."
    waiting = f" {say.count(held, 'run')} cannot go on." if held else ""
    step = " The console starts one by itself within seconds." if facts.embedded else " Start one: python -m engine runner."
    yield Problem(Severity.BAD, "No runner is alive", seen + waiting + step, "pipelines.py", action="See the pipeline")


def _is_open(circuit: CircuitReport | None) -> bool:
    return circuit is not None and circuit.state is not CircuitState.CLOSED


def _of_circuit(facts: Facts) -> Iterator[Problem]:
    known = facts.circuit
    if known is None or not _is_open(known):
        return
    why = f"{known.events[0].reason[0].upper()}{known.events[0].reason[1:]}. " if known.events else ""
    held = f" {say.count(known.waiting, 'run waits', 'runs wait')} for it." if known.waiting else ""
    word = look(known.state).word
    detail = f"{why}It is {word} since {say.stamp(known.since)} and no run calls it; next probe at {say.clock_time(known.probe_at)}.{held}"
    yield Problem(Severity.BAD, f"The circuit of source {known.source} is {word}", detail, "pipelines.py", action="See the source")


def _of_dates(facts: Facts, failed: Sequence[DateVerdict]) -> Iterator[Problem]:
    """Yield what is held back, has failed or is past its deadline, the newest date first: today before last month."""
    dated = [(held.day, _of_held(held)) for held in facts.held] + [(verdict.day, _of_failed(verdict)) for verdict in failed]
    named = {day for day, _ in dated}
    dated += [(one.day, _of_overdue(one)) for one in facts.overdue if one.day not in named]
    yield from (problem for _, problem in sorted(dated, key=itemgetter(0), reverse=True))


def _of_overdue(one: Deadline) -> Problem:
    headline = f"{say.day(one.day)} is late: it was to be in the lake by {say.clock_time(one.at)[:5]}"
    if one.run_id is not None:
        return _of_run(Severity.BAD, headline, one.why, run_id=one.run_id)
    return Problem(Severity.BAD, headline, one.why, "service_levels.py", action="See the deadlines")


def _of_failed(verdict: DateVerdict) -> Problem:
    word = "crashed" if verdict.status is RunStatus.CRASHED else "failed"
    return _of_run(Severity.BAD, f"{say.day(verdict.day)} {word}", verdict.reason, run_id=verdict.run_id)


def _of_held(held: Held) -> Problem:
    if held.decision is Decision.REJECT:
        headline, detail = f"{say.day(held.day)} was rejected", f"By {held.decided_by}: {held.why}"
        return _of_run(Severity.NOTE, headline, detail, run_id=held.run_id)
    why = (held.reason or "").removeprefix(f"the session of {held.day} is blocked: ")  # the headline has said so
    served = "" if held.served is None else f"The version of run {held.served} is still served until a person decides."
    problem = _of_run(Severity.BAD, f"{say.day(held.day)} is blocked", f"{why} {served}".strip(), run_id=held.run_id)
    return replace(problem, action="Approve or reject it")


def _of_letters(letters: Waiting, pipeline: str) -> Iterator[Problem]:
    if not letters.open:
        return
    named = [f"{number:,} {words(name)}" for name, number in list(letters.by_reason.items())[:_NAMED]]
    more = len(letters.by_reason) - len(named)
    kinds = ", ".join(named) + (f" and {say.count(more, 'other reason')}" if more else "")
    parked = f"; {letters.parked:,} more parked" if letters.parked else ""
    headline = f"{say.count(letters.open, 'dead letter is', 'dead letters are')} open"
    query = {"state": "open", "pipeline": pipeline}
    yield Problem(Severity.WARN, headline, f"{kinds}{parked}.", "dead_letters.py", query, "See the letters")


def _of_backfill(backfill: BackfillView | None) -> Iterator[Problem]:
    if backfill is None or backfill.state is BackfillState.RUNNING:
        return
    stopped = backfill.state is BackfillState.STOPPED
    headline = f"Backfill {backfill.id} {'stopped at a failure' if stopped else 'is paused'}"
    detail = f"{say.day(backfill.since)} to {say.day(backfill.until)}. {backfill.reason or ''}".strip()
    yield Problem(Severity.BAD if stopped else Severity.WARN, headline, detail, "pipelines.py", action="Resume or cancel it")


def _of_failures(facts: Facts, named: Collection[int | None]) -> Iterator[Problem]:
    """Count the dates that the open backfill could not do, where a date among them is not `named` for itself."""
    failed = facts.backfill_failed
    if facts.backfill is None or all(tile.id in named for tile in failed):
        return
    number = facts.backfill.id
    status = RunStatus.FAILED if any(tile.status is RunStatus.FAILED for tile in failed) else RunStatus.CRASHED
    headline = f"{say.count(len(failed), 'date')} of backfill {number} failed already"
    detail = f"The newest is {say.day(failed[-1].partition)}: {failed[-1].reason or failed[-1].status.value}."
    query = {"backfill": str(number), "status": look(status).word}
    yield Problem(Severity.WARN, headline, detail, "runs.py", query, "See the failures")


def _of_behind(facts: Facts, behind: Sequence[date]) -> Iterator[Problem]:
    last_file = facts.source_span[1] if facts.source_span else None
    if last_file is not None and last_file < behind[0]:
        why = f"The source's last file is of {say.day(last_file)}."
    else:
        why = f"{say.day(behind[0])} is the first that is not in the lake."
    headline = f"The lake is {say.count(len(behind), 'session')} behind"
    yield Problem(Severity.WARN, headline, why, "runs.py", {"day": behind[0].isoformat()}, "See the date")


def _of_late(facts: Facts) -> Iterator[Problem]:
    """Name the oldest date whose time passed an hour ago and that has come to no end; pauses, holidays and failures are no lateness."""
    named = {one.day for one in facts.overdue}
    waiting = [slot for slot in facts.slots if slot.outcome in _OPEN_SLOTS and slot.day not in named]
    late = [slot for slot in waiting if slot.due_at and facts.now - slot.due_at > LATE]
    if not late:
        return
    oldest = min(late, key=lambda slot: slot.day)
    more = f" {say.count(len(late) - 1, 'later date is', 'later dates are')} late too." if len(late) > 1 else ""
    headline = f"{say.day(oldest.day)} is late: it was due {say.ago(oldest.due_at, facts.now)}"
    yield Problem(Severity.WARN, headline, f"{oldest.outcome}: {oldest.reason}.{more}", "pipelines.py", action="See the ledger")


def _of_missing(missing: Sequence[DateVerdict]) -> Iterator[Problem]:
    if not missing:
        return
    named = "; ".join(f"{say.day(verdict.day)}: {verdict.reason}" for verdict in missing[-_NAMED:])
    more = f"; and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    headline = f"{say.count(len(missing), 'expected session is', 'expected sessions are')} not in the lake"
    yield Problem(Severity.WARN, headline, f"{named}{more}.", "runs.py", {"day": missing[-1].day.isoformat()}, "See the date")
