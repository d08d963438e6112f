"""The ledger answers for every date that a run ever covered, also for those before the schedule began."""

from datetime import date, time, timedelta

import pytest

from engine.clock import nepal_time
from engine.market.calendar import TradingCalendar
from engine.market.reference import AnnouncedDay, Reference
from engine.pipeline.graph import Due
from engine.pipeline.history import entries
from engine.pipeline.ledger import LOOK_BACK, reconcile
from storage import backfills, moves, schedules, sessions
from storage.status import BackfillMode, BackfillState, OnFailure, RunStatus, RunType, SlotOutcome, Verdict
from tests.pipeline.machine import DAY
from tests.pipelines.house import days_from
from tests.storage.databases import statements

FIRST = DAY - timedelta(days=7)  # a Sunday, a week before the schedule begins


@pytest.fixture
def past(machine, clock):
    """A machine of which no runner has been alive, at noon of `DAY`."""
    machine.pipeline.due = Due(at=time(18, 0))
    clock.at = nepal_time(DAY, 12)
    return machine


def _entries(past, since: date = date(2024, 1, 1), until: date = DAY + timedelta(days=400)):
    calendar = TradingCalendar(past.runtime.source.reference().calendar)
    with past.runtime.database.reading() as connection:
        found = entries(connection, past.pipeline, calendar, since, until, now=past.clock.now())
    assert len({entry.day for entry in found}) == len(found)
    return {entry.day: entry for entry in found}


def _outcomes(past, **between: date) -> dict[date, SlotOutcome]:
    return {day: entry.outcome for day, entry in _entries(past, **between).items()}


def _tick(past) -> None:
    reconcile(past.runtime, past.pipeline)


def _end(past, status: RunStatus = RunStatus.SUCCEEDED, **said) -> int:
    """Let a runner claim the next run and end it at once; return its id."""
    run = past.claim()
    said = {"verdict": Verdict.SESSION, "reason": "a new session"} | said
    with past.runtime.database.transaction() as connection:
        moves.finish(connection, run["id"], status, at=past.clock.now(), day=run["partition"], held=run["fence"], **said)
    return run["id"]


def _backfill(past, days: list[date]) -> int:
    with past.runtime.database.transaction() as connection:
        asked = {"mode": BackfillMode.ALL, "on_failure": OnFailure.CONTINUE, "max_active": 1, "dates": len(days)}
        own = {"pipeline": "trial", "since": days[0], "until": days[-1], "requested_by": "console", "state": BackfillState.RUNNING}
        backfill_id = backfills.add(connection, **own, **asked, created_at=past.clock.now())
        new = {"run_type": RunType.BACKFILL, "backfill_id": backfill_id, "requested_by": "console", "priority": 2}
        moves.add_many(connection, days, at=past.clock.now(), pipeline="trial", **new)
    return backfill_id


def test_before_anything_ran_the_ledger_holds_nothing(past):
    assert _entries(past) == {}


def test_dates_that_a_backfill_brought_in_say_that_they_were_not_due_and_which_one_it_was(past):
    backfill_id = _backfill(past, days_from(FIRST, 3))
    ran = [_end(past) for _ in range(3)]
    _tick(past)

    known = _entries(past, until=FIRST + timedelta(days=2))
    assert {entry.outcome for entry in known.values()} == {SlotOutcome.BACKFILLED}
    assert known[FIRST].reason == f"brought in by backfill {backfill_id}: a new session"
    assert [(entry.run_id, entry.due_at) for entry in known.values()] == [(run_id, None) for run_id in ran]


def test_a_date_that_a_person_ran_names_the_person(past):
    past.queue(FIRST, requested_by="sita@example.com")
    _end(past)

    assert _entries(past)[FIRST].reason == "brought in by sita@example.com: a new session"


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (RunStatus.FAILED, {"verdict": Verdict.FAILED, "reason": "an unknown header"}, SlotOutcome.FAILED),
        (RunStatus.CRASHED, {"verdict": None, "reason": "its runner died"}, SlotOutcome.FAILED),
        (RunStatus.FAILED, {"verdict": Verdict.MISSING, "reason": "no file"}, SlotOutcome.SOURCE_EMPTY),
        (RunStatus.CANCELLED, {"verdict": None, "reason": "cancelled"}, SlotOutcome.CANCELLED),
    ],
)
def test_a_date_that_was_asked_for_and_not_brought_in_says_why(past, status, said, outcome):
    past.queue(FIRST)
    _end(past, status, **said)

    entry = _entries(past)[FIRST]
    assert (entry.outcome, entry.reason) == (outcome, f"asked for by a person: {said['reason']}")


