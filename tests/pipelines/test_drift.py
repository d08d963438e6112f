"""Drift behind the runs: what was loaded is compared, what changed is compared anew, and a person's word counts."""

from datetime import timedelta

import pytest

from engine.drifting import catch_up
from engine.errors import Conflict, UnknownName, UsageError
from engine.jobs.timetable import due
from storage import audit, drift, sessions
from storage.status import DriftLabel, RunStatus
from tests.pipelines.house import DAILY, SUNDAY, House, announced, daily_bytes, days_from, numbers

THURSDAY = SUNDAY + timedelta(days=4)


def reports(house: House) -> dict:
    return {row["session"]: row for row in house.read(drift.reports_between, SUNDAY, SUNDAY + timedelta(days=60))}


def is_due(house: House) -> bool:
    return "drift" in house.read(lambda connection: due(connection, house.settings, now=house.clock.now()))


def test_every_session_that_was_loaded_is_compared_once(week):
    assert catch_up(week.runtime)["sessions"] == 5
    assert catch_up(week.runtime)["sessions"] == 0
    assert list(reports(week)) == week.accepted()


def test_the_job_follows_the_runs_and_holds_none_of_them_up(week):
    assert is_due(week)

    waiting = week.services.run(DAILY, SUNDAY + timedelta(days=7))
    assert not is_due(week)

    week.services.cancel(waiting.run_id)
    catch_up(week.runtime)
    assert not is_due(week)


def test_a_rerun_of_an_old_session_has_it_and_all_behind_it_compared_anew(week):
    catch_up(week.runtime)
    before = week.table("silver", SUNDAY + timedelta(days=1))
    week.session(SUNDAY + timedelta(days=1), 9)
    week.services.run(DAILY, SUNDAY + timedelta(days=1), book_to=SUNDAY + timedelta(days=1))
    week.work()
    assert week.table("silver", SUNDAY + timedelta(days=1)) != before

    week.clock.advance(timedelta(minutes=1))
    assert catch_up(week.runtime)["sessions"] == 4
    assert {row["reported_at"] for row in list(reports(week).values())[1:]} == {week.clock.now()}


def test_a_session_that_is_taken_out_leaves_nothing_behind(week):
    catch_up(week.runtime)
    with week.runtime.database.transaction() as connection:
        sessions.forget(connection, SUNDAY)

    catch_up(week.runtime)

    assert SUNDAY not in reports(week)
    assert week.read(drift.distances_of, SUNDAY) == []
    assert not is_due(week)


def test_what_is_computed_again_is_the_same_to_the_bit(week):
    catch_up(week.runtime)
    once = [dict(row) for day in week.accepted() for row in week.read(drift.distances_of, day)]
    with week.runtime.database.transaction() as connection:
        drift.forget_from(connection, SUNDAY)
    week.restart()

    catch_up(week.runtime)

    assert [dict(row) for day in week.accepted() for row in week.read(drift.distances_of, day)] == once


def test_it_goes_on_where_it_was_stopped(week):
    stops = iter([False, False, True])

    assert catch_up(week.runtime, rest=lambda _seconds: next(stops))["sessions"] == 2
    assert len(reports(week)) == 2
    assert catch_up(week.runtime)["sessions"] == 3


def test_a_session_whose_file_is_lost_is_said_and_holds_up_no_other(week):
    row = week.read(sessions.one, SUNDAY + timedelta(days=1))
    (week.runtime.lake.folder / row["silver_path"]).unlink()

    counts = catch_up(week.runtime)

    assert (counts["sessions"], counts["unreadable"]) == (5, 1)
    assert "Rerun its date" in reports(week)[SUNDAY + timedelta(days=1)]["headline"]
    assert not is_due(week)


@pytest.fixture
def alarmed(tmp_path) -> House:
    """A home in which the session of day 30 has closes off the tick grid, and the one behind it follows from them."""
    house = announced(tmp_path)
    house.announce(dict.fromkeys(days_from(SUNDAY, 40), True))
    house.sessions(30)
    for number, column in ((30, CLOSE), (31, PREVIOUS_CLOSE)):
        rows = numbers(number)
        for row in rows:
            row[column] = f"{float(row[column]) + 0.03:.2f}"
        house.put(SUNDAY + timedelta(days=number), daily_bytes(rows))
    house.backfill(SUNDAY, SUNDAY + timedelta(days=31))
    catch_up(house.runtime)
    return house


CLOSE, PREVIOUS_CLOSE = 6, 9  # columns of the file
ALARM = SUNDAY + timedelta(days=30)


def test_an_alarm_is_stored_with_its_reason(alarmed):
    assert alarmed.found(alarmed.read(lambda c: drift.report(c, ALARM))["run_id"])["status"] is not RunStatus.FAILED
    row = reports(alarmed)[ALARM]

    assert row["cause"] == "alarm"
    assert "Closes off the tick grid: 1 instead of 0" in row["headline"]
    assert row["explained"]["off_grid"]["since"] == str(ALARM)


def test_a_persons_word_is_audited_and_has_what_follows_compared_anew(alarmed):
    said = alarmed.services.label_drift(ALARM, DriftLabel.ACCEPTED, reason="closes are averages now")

    assert said.endswith("1 session after it will be compared anew.")
    assert alarmed.read(lambda c: audit.recent(c, limit=1))[0]["command"] == "label_drift"
    assert is_due(alarmed)
    catch_up(alarmed.runtime)
    found = {(row["feature"], row["statistic"]): row for row in alarmed.read(drift.distances_of, ALARM + timedelta(days=1))}
    assert found["off_grid", "robust_z"]["verdict"] == "insufficient"  # its reference begins anew

    alarmed.services.label_drift(ALARM, None)
    assert alarmed.read(drift.labels) == []


def test_a_word_needs_a_reason_an_alarm_and_a_meaning(alarmed):
    with pytest.raises(UsageError, match="say why"):
        alarmed.services.label_drift(ALARM, DriftLabel.FAULT, reason=" ")
    with pytest.raises(UsageError, match="fault, market, accepted"):
        alarmed.services.label_drift(ALARM, "broken", reason="x")
    with pytest.raises(Conflict, match="nothing alarmed"):
        alarmed.services.label_drift(SUNDAY + timedelta(days=5), DriftLabel.FAULT, reason="x")
    with pytest.raises(UnknownName, match="not compared"):
        alarmed.services.label_drift(SUNDAY + timedelta(days=39), DriftLabel.FAULT, reason="x")
