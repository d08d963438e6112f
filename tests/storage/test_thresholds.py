"""Changes of thresholds are a history: every version can be read again, and a run keeps the one that it began with."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from storage import moves, thresholds
from storage.database import Database
from storage.status import RunStatus, RunType
from tests.storage.databases import read

NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)
DAY = date(2025, 6, 1)


def change(database: Database, key: str, value: float, **values) -> int:
    said = {"previous": 0.0, "changed_at": NOW, "changed_by": "a person", "reason": "too strict"} | values
    with database.transaction() as connection:
        return thresholds.add_change(connection, key=key, value=value, **said)


def queue(database: Database, day: date = DAY) -> int:
    with database.transaction() as connection:
        asked = {"run_type": RunType.MANUAL, "requested_by": "a person", "priority": 0}
        return moves.add(connection, at=NOW, pipeline="daily_prices", partition=day, **asked)


def claim(database: Database):
    return moves.claim(database, runner_id="host-1", at=NOW, sequential=[])


def test_before_any_change_there_is_version_0_and_nothing_is_changed(database):
    assert read(database, thresholds.version) == 0
    assert read(database, thresholds.values_at, 0) == {}
    assert read(database, thresholds.newest) == {}


def test_each_version_gives_the_values_of_its_time(database):
    first = change(database, "band.error_above", 2.0)
    second = change(database, "gate.block_above", 7.5)
    third = change(database, "band.error_above", 3.0)

    assert read(database, thresholds.version) == third
    assert read(database, thresholds.values_at, first) == {"band.error_above": 2.0}
    assert read(database, thresholds.values_at, second) == {"band.error_above": 2.0, "gate.block_above": 7.5}
    assert read(database, thresholds.values_at, third) == {"band.error_above": 3.0, "gate.block_above": 7.5}


def test_the_newest_change_of_each_threshold_says_who_and_why(database):
    change(database, "band.error_above", 2.0)
    newest = change(database, "band.error_above", 3.0, changed_by="ram", reason="promoter shares")
    found = read(database, thresholds.newest)

    assert list(found) == ["band.error_above"]
    assert (found["band.error_above"]["id"], found["band.error_above"]["changed_by"]) == (newest, "ram")


def test_the_history_is_newest_first_of_one_threshold_or_of_all(database):
    changes = [change(database, key, 1.0) for key in ("a", "b", "a")]

    assert [row["id"] for row in read(database, thresholds.history, None)] == changes[::-1]
    assert [row["id"] for row in read(database, thresholds.history, "a")] == [changes[2], changes[0]]
    assert [row["id"] for row in read(database, thresholds.history, None, 1)] == changes[-1:]


def test_a_request_makes_one_change(database):
    change(database, "a", 1.0, request_key="k")

    with pytest.raises(IntegrityError):
        change(database, "a", 2.0, request_key="k")


def test_a_run_that_begins_without_any_change_has_version_0(database):
    queue(database)

    assert claim(database)["threshold_version"] == 0


def test_a_run_takes_the_newest_thresholds_when_it_begins(database):
    queue(database)
    newest = change(database, "a", 1.0)

    assert claim(database)["threshold_version"] == newest


def test_a_run_that_is_given_back_keeps_its_thresholds_when_others_are_set_meanwhile(database):
    run_id = queue(database)
    before = claim(database)["threshold_version"]
    with database.transaction() as connection:
        moves.move(connection, run_id, RunStatus.QUEUED, at=NOW, name="run_rescued")
    newest = change(database, "a", 1.0)
    queue(database, DAY + timedelta(days=1))

    assert [claim(database)["threshold_version"] for _ in range(2)] == [before, newest]
