"""The commands: asked twice done once, refused with a reason, and written down with who asked."""

from datetime import date, timedelta

import pytest

from engine.errors import Conflict, UnknownName, UsageError
from engine.settings import SourceName
from storage import audit, backfills, moves, runs, schedules
from storage.dates import verdicts
from storage.status import BackfillState, OnFailure, Outcome, RunStatus, RunType
from tests.pipelines.house import DAILY, SUNDAY, House, days_from

MONDAY, TUESDAY, THURSDAY, FRIDAY = (SUNDAY + timedelta(days=n) for n in (1, 2, 4, 5))
TODAY = date(2026, 1, 5)  # of the house's clock


def queued(house: House) -> list[date]:
    return sorted(row["partition"] for row in house.read(runs.recent, limit=1000) if row["status"] == RunStatus.QUEUED)


def state_of(house: House, backfill_id: int) -> str:
    state: str = house.read(backfills.one, backfill_id)["state"]
    return state


def test_a_run_is_queued_for_its_date(house):
    submitted = house.services.run(DAILY, MONDAY)
    run = house.found(submitted.run_id)

    assert submitted.created
    assert (run["status"], run["run_type"], run["partition"], run["requested_by"]) == (RunStatus.QUEUED, RunType.MANUAL, MONDAY, "test")


def test_a_double_click_is_one_run(house):
    first, second = house.services.run(DAILY, MONDAY), house.services.run(DAILY, MONDAY)

    assert (second.run_id, second.created) == (first.run_id, False)
    assert "already" in second.message


def test_the_same_request_key_gives_the_same_run_even_when_it_is_over(stocked):
    first = stocked.services.run(DAILY, SUNDAY, request_key="a")
    stocked.work()
    second = stocked.services.run(DAILY, SUNDAY, request_key="a")

    assert (second.run_id, second.created) == (first.run_id, False)


def test_the_same_request_key_for_something_else_is_a_conflict(house):
    house.services.run(DAILY, MONDAY, request_key="a")

    with pytest.raises(Conflict, match="partition"):
        house.services.run(DAILY, TUESDAY, request_key="a")


def test_the_same_request_key_gives_the_same_backfill(stocked):
    first = stocked.services.backfill(DAILY, SUNDAY, THURSDAY, request_key="b")
    stocked.work()

    assert stocked.services.backfill(DAILY, SUNDAY, THURSDAY, request_key="b") == first
    with pytest.raises(Conflict, match="until"):
        stocked.services.backfill(DAILY, SUNDAY, FRIDAY, request_key="b")


@pytest.mark.parametrize("day", [TODAY + timedelta(days=1), date(2999, 1, 1)])
def test_a_future_date_is_refused(house, day):
    with pytest.raises(UsageError, match="future"):
        house.services.run(DAILY, day)
    with pytest.raises(UsageError, match="future"):
        house.services.backfill(DAILY, day, day)

    assert house.read(runs.recent) == []


def test_today_is_the_date_in_nepal(house):
    house.clock.at = house.clock.at.replace(hour=19)  # 00:45 of the next day in Nepal

    assert house.services.run(DAILY, TODAY + timedelta(days=1)).created


def test_a_range_that_ends_before_it_begins_is_refused(house):
    with pytest.raises(UsageError, match="before it begins"):
        house.services.backfill(DAILY, FRIDAY, SUNDAY)


def test_a_range_of_a_century_is_refused(house):
    with pytest.raises(UsageError, match="at most"):
        house.services.plan_backfill(DAILY, date(1925, 1, 1), SUNDAY)


def test_unknown_names_say_what_there_is(house):
    with pytest.raises(UnknownName, match=r"'weekly'.*daily_prices"):
        house.services.run("weekly", MONDAY)
    with pytest.raises(UnknownName, match="no run 99"):
        house.services.rerun(99)
    with pytest.raises(UnknownName, match="no run 99"):
        house.services.cancel(99)
    with pytest.raises(UnknownName, match="no backfill 99"):
        house.services.pause_backfill(99)


def test_a_file_cannot_be_booked_to_a_later_session(house):
    with pytest.raises(UsageError, match="later date"):
        house.services.run(DAILY, MONDAY, book_to=TUESDAY)


def test_a_booking_is_not_lost_in_a_run_that_is_queued_already(house):
    house.services.run(DAILY, TUESDAY)

    with pytest.raises(Conflict, match="queued or running"):
        house.services.run(DAILY, TUESDAY, book_to=MONDAY)


def test_a_rerun_keeps_the_booking_by_hand(stocked):
    booked = stocked.run(SUNDAY, book_to=SUNDAY)

    assert stocked.found(stocked.services.rerun(booked["id"]).run_id)["book_to"] == SUNDAY


