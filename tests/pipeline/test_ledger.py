"""Every expected date gets a row that says what became of it; nothing is skipped without a word."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from engine.clock import NEPAL, FakeClock, nepal_time
from engine.market.calendar import TradingCalendar
from engine.market.reference import AnnouncedDay, Reference
from engine.pipeline.graph import Due, Pipeline
from engine.pipeline.ledger import next_slots, reconcile
from engine.runtime import compose
from engine.settings import Settings
from storage import moves, schedules, sessions
from storage.status import RunStatus, RunType, SlotOutcome, Verdict
from tests.pipeline.machine import DAY, Shelf
from tests.pipelines.house import days_from
from tests.storage.databases import at_once

EVENING = Due(at=time(18, 0))


@pytest.fixture
def ledger(machine, clock):
    """The ledger of a pipeline that is due at 18:00; it begins on `DAY`, a minute before that."""
    machine.pipeline.due = EVENING
    clock.at = nepal_time(DAY, 17, 59)
    reconcile(machine.runtime, machine.pipeline)
    return machine


def _tick(ledger, at: datetime | None = None) -> None:
    if at is not None:
        ledger.clock.at = at
    reconcile(ledger.runtime, ledger.pipeline)


def _slots(ledger, since: date = DAY, until: date = date(2025, 12, 31)):
    with ledger.runtime.database.reading() as connection:
        return {row["day"]: row for row in schedules.slots_between(connection, "trial", since, until)}


def _outcomes(ledger) -> list[str]:
    return [row["outcome"] for row in _slots(ledger).values()]


def _end(ledger, status: RunStatus = RunStatus.SUCCEEDED, *, runner: str = "host-1", **said) -> int:
    """Let a runner claim the next run and end it at once."""
    run = ledger.claim(runner)
    at = ledger.clock.now()
    said = {"verdict": Verdict.SESSION, "reason": "the session of its date"} | said
    with ledger.runtime.database.transaction() as connection:
        moves.finish(connection, run["id"], status, at=at, day=run["partition"], held=run["fence"], **said)
    return run["id"]


def _pause(ledger, *, paused: bool = True) -> None:
    with ledger.runtime.database.transaction() as connection:
        schedules.set_paused(connection, "trial", paused=paused, by="a person", at=ledger.clock.now())


def test_before_its_time_a_slot_is_due_and_nothing_is_queued(ledger):
    assert _outcomes(ledger) == [SlotOutcome.DUE]
    assert _slots(ledger)[DAY]["reason"] == "its time has not come"
    assert ledger.claim() is None


def test_at_its_time_a_slot_is_queued_once(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _tick(ledger)
    run = ledger.claim()

    assert (run["run_type"], run["partition"], run["requested_by"]) == (RunType.SCHEDULED, DAY, "schedule")
    assert _slots(ledger)[DAY]["run_id"] == run["id"]
    assert ledger.claim() is None


def test_a_slot_that_ran_in_time_says_so(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger)
    _tick(ledger)

    assert _outcomes(ledger) == [SlotOutcome.RAN]


def test_a_slot_that_ran_more_than_an_hour_later_is_late(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    ledger.clock.at = nepal_time(DAY, 20, 30)
    _end(ledger)
    _tick(ledger)

    assert _outcomes(ledger) == [SlotOutcome.LATE]
    assert _slots(ledger)[DAY]["reason"].endswith("(2 h 30 min after its time)")


def test_a_holiday_has_a_row_with_its_name_and_no_run(ledger, shelf):
    holiday = DAY + timedelta(days=1)
    shelf.known = Reference(calendar={holiday: AnnouncedDay(trading=False, holiday="Republic Day")})
    _tick(ledger, nepal_time(holiday, 19, 0))

    assert (_slots(ledger)[holiday]["outcome"], _slots(ledger)[holiday]["reason"]) == (SlotOutcome.HOLIDAY, "holiday: Republic Day")
    assert ledger.claim()["partition"] == DAY
    assert ledger.claim("host-2") is None


def test_slots_that_passed_while_no_runner_was_alive_are_all_caught_up_oldest_first(ledger):
    _tick(ledger, nepal_time(DAY + timedelta(days=2), 18, 30))  # three due times later

    slots = _slots(ledger)
    assert [slots[day]["outcome"] for day in days_from(DAY, 3)] == [SlotOutcome.MISSED] * 3
    assert slots[DAY]["reason"] == "no runner was alive at its time; caught up 48 h 30 min late"
    ran = [ledger.run(_end(ledger)) for _ in range(3)]
    assert [(row["partition"], row["run_type"]) for row in ran] == [(day, RunType.CATCHUP) for day in days_from(DAY, 3)]
    _tick(ledger)
    assert _outcomes(ledger) == [SlotOutcome.LATE, SlotOutcome.LATE, SlotOutcome.RAN]


def test_every_date_of_a_long_absence_has_a_row(ledger):
    _tick(ledger, nepal_time(DAY + timedelta(days=100), 18, 30))

    slots = _slots(ledger)
    assert list(slots) == days_from(DAY, 101)
    assert {row["outcome"] for row in slots.values()} == {SlotOutcome.MISSED, SlotOutcome.HOLIDAY}
    assert all(row["run_id"] for row in slots.values() if row["outcome"] == SlotOutcome.MISSED)


def test_while_a_schedule_is_paused_its_slots_say_so_and_nothing_is_queued(ledger):
    _pause(ledger)
    _tick(ledger, nepal_time(DAY + timedelta(days=1), 18, 30))

    assert _outcomes(ledger) == [SlotOutcome.PAUSED, SlotOutcome.PAUSED]
    assert ledger.claim() is None


def test_a_slot_that_was_paused_is_not_run_by_resuming(ledger):
    _pause(ledger)
    _tick(ledger, nepal_time(DAY, 18, 30))
    _pause(ledger, paused=False)
    _tick(ledger, nepal_time(DAY + timedelta(days=1), 18, 0))

    assert _outcomes(ledger) == [SlotOutcome.PAUSED, SlotOutcome.DUE]
    assert ledger.claim()["partition"] == DAY + timedelta(days=1)


def test_a_person_may_run_a_paused_slot(ledger):
    _pause(ledger)
    _tick(ledger, nepal_time(DAY, 18, 30))
    ledger.queue()
    _end(ledger)
    _tick(ledger)

    assert _outcomes(ledger) == [SlotOutcome.RAN]


def test_a_slot_that_was_missed_before_the_schedule_was_paused_waits_for_its_resuming(ledger):
    ledger.clock.at = nepal_time(DAY, 19, 0)
    _pause(ledger)
    _tick(ledger, nepal_time(DAY, 20, 0))
    while_paused = _outcomes(ledger), ledger.claim()
    _pause(ledger, paused=False)
    _tick(ledger)

    assert while_paused == ([SlotOutcome.MISSED], None)
    assert ledger.claim()["run_type"] == RunType.CATCHUP


def test_a_source_without_a_file_is_not_a_failure_of_the_run(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger, RunStatus.FAILED, verdict=Verdict.MISSING, reason="the source has no file")
    _tick(ledger)

    assert _outcomes(ledger) == [SlotOutcome.SOURCE_EMPTY]


def test_a_date_that_turned_out_closed_is_a_holiday(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger, RunStatus.SKIPPED, verdict=Verdict.NO_SESSION, reason="the file repeats the session before")
    _tick(ledger)

    assert _outcomes(ledger) == [SlotOutcome.HOLIDAY]


def test_a_slot_whose_session_came_with_a_later_file_is_late_and_says_which_one(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger, RunStatus.FAILED, verdict=Verdict.FAILED, reason="a partial file")
    _tick(ledger)
    failed = _outcomes(ledger)
    later = DAY + timedelta(days=1)
    _tick(ledger, nepal_time(later, 18, 0))
    run_id = _end(ledger, verdict=Verdict.NO_SESSION, session_date=DAY, reason="the totals are those of the day before")
    with ledger.runtime.database.transaction() as connection:
        facts = {"rows": 1, "trades": 1, "volume": 1, "turnover_paisa": 1, "source": "files", "simulated": False, "layout": "v1"}
        where = {"silver_path": "silver", "gold_path": "gold", "booked_by": "the verdict", "file_date": later}
        sessions.accept(connection, session=DAY, run_id=run_id, accepted_at=ledger.clock.now(), **facts, **where)
    _tick(ledger)

    slots = _slots(ledger)
    assert failed == [SlotOutcome.FAILED]
    assert (slots[DAY]["outcome"], slots[DAY]["run_id"]) == (SlotOutcome.LATE, run_id)
    assert slots[DAY]["reason"] == f"booked from the file of {later} (24 h 0 min after its time)"
    assert slots[later]["outcome"] == SlotOutcome.HOLIDAY
    assert slots[later]["reason"] == f"its file brought in the session of {DAY}: the totals are those of the day before"


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (RunStatus.FAILED, {"verdict": Verdict.FAILED}, SlotOutcome.FAILED),
        (RunStatus.FAILED, {"verdict": None}, SlotOutcome.FAILED),
        (RunStatus.CRASHED, {"verdict": Verdict.FAILED}, SlotOutcome.FAILED),
        (RunStatus.CANCELLED, {"verdict": None}, SlotOutcome.CANCELLED),
    ],
)
def test_a_run_that_did_not_succeed_shows_in_its_slot(ledger, status, said, outcome):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger, status, **said)
    _tick(ledger)

    assert _outcomes(ledger) == [outcome]


@pytest.mark.parametrize(("hour", "outcome"), [(18, SlotOutcome.RAN), (21, SlotOutcome.LATE)])
def test_a_failed_slot_that_is_run_again_has_run(ledger, hour, outcome):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger, RunStatus.FAILED, verdict=Verdict.FAILED)
    _tick(ledger)
    failed = _outcomes(ledger)
    ledger.clock.at = nepal_time(DAY, hour, 30)
    ledger.queue()
    _end(ledger)
    _tick(ledger)

    assert (failed, _outcomes(ledger)) == ([SlotOutcome.FAILED], [outcome])


def test_a_rerun_days_later_does_not_make_a_slot_late_that_ran_in_time(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    _end(ledger)
    _tick(ledger)
    ledger.clock.at = nepal_time(DAY + timedelta(days=3), 12, 0)
    ledger.queue()
    _tick(ledger)
    while_queued = _slots(ledger)[DAY]["outcome"]
    _end(ledger)
    _tick(ledger)

    assert (while_queued, _slots(ledger)[DAY]["outcome"]) == (SlotOutcome.RAN, SlotOutcome.RAN)


def test_a_slot_whose_day_before_is_not_done_is_blocked_by_it(ledger):
    _tick(ledger, nepal_time(DAY, 18, 0))
    ledger.claim()  # and hangs
    _tick(ledger, nepal_time(DAY + timedelta(days=1), 18, 0))
    _tick(ledger)

    slot = _slots(ledger)[DAY + timedelta(days=1)]
    assert (slot["outcome"], slot["reason"]) == (SlotOutcome.BLOCKED, f"waits for {DAY}, which it builds on")


def test_a_clock_that_is_set_back_a_day_changes_and_queues_nothing(ledger):
    _tick(ledger, nepal_time(DAY + timedelta(days=1), 18, 0))
    _end(ledger)
    _end(ledger)
    _tick(ledger)
    before = _slots(ledger)
    _tick(ledger, nepal_time(DAY, 18, 0))

    assert _slots(ledger) == before
    assert ledger.claim() is None


def test_a_clock_that_was_a_day_ahead_for_a_while_leaves_no_slot_without_a_run_and_none_with_two(ledger):
    _tick(ledger, nepal_time(DAY + timedelta(days=1), 18, 0))
    _tick(ledger, nepal_time(DAY, 18, 0))
    _tick(ledger, nepal_time(DAY + timedelta(days=1), 18, 0))
    ended = [ledger.run(_end(ledger))["partition"] for _ in range(2)]

    assert ended == days_from(DAY, 2)
    assert ledger.claim() is None


def _tick_in_a_process(_number: int, url: str, home: Path, at: datetime) -> None:
    opened = compose(Settings(home=home, database_url=url), FakeClock(at))
    reconcile(replace(opened, source=Shelf()), Pipeline("trial", "For a test.", due=EVENING, sequential=True))
    opened.database.close()


def test_runners_that_tick_at_once_queue_each_slot_once(ledger, url, tmp_path):
    ledger.clock.at = nepal_time(DAY + timedelta(days=2), 18, 30)
    at_once(3, _tick_in_a_process, url, tmp_path / "home", ledger.clock.at)
    claimed = [_end(ledger) for _ in range(3)]

    assert [ledger.run(run_id)["partition"] for run_id in claimed] == days_from(DAY, 3)
    assert ledger.claim() is None


def test_the_trading_week_of_the_date_decides_which_days_are_due(ledger, shelf):
    calendar = TradingCalendar(shelf.known.calendar)
    due = [at.astimezone(NEPAL) for at in next_slots(ledger.pipeline, calendar, nepal_time(date(2026, 4, 2), 12), count=8)]

    assert [f"{at:%a %d}" for at in due] == ["Thu 02", "Sun 05", "Mon 06", "Tue 07", "Wed 08", "Thu 09", "Fri 10", "Mon 13"]
    assert {f"{at:%H:%M}" for at in due} == {"18:00"}


def test_the_first_friday_of_the_new_trading_week_is_caught_up_and_its_sunday_is_not(ledger):
    friday, sunday = date(2026, 4, 10), date(2026, 4, 12)
    _tick(ledger, nepal_time(sunday, 18, 30))

    slots = _slots(ledger, friday, sunday)
    assert [slots[friday]["outcome"], slots[sunday]["outcome"]] == [SlotOutcome.MISSED, SlotOutcome.HOLIDAY]
    assert slots[sunday]["reason"] == "Sunday is outside the trading week"