def test_a_date_that_is_still_queued_is_due(past):
    _backfill(past, [FIRST])
    _tick(past)

    assert _entries(past)[FIRST].outcome is SlotOutcome.DUE


def test_a_date_that_turned_out_closed_is_a_holiday_with_its_run(past):
    past.queue(FIRST)
    run_id = _end(past, RunStatus.SKIPPED, verdict=Verdict.NO_SESSION, reason="the file repeats the session before")

    entry = _entries(past)[FIRST]
    assert (entry.outcome, entry.reason, entry.run_id) == (SlotOutcome.HOLIDAY, "the file repeats the session before", run_id)


def test_dates_that_nobody_asked_for_are_holidays_or_not_due_and_never_missed(past, shelf):
    monday = FIRST + timedelta(days=1)
    shelf.known = Reference(calendar={monday: AnnouncedDay(trading=False, holiday="Republic Day")})
    past.queue(FIRST)
    _end(past)
    _tick(past)

    known = _entries(past)
    closed = [monday, *days_from(FIRST + timedelta(days=5), 2)]  # the week ends on Thursday
    open_days = days_from(FIRST + timedelta(days=2), 3)
    assert [known[day].outcome for day in closed] == [SlotOutcome.HOLIDAY] * 3
    assert known[monday].reason == "holiday: Republic Day"
    assert [known[day].outcome for day in open_days] == [SlotOutcome.NOT_DUE] * 3
    assert known[open_days[0]].reason == f"the schedule begins on {DAY}, and nobody has asked for this date"


def test_the_ledger_is_without_a_gap_from_the_first_covered_date_to_today(past):
    past.queue(FIRST)
    _end(past)
    past.clock.at += timedelta(days=3)
    _tick(past)
    past.clock.at += timedelta(days=2)
    _tick(past)

    assert list(_entries(past)) == days_from(FIRST, 7 + 3 + 3)


def test_a_date_that_is_brought_in_later_moves_the_beginning_back(past):
    past.queue(FIRST)
    _end(past)
    _tick(past)
    past.queue(FIRST - timedelta(days=2))
    _end(past)

    assert next(iter(_entries(past))) == FIRST - timedelta(days=2)


def test_from_its_first_day_on_the_schedule_speaks_for_itself(past):
    past.queue(FIRST)
    _end(past)
    _tick(past)
    past.clock.at = nepal_time(DAY, 18)
    _tick(past)
    _end(past)
    _tick(past)

    entry = _entries(past)[DAY]
    assert (entry.outcome, entry.reason, entry.due_at) == (SlotOutcome.RAN, "a new session", nepal_time(DAY, 18))


def test_where_no_runner_has_opened_the_schedule_the_ledger_ends_with_the_last_run(past):
    for day in (FIRST, FIRST + timedelta(days=2)):
        past.queue(day)
        _end(past)

    assert list(_outcomes(past).values()) == [SlotOutcome.BACKFILLED, SlotOutcome.NOT_DUE, SlotOutcome.BACKFILLED]
    assert "no schedule has begun" in _entries(past)[FIRST + timedelta(days=1)].reason


def _accept(past, session: date, *, file_date: date, run_id: int = 1) -> None:
    with past.runtime.database.transaction() as connection:
        facts = {"rows": 1, "trades": 1, "volume": 1, "turnover_paisa": 1, "source": "files", "simulated": False, "layout": "v1"}
        where = {"silver_path": "silver", "gold_path": "gold", "booked_by": "a person", "file_date": file_date}
        sessions.accept(connection, session=session, run_id=run_id, accepted_at=past.clock.now(), **facts, **where)