def test_a_rerun_is_a_new_run_linked_to_the_old_one(stocked):
    first = stocked.run(SUNDAY)
    again = stocked.rerun(first["id"])

    assert (again["rerun_of"], again["run_type"], again["outcome"]) == (first["id"], RunType.RERUN, Outcome.UNCHANGED)
    assert stocked.found(first["id"]) == first


def test_a_rerun_from_a_stage_needs_the_checkpoints_before_it(house):
    house.put(MONDAY, b"nothing")
    failed = house.run(MONDAY)

    with pytest.raises(Conflict, match="no checkpoint of stage parsed"):
        house.services.rerun(failed["id"], from_stage="gold")
    with pytest.raises(UnknownName, match="check_source, bronze"):
        house.services.rerun(failed["id"], from_stage="golden")

    assert queued(house) == []


def test_old_checkpoints_are_refused_once_a_newer_run_has_made_others(stocked):
    old = stocked.run(SUNDAY)
    stocked.session(SUNDAY, 3)
    new = stocked.run(SUNDAY)

    with pytest.raises(Conflict, match=f"run {new['id']} has done"):
        stocked.services.rerun(old["id"], from_stage="gold")
    assert stocked.rerun(new["id"], from_stage="gold")["outcome"] == Outcome.UNCHANGED


def test_several_dates_are_queued_again_oldest_first(stocked):
    stocked.backfill(SUNDAY, THURSDAY)
    submitted = stocked.services.rerun_dates(DAILY, [TUESDAY, SUNDAY])

    assert [stocked.found(item.run_id)["partition"] for item in submitted] == [SUNDAY, TUESDAY]


def test_a_queued_run_is_cancelled_at_once(house):
    run_id = house.services.run(DAILY, MONDAY).run_id
    said = house.services.cancel(run_id)

    assert house.found(run_id)["status"] == RunStatus.CANCELLED
    assert "cancelled" in said
    with pytest.raises(Conflict, match="nothing to cancel"):
        house.services.cancel(run_id)


def test_a_running_run_is_asked_to_stop_and_stops(stocked):
    run_id = stocked.services.run(DAILY, SUNDAY).run_id
    run = moves.claim(stocked.runtime.database, runner_id="test", at=stocked.clock.now(), sequential=[DAILY])
    said = stocked.services.cancel(run_id)
    stocked.execution.execute(run)

    assert "asked to stop" in said
    assert stocked.found(run_id)["status"] == RunStatus.CANCELLED
    assert stocked.accepted() == []


def test_cancelling_the_last_date_ends_its_backfill(stocked):
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, SUNDAY)
    stocked.services.cancel(stocked.read(runs.newest_of, DAILY, SUNDAY)["id"])

    assert state_of(stocked, backfill_id) == BackfillState.DONE


def test_a_backfill_takes_over_dates_that_are_queued_rather_than_double_them(stocked):
    run_id = stocked.services.run(DAILY, MONDAY).run_id
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)

    assert stocked.read(backfills.one, backfill_id)["dates"] == 5
    assert stocked.found(run_id)["backfill_id"] == backfill_id
    assert queued(stocked) == days_from(SUNDAY, 5)


def test_a_backfill_with_nothing_to_do_is_done(stocked):
    stocked.backfill(SUNDAY, THURSDAY)

    assert state_of(stocked, stocked.backfill(SUNDAY, THURSDAY)) == BackfillState.DONE


def test_a_backfill_runs_its_dates_oldest_first(stocked):
    stocked.backfill(SUNDAY, THURSDAY)
    begun = [row for row in reversed(stocked.read(runs.recent)) if row["status"] == RunStatus.SUCCEEDED]

    assert [row["partition"] for row in begun] == days_from(SUNDAY, 5)
    assert stocked.accepted() == days_from(SUNDAY, 5)


def test_a_backfill_stops_at_its_first_failure_when_asked_and_goes_on_when_resumed(stocked):
    stocked.put(MONDAY, b"nothing")
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY, on_failure=OnFailure.STOP)
    stocked.work()
    stopped, waiting = state_of(stocked, backfill_id), queued(stocked)
    stocked.services.resume_backfill(backfill_id)
    stocked.work()

    assert (stopped, waiting) == (BackfillState.STOPPED, days_from(TUESDAY, 3))
    assert state_of(stocked, backfill_id) == BackfillState.DONE


def test_a_backfill_goes_on_after_a_failure_by_default(stocked):
    stocked.put(MONDAY, b"nothing")
    backfill_id = stocked.backfill(SUNDAY, THURSDAY)

    assert state_of(stocked, backfill_id) == BackfillState.DONE
    assert stocked.accepted() == [day for day in days_from(SUNDAY, 5) if day != MONDAY]


def test_a_paused_backfill_begins_nothing_until_it_is_resumed(stocked):
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)
    stocked.services.pause_backfill(backfill_id)
    while_paused = stocked.work()
    stocked.services.resume_backfill(backfill_id)

    assert while_paused == 0
    assert stocked.work() == 5


