"""A group of alerts tells whatever joins it, whoever has acknowledged the others, and a channel hears of it once after quiet hours."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.alerts.rule import ALERT_RULES, Finding
from storage import alerts, notifications
from storage.status import AlertMove
from tests.alerts.conftest import CHANNELS

MINUTE = timedelta(minutes=1)
FIRED, SENT = ("desk", "fired", "waiting"), ("desk", "fired", "sent")


@pytest.fixture
def failing(watched, free, monkeypatch) -> Callable[[Iterable[int]], None]:
    """Say which dates have failed, and look until nothing changes."""
    failed: list[Finding] = []
    rules = {"run_failed": replace(ALERT_RULES["run_failed"], find=lambda _look: iter(failed))}
    monkeypatch.setattr("engine.alerts.evaluation.ALERT_RULES", rules)

    def set_to(days: Iterable[int]) -> None:
        failed[:] = [Finding(f"daily {day:02}", f"{day} failed", "No reason.") for day in days]
        watched.look()
        watched.look()

    return set_to


def test_what_joins_a_group_that_somebody_has_acknowledged_is_told(watched, failing):
    failing(range(6))
    watched.deliver()
    number = watched.open()["run_failed"]["id"]
    watched.house.services.acknowledge(number)
    watched.house.clock.advance(timedelta(days=3))
    failing(range(7))

    assert watched.told() == [SENT, FIRED]
    assert watched.house.read(notifications.recent)[0]["body"].startswith("6 failed; 5 failed")
    row = watched.open()["run_failed"]
    assert (row["id"], row["acknowledged_by"], row["acknowledged_at"]) == (number, None, None)
    said = [event["message"] for event in watched.house.read(alerts.events_of, number) if event["move"] == AlertMove.CHANGED]
    assert said == ["7 alerts of the rule run failed; new: daily 06"]


def test_a_group_of_others_within_the_cooldown_is_told_although_somebody_had_acknowledged_the_first(watched, failing):
    failing(range(6))
    watched.deliver()
    number = watched.open()["run_failed"]["id"]
    watched.house.services.acknowledge(number)
    failing([])
    watched.deliver()
    watched.house.clock.advance(5 * MINUTE)
    failing(range(20, 26))
    watched.house.clock.advance(30 * MINUTE)
    failing(range(20, 26))

    row = watched.open()["run_failed"]
    assert (row["id"], row["acknowledged_by"]) == (number, None)
    assert watched.told() == [SENT, ("desk", "resolved", "sent"), FIRED]


def test_the_same_group_within_the_cooldown_stays_acknowledged(watched, failing):
    failing(range(6))
    watched.deliver()
    watched.house.services.acknowledge(watched.open()["run_failed"]["id"])
    failing([])
    watched.deliver()
    failing(range(6))
    watched.house.clock.advance(31 * MINUTE)
    failing(range(6))

    assert watched.open()["run_failed"]["acknowledged_by"] == "test"
    assert watched.told() == [SENT, ("desk", "resolved", "sent")]


def test_of_a_group_that_grows_in_quiet_hours_a_channel_hears_once_and_of_all(watched, failing):
    watched.channels(CHANNELS + 'quiet = "11:00-20:00"\n')  # it is 11:45 in Nepal
    for most in range(6, 14):
        failing(range(most))
        watched.house.clock.advance(60 * MINUTE)

    assert [state for _, _, state in watched.told()].count("waiting") == 1
    waits = watched.house.read(notifications.recent)[0]
    assert (waits["state"], waits["title"]) == ("waiting", "Error: 13 alerts of the rule run failed")


def test_what_others_hear_meanwhile_takes_the_place_of_what_waits_for_quiet_hours_to_end(watched, failing):
    watched.channels(CHANNELS + '[[channel]]\nname = "sleeper"\nurl = "json://b"\nquiet = "11:00-20:00"\n')
    for most in (6, 7, 8):
        failing(range(most))
        watched.deliver("desk")
        watched.house.clock.advance(60 * MINUTE)

    assert [(kind, state) for channel, kind, state in watched.told() if channel == "desk"] == [("fired", "sent")] * 3
    assert [state for channel, _, state in watched.told() if channel == "sleeper"] == ["dropped", "dropped", "waiting"]
