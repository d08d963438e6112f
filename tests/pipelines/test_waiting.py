"""A date waits for its session to be over and for its file to come, until its day ends."""

from datetime import UTC, datetime, timedelta

from storage import runs
from storage.status import RunStatus, Verdict
from tests.pipelines.house import DAILY, SUNDAY

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (SUNDAY + timedelta(days=n) for n in range(1, 6))
NEXT_SUNDAY, NEXT_MONDAY, NEXT_TUESDAY = (SUNDAY + timedelta(days=n) for n in (7, 8, 9))
NEXT_FRIDAY = SUNDAY + timedelta(days=12)


def test_a_date_whose_session_is_not_over_waits_in_the_queue(house):
    house.clock.at = datetime(2024, 6, 2, 6, tzinfo=UTC)
    house.session(SUNDAY, 0)
    run = house.run(SUNDAY)

    assert (run["status"], run["waits"]) == (RunStatus.QUEUED, 1)
    assert run["available_at"] > house.clock.now()
    assert "not over yet" in run["reason"]


def test_a_file_that_comes_an_hour_late_is_taken_when_it_comes(house):
    house.clock.at = datetime(2024, 6, 2, 12, 15, tzinfo=UTC)
    house.run(SUNDAY)
    house.clock.advance(timedelta(hours=1))
    house.session(SUNDAY, 0)
    house.work()

    assert (house.date(SUNDAY).verdict, house.date(SUNDAY).status) == (Verdict.SESSION, RunStatus.SUCCEEDED)


def test_a_source_that_still_shows_the_session_before_is_looked_at_again(week):
    week.clock.at = datetime(2024, 6, 9, 12, 15, tzinfo=UTC)
    week.session(NEXT_SUNDAY, 4)
    waiting = week.run(NEXT_SUNDAY)
    week.clock.advance(timedelta(minutes=6))
    week.session(NEXT_SUNDAY, 5)
    week.work()

    assert (waiting["status"], waiting["waits"]) == (RunStatus.QUEUED, 1)
    assert week.date(NEXT_SUNDAY).verdict is Verdict.SESSION


def test_a_session_whose_file_never_comes_is_missing_at_the_end_of_its_day(house):
    house.clock.at = datetime(2024, 6, 2, 12, 15, tzinfo=UTC)
    house.run(SUNDAY)
    house.clock.at = datetime(2024, 6, 2, 17, 16, tzinfo=UTC)
    house.work()

    missing = house.date(SUNDAY)
    assert (missing.verdict, missing.status) == (Verdict.MISSING, RunStatus.FAILED)
    assert house.read(runs.newest_of, DAILY, SUNDAY)["error_type"] == "NoFile"