def test_what_goes_on_no_longer_says_why_it_stood_still(stocked):
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)
    stocked.services.pause_backfill(backfill_id)
    while_paused = stocked.read(backfills.one, backfill_id)["reason"]
    stocked.services.resume_backfill(backfill_id)

    assert (while_paused, stocked.read(backfills.one, backfill_id)["reason"]) == ("by test", None)


def test_a_date_whose_run_was_cancelled_before_it_began_is_as_if_it_had_never_been_asked_for(stocked):
    before = stocked.read(verdicts, DAILY, SUNDAY, THURSDAY)
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)
    stocked.services.cancel_backfill(backfill_id)
    after = stocked.read(verdicts, DAILY, SUNDAY, THURSDAY)

    assert [(one.verdict, one.run_id) for one in after] == [(one.verdict, one.run_id) for one in before]
    assert {one.reason for one in after} == {"no run yet: its backfill was cancelled by test"}


def test_a_cancelled_backfill_leaves_nothing_queued(stocked):
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)
    stocked.work(most=2)
    stocked.services.cancel_backfill(backfill_id)

    assert queued(stocked) == []
    assert state_of(stocked, backfill_id) == BackfillState.CANCELLED
    with pytest.raises(Conflict, match="has ended"):
        stocked.services.resume_backfill(backfill_id)


def test_a_date_that_a_paused_backfill_holds_is_not_waited_for_in_vain(stocked):
    backfill_id = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)
    stocked.services.pause_backfill(backfill_id)

    with pytest.raises(Conflict, match=f"backfill {backfill_id}, which is paused"):
        stocked.services.run(DAILY, MONDAY)


def test_a_new_backfill_goes_on_with_what_a_paused_one_holds(stocked):
    paused = stocked.services.backfill(DAILY, SUNDAY, THURSDAY)
    stocked.services.pause_backfill(paused)
    again = stocked.backfill(SUNDAY, THURSDAY)

    assert [state_of(stocked, paused), state_of(stocked, again)] == [BackfillState.CANCELLED, BackfillState.DONE]
    assert stocked.accepted() == days_from(SUNDAY, 5)


def test_a_run_by_a_person_goes_before_a_backfill(stocked):
    stocked.services.backfill(DAILY, SUNDAY, TUESDAY)
    stocked.services.run(DAILY, THURSDAY)
    stocked.work(most=1)

    assert stocked.read(runs.newest_of, DAILY, THURSDAY)["started_at"] is not None
    assert queued(stocked) == days_from(SUNDAY, 3)


def test_an_empty_simulated_home_backfills_its_last_sessions_once(tmp_path):
    house = House(tmp_path, kind=SourceName.SIMULATED)
    first = house.services.first_backfill()

    assert house.read(backfills.one, first)["dates"] >= 60
    assert max(queued(house)) == TODAY - timedelta(days=1)
    assert house.services.first_backfill() is None


def test_an_empty_home_for_files_backfills_what_the_folder_holds(stocked):
    stocked.services.first_backfill()

    assert queued(stocked) == days_from(SUNDAY, 5)


def test_a_schedule_is_paused_and_resumed(house):
    house.services.pause_schedule(DAILY)
    paused = house.read(schedules.one, DAILY)
    house.services.resume_schedule(DAILY)

    assert (paused["paused"], paused["paused_by"]) == (True, "test")
    assert house.read(schedules.one, DAILY)["paused"] is False


COMMANDS = {
    "manual": lambda services: services.run(DAILY, MONDAY),
    "backfill": lambda services: services.backfill(DAILY, SUNDAY, MONDAY),
    "pause_schedule": lambda services: services.pause_schedule(DAILY),
    "resume_schedule": lambda services: (services.pause_schedule(DAILY), services.resume_schedule(DAILY)),
    "cancel": lambda services: services.cancel(services.run(DAILY, MONDAY).run_id),
    "rerun": lambda services: services.rerun_dates(DAILY, [MONDAY]),
    "backfill_paused": lambda services: services.pause_backfill(services.backfill(DAILY, SUNDAY, MONDAY)),
    "backfill_running": lambda services: services.resume_backfill(services.backfill(DAILY, SUNDAY, MONDAY)),
    "backfill_cancelled": lambda services: services.cancel_backfill(services.backfill(DAILY, SUNDAY, MONDAY)),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_leaves_a_row_that_says_who_and_what(house, command):
    COMMANDS[command](house.services)
    newest = house.read(audit.recent)[0]

    assert (newest["command"], newest["actor"]) == (command, "test")
    assert newest["at"] == house.clock.now()
    assert newest["parameters"]
    assert newest["result"]


def test_a_refused_command_leaves_no_row(house):
    with pytest.raises(UsageError):
        house.services.run(DAILY, TODAY + timedelta(days=1))

    assert house.read(audit.recent) == []
