"""Alerts and the outbox, on both databases: one open alert of a subject, one claim of a notification, one row of a key."""

from datetime import UTC, datetime, timedelta

import pytest

from storage import alert_list, alerts, notifications, speed_layer
from storage.database import open_database
from storage.status import AlertMove, NotificationState
from tests.storage.databases import at_once

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
DISK = {"rule": "disk_low", "subject": "home", "severity": "error", "title": "t", "detail": "d", "page": "p", "query": {}, "members": []}
TOLD = {"channel": "desk", "kind": "fired", "severity": "error", "title": "t", "body": "b"}


@pytest.fixture
def writing(database):
    with database.transaction() as connection:
        yield connection


def row_of(connection, number):
    return notifications.one(connection, number)


def test_a_subject_has_one_open_alert_and_another_once_that_is_over(writing):
    first = alerts.add(writing, at=NOW, **DISK)
    assert alerts.add(writing, at=NOW, **DISK) is None
    alerts.change(writing, first, resolved_at=LATER)

    assert alerts.add(writing, at=LATER, **DISK) is not None
    assert [row["id"] for row in alerts.resolved_since(writing, NOW)] == [first]
    assert [row["id"] for row in alerts.resolved(writing)] == [first]
    assert alerts.count_open(writing) == {"error": 1}


def test_an_alert_is_acknowledged_by_the_first_who_does(writing):
    number = alerts.add(writing, at=NOW, **DISK)

    assert alerts.acknowledge(writing, number, by="one", at=NOW)
    assert not alerts.acknowledge(writing, number, by="two", at=LATER)
    assert alerts.one(writing, number)["acknowledged_by"] == "one"


def test_the_events_of_an_alert_are_listed_oldest_first(writing):
    for move in (AlertMove.FIRED, AlertMove.TOLD, AlertMove.RESOLVED):
        alerts.add_event(writing, 1, move, at=NOW, message="m")

    assert [row["move"] for row in alerts.events_of(writing, 1, limit=2)] == ["told", "resolved"]


def test_a_key_is_written_once(writing):
    assert notifications.add(writing, key="k", at=NOW, due_at=NOW, **TOLD)
    assert notifications.add(writing, key="k", at=LATER, due_at=NOW, **TOLD) is None
    assert notifications.has(writing, "k")


def _claim(number: int, url: str) -> bool:
    database = open_database(url)
    with database.reading() as connection:
        rows = notifications.due(connection, "desk", at=NOW)
    with database.transaction() as connection:
        mine = [notifications.claim(connection, row, until=LATER) for row in rows]
    database.close()
    return any(mine)


def test_of_processes_that_claim_at_once_one_has_it(database, url):
    with database.transaction() as connection:
        notifications.add(connection, key="k", at=NOW, due_at=NOW, **TOLD)

    claimed = at_once(4, _claim, url)

    assert sum(claimed) == 1


def test_what_was_claimed_is_due_again_when_its_time_is_over_and_the_first_claim_is_lost(writing):
    number = notifications.add(writing, key="k", at=NOW, due_at=NOW, **TOLD)
    before = row_of(writing, number)
    notifications.claim(writing, before, until=LATER)

    assert notifications.due(writing, "desk", at=NOW) == []
    assert notifications.channels_due(writing, at=LATER) == ["desk"]
    assert notifications.claim(writing, row_of(writing, number), until=LATER)
    assert not notifications.settle(writing, before, state=NotificationState.SENT, ended_at=LATER)
    assert row_of(writing, number)["attempts"] == 2


def test_quiet_hours_put_off_everything_but_tests(writing):
    for kind in ("fired", "test"):
        notifications.add(writing, key=kind, at=NOW, due_at=NOW, **TOLD | {"kind": kind})

    assert notifications.put_off(writing, "desk", at=NOW, until=LATER) == 1
    assert [row["kind"] for row in notifications.due(writing, "desk", at=NOW)] == ["test"]
    assert notifications.open_test(writing, "desk") is not None


def test_what_was_dropped_is_not_due_and_no_word_of_the_channel(writing):
    number = notifications.add(writing, key="k", at=NOW, due_at=NOW, **TOLD)
    notifications.drop(writing, [number], at=NOW, note="over")

    assert notifications.channels_due(writing, at=LATER) == []
    assert notifications.last_ended(writing, "desk") is None


def test_open_alerts_of_the_stream_are_counted_by_session_and_rule(writing):
    tick = {"session": NOW.date(), "rule": "price_band", "state": "firing", "began_us": 1, "fired_us": 1, "score": 6.0, "bound": 5.0}
    tick |= {"contract": 1, "rate_paisa": 1, "suppressed": 0, "members": 0, "market_key": None}
    speed_layer.set_alerts(writing, [tick | {"key": key, "symbol": key} for key in ("A", "B", "C")])
    speed_layer.acknowledge(writing, "C", by="one", at=NOW)

    assert [tuple(row.values()) for row in alert_list.open_by_rule(writing, at=NOW)] == [(NOW.date(), "price_band", 2)]


def test_of_alerts_that_began_at_once_the_newest_date_is_first(writing):
    for at, subject in ((NOW, "daily 2025-05-02"), (NOW, "daily 2025-05-30"), (NOW, "daily 2025-05-16"), (LATER, "daily 2025-01-01")):
        alerts.add(writing, at=at, **DISK | {"subject": subject})

    said = [row["subject"][-5:] for row in alerts.open_ones(writing)]
    assert said == ["01-01", "05-30", "05-16", "05-02"]
