"""What nobody acknowledges is told once more: after the time that somebody could have heard of it, and to those who did."""

from datetime import timedelta

from storage import notifications
from storage.audit import recent as audited
from storage.status import AlertMove
from storage.tables import Notification
from tests.alerts.conftest import CHANNELS

MINUTE = timedelta(minutes=1)
FIRED, RESOLVED, ESCALATED = ("desk", "fired", "waiting"), ("desk", "resolved", "waiting"), ("desk", "escalated", "waiting")


def test_an_error_is_escalated_unless_somebody_has_acknowledged_it(watched, free):
    free(100)
    watched.look()
    watched.deliver()
    watched.house.clock.advance(31 * MINUTE)
    watched.look()

    assert watched.told() == [("desk", "fired", "sent"), ESCALATED]
    title = watched.house.read(notifications.recent)[0]["title"]
    assert title == "Nobody has acknowledged: The disk is nearly full"


def test_acknowledging_ends_the_escalation_and_is_audited(watched, free):
    free(100)
    watched.look()
    number = watched.open()["disk_low"]["id"]
    watched.house.services.acknowledge(number)
    watched.house.clock.advance(31 * MINUTE)
    watched.look()

    assert watched.told() == [FIRED]
    assert watched.events(number)[-1] == AlertMove.ACKNOWLEDGED
    assert watched.house.read(audited, limit=1)[0]["command"] == "acknowledge"


def test_an_alert_in_quiet_hours_is_escalated_after_their_end_and_not_together_with_its_beginning(watched, free):
    watched.channels(CHANNELS + 'quiet = "11:00-13:00"\n')  # it is 11:45 in Nepal
    free(100)
    watched.look()
    watched.house.clock.advance((75 + 29) * MINUTE)
    watched.look()
    at_their_end = watched.told()
    watched.deliver()
    watched.house.clock.advance(MINUTE)
    watched.look()

    assert at_their_end == [FIRED]
    assert watched.told() == [("desk", "fired", "sent"), ESCALATED]


def test_a_channel_in_quiet_hours_is_not_told_of_an_escalation_beside_the_alert_that_waits_for_it(watched, free):
    watched.channels(CHANNELS + '[[channel]]\nname = "sleeper"\nurl = "json://b"\nquiet = "11:00-13:00"\n')
    free(100)
    watched.look()
    watched.house.clock.advance(10 * MINUTE)
    watched.deliver("desk")
    watched.house.clock.advance(20 * MINUTE)
    watched.look()

    assert watched.told() == [("desk", "fired", "sent"), ("sleeper", "fired", "waiting"), ESCALATED]


def test_an_escalation_that_repeats_in_quiet_hours_is_heard_once_at_their_end(watched, free):
    watched.house.services.set_threshold("alerts.repeat_hours", 1, reason="somebody has to look")
    watched.channels(CHANNELS + 'quiet = "12:00-20:00"\n')  # it is 11:45 in Nepal
    free(100)
    watched.look()
    watched.deliver()
    for _ in range(6):
        watched.house.clock.advance(61 * MINUTE)
        watched.look()

    assert watched.told() == [("desk", "fired", "sent"), *[("desk", "escalated", "dropped")] * 5, ESCALATED]


def test_what_waits_to_say_that_nobody_has_acknowledged_is_dropped_when_somebody_does(watched, free):
    free(100)
    watched.look()
    watched.deliver()
    watched.house.clock.advance(31 * MINUTE)
    watched.look()
    with watched.house.runtime.database.transaction() as connection:  # its first try has failed
        waits = Notification.__table__.update().where(Notification.__table__.c.state == "waiting")
        connection.execute(waits.values(attempts=1, note="no answer"))
    watched.house.services.acknowledge(watched.open()["disk_low"]["id"])
    free(10_000)
    watched.look()

    assert watched.told() == [("desk", "fired", "sent"), ("desk", "escalated", "dropped"), RESOLVED]


def test_a_first_channel_has_the_whole_time_before_it_is_escalated(watched, free):
    watched.channels("")
    free(100)
    watched.look()
    watched.house.clock.advance(60 * MINUTE)
    watched.look()  # escalated, to nobody
    watched.channels(CHANNELS)
    watched.look()
    watched.house.clock.advance(29 * MINUTE)
    watched.look()
    told_early = watched.told()
    watched.deliver()
    watched.house.clock.advance(MINUTE)
    watched.look()

    assert told_early == [FIRED]
    assert [kind for _, kind, state in watched.told() if state == "waiting"] == ["escalated"]


def test_a_second_line_hears_of_what_the_first_has_not_acknowledged_and_of_its_end(watched, free):
    watched.channels(CHANNELS + '[[channel]]\nname = "boss"\nurl = "json://b"\nwants = ["escalated", "resolved"]\n')
    free(100)
    watched.look()
    watched.deliver()
    watched.house.clock.advance(30 * MINUTE)
    watched.look()
    watched.deliver()
    free(10_000)
    watched.look()

    assert [kind for channel, kind, _ in watched.told() if channel == "boss"] == ["escalated", "resolved"]
    assert [kind for channel, kind, _ in watched.told() if channel == "desk"] == ["fired", "escalated", "resolved"]
