"""What a backfill would take, said before it does."""

from datetime import date, timedelta

from engine.settings import SourceName
from engine.sources.simulated.faults import DEFAULT_FAULTS, FaultKind, faults_on
from storage import runs
from storage.status import BackfillMode, Verdict
from tests.pipelines.house import DAILY, SUNDAY, House, daily_bytes, days_from, numbers

MONDAY, TUESDAY, THURSDAY, FRIDAY = (SUNDAY + timedelta(days=n) for n in (1, 2, 4, 5))
TODAY = date(2026, 1, 5)  # of the house's clock


def taken(house: House, mode: BackfillMode) -> dict[date, str]:
    return {item.day: item.why for item in house.services.plan_backfill(DAILY, SUNDAY, THURSDAY, mode=mode).taken}


def test_a_plan_changes_nothing(stocked):
    assert list(taken(stocked, BackfillMode.MISSING)) == days_from(SUNDAY, 5)
    assert stocked.read(runs.recent) == []


def test_a_plan_takes_what_is_missing_failed_or_changed(stocked):
    stocked.put(TUESDAY, b"nothing")
    stocked.backfill(SUNDAY, TUESDAY)
    stocked.session(SUNDAY, 9)

    planned = taken(stocked, BackfillMode.MISSING)
    assert list(planned) == [SUNDAY, TUESDAY, THURSDAY - timedelta(days=1), THURSDAY]
    assert "changed" in planned[SUNDAY]
    assert "not gzip" in planned[TUESDAY] or "2024_06_04" in planned[TUESDAY]
    assert list(taken(stocked, BackfillMode.FAILED)) == [TUESDAY]
    assert list(taken(stocked, BackfillMode.ALL)) == days_from(SUNDAY, 5)


def test_a_plan_takes_a_closed_day_whose_file_has_come_since(stocked):
    stocked.backfill(SUNDAY, FRIDAY)
    before = stocked.services.plan_backfill(DAILY, FRIDAY, FRIDAY).taken
    stocked.session(FRIDAY, 4)

    assert before == ()
    assert [item.day for item in stocked.services.plan_backfill(DAILY, FRIDAY, FRIDAY).taken] == [FRIDAY]


def test_a_plan_says_how_long_past_runs_took(stocked):
    unknown = stocked.services.plan_backfill(DAILY, SUNDAY, THURSDAY).seconds
    stocked.backfill(SUNDAY, MONDAY)
    planned = stocked.services.plan_backfill(DAILY, SUNDAY, THURSDAY)

    assert unknown is None
    assert planned.seconds == 0  # three dates, and runs of this clock take no time
    assert len(planned.taken) == 3


def test_a_plan_of_a_source_that_does_not_answer_takes_the_date(tmp_path):
    house = House(tmp_path, kind=SourceName.SIMULATED)
    days = days_from(date(2025, 11, 20), 46)
    silent = next(day for day in days if FaultKind.TIMEOUT in faults_on(house.settings.simulated_seed, DEFAULT_FAULTS, day))
    house.run(silent)
    house.restart()  # each process meets the simulated time-outs anew
    (planned,) = house.services.plan_backfill(DAILY, silent, silent).taken

    assert house.date(silent).verdict is Verdict.SESSION
    assert planned.why == "the source did not say whether its file has changed"


def test_a_session_that_has_come_from_a_later_file_is_looked_at_when_its_own_comes(house):
    house.sessions(4)
    house.put(FRIDAY, daily_bytes(numbers(4)))
    house.backfill(SUNDAY, FRIDAY)
    quiet = house.services.plan_backfill(DAILY, THURSDAY, THURSDAY).taken
    house.put(THURSDAY, daily_bytes(numbers(4)))

    assert quiet == ()
    assert [item.day for item in house.services.plan_backfill(DAILY, THURSDAY, THURSDAY).taken] == [THURSDAY]
