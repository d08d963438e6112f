"""Facts of the database become alerts and notifications in one transaction, whoever looks, and only once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.alerts.evaluation import Evaluator
from engine.errors import SourceMisconfigured
from engine.sources.folder import DailyFolder
from storage import alerts, notifications
from storage.status import AlertMove
from storage.tables import Notification
from tests.alerts.conftest import CHANNELS

MINUTE = timedelta(minutes=1)
FIRED, RESOLVED = ("desk", "fired", "waiting"), ("desk", "resolved", "waiting")


def test_a_home_in_which_all_is_well_has_no_alert(watched, free):
    watched.look()

    assert watched.open() == {}
    assert watched.told() == []


def test_an_alert_and_what_channels_are_told_of_it_are_written_together(watched, free):
    free(100)
    watched.look()
    row = watched.open()["disk_low"]
    told = watched.house.read(notifications.of_alert, row["id"])[0]

    assert watched.told() == [FIRED]
    assert told["title"] == "Error: The disk is nearly full"
    assert "100 MiB are free" in told["body"]
    assert "http://127.0.0.1:8501/pipelines" in told["body"]
    assert watched.events(row["id"]) == [AlertMove.FIRED, AlertMove.TOLD]


def test_a_failure_between_alert_and_outbox_leaves_neither(watched, free, monkeypatch):
    free(100)
    monkeypatch.setattr("engine.alerts.outbox.notifications.add", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watched.look()

    assert watched.open() == {}


def test_two_runners_that_look_at_once_tell_it_once(watched, free):
    free(100)
    other = Evaluator(watched.house.runtime)
    watched.look()
    other.tick()

    assert watched.told() == [FIRED]


def test_what_happened_while_no_process_looked_is_told_at_the_next_look(watched, free):
    free(100)
    watched.house.clock.advance(timedelta(days=1))
    watched.house.restart()
    watched.look()

    assert FIRED in watched.told()


def test_an_end_is_told_after_the_beginning(watched, free):
    free(100)
    watched.look()
    watched.deliver()
    free(10_000)
    watched.look()

    assert watched.told() == [("desk", "fired", "sent"), RESOLVED]
    assert watched.open() == {}


def test_what_is_over_before_it_was_sent_is_not_sent_at_all(watched, free):
    free(100)
    watched.look()
    free(10_000)
    watched.look()

    assert watched.told() == [("desk", "fired", "dropped")]


def test_an_alert_that_flaps_is_one_alert_counted_and_told_once_a_cooldown(watched, free):
    for _ in range(10):  # twenty minutes
        free(100)
        watched.look()
        watched.deliver()
        watched.house.clock.advance(MINUTE)
        free(10_000)
        watched.look()
        watched.house.clock.advance(MINUTE)
    free(100)
    watched.look()

    (row,) = watched.house.read(lambda connection: connection.execute(select(alerts.alerts)).mappings().all())
    assert row["suppressed"] == 10
    assert [kind for _, kind, _ in watched.told()] == ["fired", "resolved"]
    watched.house.clock.advance(10 * MINUTE)
    watched.look()
    assert [kind for _, kind, _ in watched.told()] == ["fired", "resolved", "fired"]


def test_a_silence_is_heard_of_again_when_it_ends(watched, free):
    watched.house.services.silence_alerts(rule="disk_low", minutes=60, reason="a new disk is on its way")
    free(100)
    watched.look()
    assert watched.told() == []
    watched.house.clock.advance(61 * MINUTE)
    watched.look()

    assert watched.told() == [FIRED]


def test_what_waits_for_quiet_hours_to_end_is_not_sent_within_a_silence_that_begins_meanwhile(watched, free):
    watched.channels(CHANNELS + 'quiet = "11:00-13:00"\n')  # it is 11:45 in Nepal
    free(100)
    watched.look()
    watched.house.services.silence_alerts(rule="disk_low", symbol="home", minutes=120, reason="a new disk is on its way")
    watched.look()
    watched.house.clock.advance(119 * MINUTE)
    watched.look()
    within = watched.told()
    watched.house.clock.advance(2 * MINUTE)
    watched.look()
    watched.look()

    assert within == [("desk", "fired", "dropped")]
    assert watched.told() == [("desk", "fired", "dropped"), FIRED]


def test_only_who_has_not_heard_of_it_is_told_when_a_silence_ends(watched, free):
    watched.channels(CHANNELS + '[[channel]]\nname = "sleeper"\nurl = "json://b"\nquiet = "11:00-12:00"\n')
    free(100)
    watched.look()
    watched.deliver("desk")
    watched.house.services.silence_alerts(rule="disk_low", minutes=25, reason="a new disk is on its way")
    watched.house.clock.advance(26 * MINUTE)
    watched.look()

    assert watched.told() == [("desk", "fired", "sent"), ("sleeper", "fired", "dropped"), ("sleeper", "fired", "waiting")]


def test_channels_hear_what_their_filter_lets_through(watched, free):
    watched.channels(CHANNELS + 'severity = "error"\n[[channel]]\nname = "quiet one"\nurl = "json://b"\nwants = ["resolved"]\n')
    free(100)
    watched.look()
    watched.deliver()
    free(10_000)
    watched.look()

    assert [(channel, kind) for channel, kind, _ in watched.told()] == [("desk", "fired"), ("desk", "resolved"), ("quiet one", "resolved")]


def test_in_quiet_hours_a_notification_waits_for_their_end(watched, free):
    watched.channels(CHANNELS + 'quiet = "11:00-13:00"\n')  # it is 11:45 in Nepal
    free(100)
    watched.look()

    row = watched.house.read(notifications.recent)[0]
    assert row["due_at"] - watched.house.clock.now() == 75 * MINUTE


def test_a_broken_file_of_channels_is_an_alert_and_a_line_and_stops_nothing(watched, free):
    watched.channels("[[channel")
    free(100)
    watched.look()
    watched.look()

    assert set(watched.open()) == {"disk_low", "channels_broken"}
    assert [said["event"] for said in watched.said].count("channels_broken") == 1
    assert watched.told() == []


def test_once_the_file_is_mended_what_still_fires_is_told(watched, free):
    watched.channels("[[channel")
    free(100)
    watched.look()
    watched.channels(CHANNELS)
    watched.look()

    assert watched.told() == [FIRED]
    assert set(watched.open()) == {"disk_low"}


def test_a_source_that_does_not_answer_leaves_other_rules_looking_and_their_alerts_as_they_are(watched, free, monkeypatch):
    free(100)
    watched.look()

    def broken(_self):
        raise SourceMisconfigured("the folder is gone")

    monkeypatch.setattr(DailyFolder, "reference", broken)
    free(10_000)
    watched.look()

    assert watched.open() == {}
    assert [said["rule"] for said in watched.said if said["event"] == "alert_rule_put_off"] == ["session_late"] * 2


def test_secrets_of_channels_are_in_no_row_and_no_line(watched, free):
    watched.channels('[[channel]]\nname = "desk"\nurl = "json://u:hunter2secret@example.com/tokentoken"\n')
    free(100)
    watched.look()
    watched.house.services.test_channel("desk")
    watched.house.runtime.database.close()

    stored = b"".join(file.read_bytes() for file in watched.house.settings.home.glob("console.db*"))
    for secret in (b"hunter2secret", b"tokentoken"):
        assert secret not in stored
        assert secret.decode() not in str(watched.said)


def now_also(watched, text: str) -> None:
    """Add a channel to those that are there."""
    watched.channels(f"{CHANNELS}\n{text}")


GONE = '[[channel]]\nname = "gone"\nurl = "json://example.com/gone"\n'
OTHER = '[[channel]]\nname = "other"\nurl = "json://example.com/other"\n'


def test_a_channel_that_is_added_later_is_told_of_what_fires_and_the_others_are_not_told_twice(watched, free):
    free(100)
    watched.look()
    now_also(watched, OTHER)
    watched.look()
    watched.deliver()
    watched.look()
    Evaluator(watched.house.runtime).tick()

    assert [(channel, kind) for channel, kind, _ in watched.told()] == [("desk", "fired"), ("other", "fired")]
    assert watched.events(watched.open()["disk_low"]["id"]) == [AlertMove.FIRED, AlertMove.TOLD, AlertMove.TOLD]


def test_the_first_channel_of_all_is_told_of_a_warning_that_fired_when_there_was_none(watched, free):
    watched.channels("")
    free(100)
    watched.look()
    watched.house.clock.advance(timedelta(hours=3))
    watched.look()
    watched.channels(CHANNELS)
    watched.look()

    assert FIRED in watched.told()
    told = [row for row in watched.house.read(notifications.recent) if row["kind"] == "fired"]
    assert f"Since {told[0]['created_at'] - timedelta(hours=3):%Y-%m-%d}" in told[0]["body"]


def test_a_channel_that_is_added_later_keeps_its_filter(watched, free):
    watched.channels(GONE)
    give_up(watched, "gone")
    watched.look()  # which is a warning
    now_also(watched, f'{GONE}{OTHER}severity = "error"\n')
    watched.look()

    assert "channel_unreachable" in watched.open()
    assert [channel for channel, kind, _ in watched.told() if kind == "fired"] == ["desk"]


def give_up(watched, channel: str) -> None:
    """Say that the last message to a channel was given up."""
    at = watched.house.clock.now()
    row = {"channel": channel, "kind": "test", "severity": "info", "title": "Test", "body": "Test"}
    with watched.house.runtime.database.transaction() as connection:
        number = notifications.add(connection, key="a test", at=at, due_at=at, **row)
        there = Notification.__table__.update().where(Notification.__table__.c.id == number)
        connection.execute(there.values(state="given_up", ended_at=at, note="refused"))


def test_what_is_acknowledged_or_silenced_is_not_told_to_a_channel_that_is_added_later(watched, free):
    free(100)
    watched.look()
    watched.house.services.acknowledge(watched.open()["disk_low"]["id"])
    now_also(watched, OTHER)
    watched.look()

    assert watched.told() == [FIRED]


def test_that_a_channel_cannot_be_reached_is_told_to_the_others_and_not_to_itself(watched, free):
    now_also(watched, OTHER)
    give_up(watched, "desk")
    watched.look()
    watched.look()

    assert "channel_unreachable" in watched.open()
    assert [(channel, kind) for channel, kind, _ in watched.told()] == [("desk", "test"), ("other", "fired")]


def test_a_channel_that_never_heard_of_an_alert_is_not_told_that_it_is_over(watched, free):
    watched.channels("")
    free(100)
    watched.look()
    watched.house.services.acknowledge(watched.open()["disk_low"]["id"])
    watched.channels(CHANNELS)
    free(10_000)
    watched.look()

    assert watched.open() == {}
    assert watched.told() == []


def test_a_channel_for_which_the_beginning_was_given_up_is_not_told_of_the_end(watched, free):
    free(100)
    watched.look()
    with watched.house.runtime.database.transaction() as connection:
        connection.execute(Notification.__table__.update().values(state="given_up", attempts=8, ended_at=watched.house.clock.now()))
    free(10_000)
    watched.look()

    assert "disk_low" not in watched.open()
    assert watched.told() == [("desk", "fired", "given_up")]