def test_a_session_that_was_booked_from_another_file_is_no_gap(past):
    past.queue(FIRST + timedelta(days=1))
    _end(past)
    _accept(past, FIRST, file_date=FIRST + timedelta(days=1))

    entry = _entries(past)[FIRST]
    assert (entry.outcome, entry.run_id) == (SlotOutcome.BACKFILLED, 1)
    assert entry.reason == f"booked from the file of {FIRST + timedelta(days=1)}"


def test_a_session_whose_own_file_failed_and_which_another_brought_in_is_in_the_lake_and_both_dates_say_so(past):
    session, saturday = FIRST + timedelta(days=5), FIRST + timedelta(days=6)
    past.queue(session)
    _end(past, RunStatus.FAILED, verdict=Verdict.FAILED, reason="a partial file")
    past.queue(saturday)
    run_id = _end(past, verdict=Verdict.NO_SESSION, session_date=session, reason="the totals are those of the day before")
    _accept(past, session, file_date=saturday, run_id=run_id)

    known = _entries(past)
    assert (known[session].outcome, known[session].run_id) == (SlotOutcome.BACKFILLED, run_id)
    assert known[session].reason == f"booked from the file of {saturday}"
    assert known[saturday].outcome is SlotOutcome.HOLIDAY
    assert known[saturday].reason == f"its file brought in the session of {session}: the totals are those of the day before"
    assert _entries(past, since=saturday)[saturday] == known[saturday]  # also where the session lies before the range


def test_a_range_shows_only_its_own_dates(past):
    _backfill(past, days_from(FIRST, 6))
    _tick(past)

    assert list(_entries(past, FIRST + timedelta(days=1), FIRST + timedelta(days=3))) == days_from(FIRST + timedelta(days=1), 3)


def _long_after(past) -> None:
    past.clock.at += LOOK_BACK + timedelta(days=10)
    _tick(past)
    _tick(past)


def test_a_slot_that_is_brought_in_after_the_runner_has_given_it_up_is_not_shown_as_failed_for_ever(past):
    past.clock.at = nepal_time(DAY, 18)
    _tick(past)
    _end(past, RunStatus.FAILED, verdict=Verdict.FAILED)
    _long_after(past)
    failed = _outcomes(past)[DAY]
    past.queue(DAY, priority=-1)
    run_id = _end(past)
    _tick(past)

    assert (failed, _outcomes(past)[DAY]) == (SlotOutcome.FAILED, SlotOutcome.LATE)
    assert _entries(past)[DAY].run_id == run_id


def test_an_old_slot_whose_session_another_file_brings_in_is_not_shown_as_failed_for_ever(past):
    past.clock.at = nepal_time(DAY, 18)
    _tick(past)
    _end(past, RunStatus.FAILED, verdict=Verdict.FAILED)
    _long_after(past)
    _accept(past, DAY, file_date=DAY + timedelta(days=1), run_id=5)
    _tick(past)

    entry = _entries(past)[DAY]
    assert (entry.outcome, entry.run_id) == (SlotOutcome.LATE, 5)


def test_an_old_slot_that_ran_in_time_does_not_become_late_by_a_rerun(past):
    past.clock.at = nepal_time(DAY, 18)
    _tick(past)
    _end(past)
    _long_after(past)
    past.queue(DAY, priority=-1)
    while_queued = _outcomes(past)[DAY]
    _end(past)

    assert (while_queued, _outcomes(past)[DAY]) == (SlotOutcome.RAN, SlotOutcome.RAN)


def test_an_old_slot_that_was_paused_stays_so_until_somebody_runs_it(past):
    _tick(past)
    with past.runtime.database.transaction() as connection:
        schedules.set_paused(connection, "trial", paused=True, by="a person", at=past.clock.now())
    _long_after(past)
    paused = _outcomes(past)[DAY]
    past.queue(DAY)
    _end(past)

    assert (paused, _outcomes(past)[DAY]) == (SlotOutcome.PAUSED, SlotOutcome.LATE)


@pytest.mark.parametrize("days", [2, 60])
def test_a_longer_past_takes_no_more_statements(past, days):
    _backfill(past, days_from(DAY - timedelta(days=days), days))
    _tick(past)
    with statements(past.runtime.database) as asked:
        _entries(past)

    assert len([statement for statement, _ in asked if statement.lstrip().startswith("SELECT")]) == 6
