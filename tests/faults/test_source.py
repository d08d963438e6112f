"""A source folder that vanishes, may not be read, or holds a file that is being written: runs wait and go on by themselves."""

import os
from datetime import timedelta

import pytest

from engine.clock import FakeClock, SystemClock
from engine.errors import FileUnsettled, SourceUnavailable
from engine.sources.folder import SETTLES, DailyFolder
from storage import breakers, runs
from storage.status import RunStatus
from tests.pipelines.house import DAILY, SUNDAY, House, daily_bytes, days_from, numbers

DAY = SUNDAY + timedelta(days=7)  # the Sunday after the week


def file_of(house: House, day=DAY):
    return house.source / "daily" / f"{day:%Y_%m_%d}.csv.gz"


def test_a_file_that_was_changed_a_moment_ago_is_not_taken_until_it_rests(week):
    week.session(DAY, 5)
    os.utime(file_of(week), times=(week.clock.now().timestamp() - 0.5,) * 2)
    run = week.run(DAY)
    waiting = run["status"], run["reason"], run["available_at"] - week.clock.now()
    week.clock.advance(SETTLES)

    assert waiting == (RunStatus.QUEUED, "2024_06_09.csv.gz is still being written", timedelta(seconds=2))
    assert week.work() == 1
    assert week.found(run["id"])["status"] == RunStatus.SUCCEEDED


def test_a_file_that_changes_between_two_looks_is_not_taken(week, monkeypatch):
    week.session(DAY, 5)
    source, content = DailyFolder(week.source), daily_bytes(numbers(5))
    stamps = iter([(1, 10), (1, len(content)), (1, len(content)), (1, len(content))])
    monkeypatch.setattr("engine.sources.folder._stamp", lambda _path: next(stamps))

    with pytest.raises(FileUnsettled, match="still being written"):
        source.daily_file(DAY)
    assert source.daily_file(DAY).content == content


def test_waiting_for_a_file_that_is_written_spends_no_try_and_blames_no_source(week):
    week.session(DAY, 5)
    run_id = week.services.run(DAILY, DAY).run_id
    for _ in range(6):
        os.utime(file_of(week), times=(week.clock.now().timestamp(),) * 2)
        week.work()
        week.clock.advance(timedelta(seconds=2))

    assert week.found(run_id)["waits"] == 6
    assert week.read(runs.attempts_of, run_id) == []
    assert week.read(breakers.one, "files") is None


def test_a_file_with_the_time_of_a_day_to_come_is_no_file_that_is_being_written(week):
    week.session(DAY, 5)
    os.utime(file_of(week), times=(week.clock.now().timestamp() + 86_400,) * 2)

    assert week.run(DAY)["status"] == RunStatus.SUCCEEDED


def test_a_folder_that_vanishes_is_waited_for_and_the_date_goes_on_when_it_is_back(week):
    week.session(DAY, 5)
    week.run(SUNDAY)  # this process has seen the folder
    away = week.source.with_name("away")
    week.source.rename(away)
    with pytest.raises(SourceUnavailable, match="was there and is gone"):
        week.services.run(DAILY, DAY)
    away.rename(week.source)
    queued = week.services.run(DAILY, DAY)
    week.source.rename(away)
    week.work()
    gone = week.found(queued.run_id)
    away.rename(week.source)
    week.clock.advance(timedelta(seconds=30))
    week.work()

    assert (gone["status"], gone["reason"][:37]) == (RunStatus.QUEUED, "the circuit of source files is open s")
    assert week.found(queued.run_id)["status"] == RunStatus.SUCCEEDED
    assert len(week.accepted()) == 6


def test_a_file_that_may_not_be_read_is_said_and_read_once_it_may(week, nobody):
    week.session(DAY, 5)
    file_of(week).chmod(0o600)
    source = DailyFolder(week.source, FakeClock(week.clock.now()))
    with nobody(week.source / "daily"), pytest.raises(SourceUnavailable, match=r"Permission denied.*readable"):
        source.daily_file(DAY)
    file_of(week).chmod(0o644)
    with nobody(week.source / "daily"):
        content = source.daily_file(DAY).content

    assert content == daily_bytes(numbers(5))


def test_with_the_machines_clock_a_fresh_file_is_young(week):
    week.session(DAY, 5)

    with pytest.raises(FileUnsettled):
        DailyFolder(week.source, SystemClock()).daily_file(DAY)


def test_what_is_in_the_lake_can_be_read_while_the_source_is_gone(week):
    week.source.rename(week.source.with_name("away"))

    assert week.accepted() == days_from(SUNDAY, 5)
    assert week.table("silver", SUNDAY).num_rows == 120
