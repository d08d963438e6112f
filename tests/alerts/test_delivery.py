"""Notifications reach real servers: at least once, at most one duplicate after a kill, tried again with waits, given up in the end."""

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.alerts import sending
from engine.alerts.courier import LEASE, TRIES, Courier
from engine.alerts.postman import AT_ONCE, Postman
from engine.clock import SystemClock, nepal_date
from engine.pipeline.retry import RetryPolicy
from engine.waiting import wait_until
from storage import costs, moves, notifications
from storage.audit import recent as audited
from storage.status import CostWork, RunType
from tests.alerts.servers import MailServer, Webhook, hanging, serving
from tests.pipelines.house import DAILY, SUNDAY
from tests.shell import PYTHON, REPOSITORY, environment

HIDDEN = "hunter2-of-the-desk"
NO_WAIT = RetryPolicy(uniform=lambda _low, _high: 60.0)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server


@pytest.fixture
def desk(watched, webhook, free):
    """A home whose channel `desk` is a webhook."""
    watched.channels(f'[[channel]]\nname = "desk"\nurl = "json://desk:{HIDDEN}@{webhook.place}/{HIDDEN}"\n')
    return watched


def put(watched, channel: str = "desk", *, kind: str = "fired", key: str = "k", **values) -> int:
    row = {"channel": channel, "kind": kind, "severity": "error", "title": "Error: it failed", "body": "Because."} | values
    at = watched.house.clock.now()
    with watched.house.runtime.database.transaction() as connection:
        return notifications.add(connection, key=key, at=at, due_at=at, **row)


def courier(watched, channel: str = "desk", **options: Any) -> Courier:
    return Courier(watched.house.runtime, channel, backoff=NO_WAIT, **options)


def state(watched, number: int) -> dict[str, Any]:
    return dict(watched.house.read(notifications.one, number))


def test_a_webhook_is_told_of_an_alert(desk, webhook, free):
    free(100)
    desk.look()
    sent = courier(desk).serve()

    assert sent == 1
    assert webhook.got[0]["title"] == "Error: The disk is nearly full"
    assert webhook.got[0]["type"] == "failure"
    assert "100 MiB are free" in webhook.got[0]["message"]
    assert desk.told() == [("desk", "fired", "sent")]


@pytest.mark.parametrize("kind", [RunType.SCHEDULED, RunType.CATCHUP])
def test_the_success_of_the_daily_runs_reaches_a_webhook_that_asked_for_it_once_and_in_order(watched, webhook, free, kind):
    url = f'url = "json://{webhook.place}"'
    watched.channels(f'[[channel]]\nname = "desk"\n{url}\nwants = ["report"]\n[[channel]]\nname = "usual"\n{url}\n')
    days = [SUNDAY + timedelta(days=number) for number in (7, 8)]
    for number, day in enumerate(days, start=5):
        watched.house.session(day, number)
        with watched.house.runtime.database.transaction() as connection:
            at = watched.house.clock.now()
            moves.add(connection, at=at, pipeline=DAILY, partition=day, run_type=kind, requested_by="schedule")
    watched.house.work()
    for _ in range(2):
        watched.look()
        courier(watched).serve()

    assert [sent["title"] for sent in webhook.got] == [f"{DAILY} of {day} succeeded" for day in days]
    assert f"Session {days[0]}: 120 rows" in webhook.got[0]["message"]
    assert watched.told() == [("desk", "report", "sent")] * 2


def test_what_was_delivered_is_charged_once_and_what_was_not_is_not(desk, free):
    free(100)
    desk.look()
    courier(desk).serve()
    put(desk, "nobody", key="lost")
    courier(desk, "nobody").serve()
    day = nepal_date(desk.house.clock.now())
    charged = [row for row in desk.house.read(costs.days, day, day) if row["work"] == CostWork.MESSAGE]

    assert [(row["name"], row["messages"], row["notification_nano"]) for row in charged] == [("desk", 1, 100_000)]


def test_a_mail_server_is_told_of_an_alert(watched, free):
    with serving(MailServer()) as server:
        watched.channels(f'[[channel]]\nname = "post"\nurl = "mailto://{server.place}?from=console@example.com&to=desk@example.com"\n')
        free(100)
        watched.look()
        courier(watched, "post").serve()

    assert watched.told() == [("post", "fired", "sent")]
    assert [letter["Subject"] for letter in server.letters] == ["Error: The disk is nearly full"]
    assert server.letters[0]["To"] == "desk@example.com"


def test_a_service_that_refuses_is_tried_again_after_a_wait_that_grows(desk, webhook):
    webhook.statuses = [503]
    number = put(desk)
    courier(desk).serve()
    waiting = state(desk, number)
    desk.house.clock.advance(timedelta(minutes=1))
    courier(desk).serve()

    assert (waiting["state"], waiting["attempts"]) == ("waiting", 1)
    assert waiting["due_at"] == desk.house.clock.now()
    assert "503" in waiting["note"]
    assert (state(desk, number)["state"], len(webhook.got)) == ("sent", 2)


def test_after_too_many_tries_it_is_given_up_and_says_why(desk, webhook):
    webhook.statuses = [500] * TRIES
    number = put(desk)
    for _ in range(TRIES + 2):
        courier(desk).serve()
        desk.house.clock.advance(timedelta(hours=1))

    assert (state(desk, number)["state"], len(webhook.got)) == ("given_up", TRIES)


def test_nobody_hears_that_an_alert_is_over_before_that_it_fired(desk, webhook, free):
    free(100)
    desk.look()
    webhook.statuses = [503]
    courier(desk).serve()
    free(10_000)
    desk.look()
    too_early = courier(desk).serve()
    desk.house.clock.advance(timedelta(minutes=1))
    courier(desk).serve()

    assert too_early == 0
    assert [sent["title"].split(":")[0] for sent in webhook.got] == ["Error", "Error", "Resolved"]


def test_when_the_beginning_is_given_up_the_end_is_not_told(desk, webhook, free):
    free(100)
    desk.look()
    webhook.statuses = [500] * TRIES
    courier(desk).serve()
    free(10_000)
    desk.look()
    for _ in range(TRIES + 2):
        desk.house.clock.advance(timedelta(hours=1))
        courier(desk).serve()

    assert [(kind, state) for _, kind, state in desk.told()] == [("fired", "given_up"), ("resolved", "dropped")]
    assert len(webhook.got) == TRIES


def test_what_another_process_has_taken_is_not_sent_a_second_time(desk, webhook):
    number = put(desk)
    slow, quick = courier(desk), courier(desk)
    (row,) = slow._due()
    quick.serve()

    assert slow._deliver(row) is False
    assert (len(webhook.got), state(desk, number)["attempts"]) == (1, 1)


def test_what_a_process_says_that_was_away_too_long_changes_nothing(desk, webhook):
    number = put(desk)
    (row,) = courier(desk)._due()
    database, clock = desk.house.runtime.database, desk.house.clock
    with database.transaction() as connection:
        notifications.claim(connection, row, until=clock.now() + LEASE)
    clock.advance(2 * LEASE)
    courier(desk).serve()  # another one takes it, and sends it
    with database.transaction() as connection:
        own = notifications.settle(connection, row, state="given_up", ended_at=clock.now(), note="no answer")

    assert own is False
    assert (state(desk, number)["state"], len(webhook.got)) == ("sent", 1)


def test_a_test_is_tried_once_in_quiet_hours_too(watched, webhook, free):
    watched.channels(f'[[channel]]\nname = "desk"\nurl = "json://{webhook.place}"\nquiet = "11:00-13:00"\n')  # it is 11:45 in Nepal
    webhook.statuses = [500]
    number, other = watched.house.services.ask_for_test("desk"), put(watched)
    courier(watched).serve()

    assert state(watched, number)["state"] == "given_up"
    assert state(watched, other)["state"] == "waiting"
    assert state(watched, other)["attempts"] == 0
    assert watched.house.read(audited, limit=1)[0]["command"] == "test_channel"


def test_what_comes_due_in_quiet_hours_waits_for_their_end(watched, webhook, free):
    watched.channels(f'[[channel]]\nname = "desk"\nurl = "json://{webhook.place}"\nquiet = "11:00-13:00"\n')
    number = put(watched)
    courier(watched).serve()
    watched.house.clock.advance(timedelta(minutes=75))
    courier(watched).serve()

    assert state(watched, number)["state"] == "sent"
    assert state(watched, number)["ended_at"] - state(watched, number)["created_at"] == timedelta(minutes=75)


def test_neither_the_log_nor_the_database_nor_an_output_holds_a_secret(desk, webhook, capfd):
    webhook.statuses = [404]
    put(desk)
    with capture_logs() as said:
        courier(desk).serve()
    desk.channels(f'[[channel]]\nname = "desk"\nurl = "nosuchscheme://{HIDDEN}"\n')
    desk.house.clock.advance(timedelta(hours=1))
    with capture_logs() as more:
        courier(desk).serve()
    desk.house.runtime.database.close()

    told = "".join(capfd.readouterr()) + str(said) + str(more)
    stored = b"".join(file.read_bytes() for file in desk.house.settings.home.glob("console.db*"))
    assert HIDDEN not in told
    assert HIDDEN.encode() not in stored
    assert "Apprise knows no service nosuchscheme://" in told


def test_a_channel_that_is_no_more_and_a_variable_that_is_not_set_are_named(desk):
    number = put(desk, "gone")
    courier(desk, "gone").serve()
    desk.channels('[[channel]]\nname = "desk"\nurl = "json://example.com/${NOT_SET_ANYWHERE}"\n')
    other = put(desk, key="other")
    courier(desk).serve()

    assert state(desk, number)["note"] == "no channel is called gone any more"
    assert "NOT_SET_ANYWHERE not set" in state(desk, other)["note"]


def test_a_service_that_never_answers_is_left_after_its_time_and_is_tried_again(watched, free, monkeypatch):
    monkeypatch.setattr(sending, "PATIENCE", 0.5)
    with hanging() as (place, came):
        watched.channels(f'[[channel]]\nname = "desk"\nurl = "json://{place}"\n')
        number, behind = put(watched), put(watched, key="behind")
        stuck = courier(watched)
        stuck.serve()
        connected = came.wait(30)

    assert connected
    assert stuck.hangs  # its process ends, and another one takes what is behind
    assert (state(watched, number)["state"], state(watched, number)["note"]) == ("waiting", "no answer within 0.5 s")
    assert state(watched, behind)["attempts"] == 0


def test_a_process_that_hangs_keeps_neither_the_runner_nor_other_channels(watched, webhook, free, monkeypatch):
    begun: list[str] = []

    class Hung:
        def poll(self) -> None:
            return None

    monkeypatch.setattr("engine.alerts.postman.started", lambda _runtime, channel: begun.append(channel) or Hung())
    postman = Postman(watched.house.runtime)
    for number in range(AT_ONCE + 2):
        put(watched, f"channel {number}", key=str(number))
    postman.tick()
    postman.tick()

    assert begun == [f"channel {number}" for number in range(AT_ONCE)]  # each once, and no more than that at a time


class Lost(Exception):
    pass


def test_a_message_that_its_process_lost_is_sent_by_the_next_one_when_its_time_is_over(desk):
    sent: list[str] = []

    def dies(*_: Any) -> None:
        sent.append("first")
        raise Lost

    number = put(desk)
    with pytest.raises(Lost):
        courier(desk, send=dies).serve()
    too_early = courier(desk, send=lambda *_: sent.append("second")).serve()
    desk.house.clock.advance(LEASE)
    courier(desk, send=lambda *_: sent.append("second")).serve()

    assert too_early == 0
    assert sent == ["first", "second"]
    assert state(desk, number)["state"] == "sent"


def test_a_process_killed_between_sending_and_saying_so_makes_one_duplicate(desk, webhook):
    desk.house.clock.at = SystemClock().now()  # the process has the machine's clock
    number = put(desk)
    process: list[subprocess.Popen[bytes]] = []
    webhook.before = lambda: os.kill(process[0].pid, signal.SIGKILL)  # it has sent the message, and has no answer yet
    process.append(
        subprocess.Popen([*PYTHON, "channels", "--deliver", "desk"], cwd=REPOSITORY, env=environment(desk.house), stdout=subprocess.DEVNULL)
    )
    process[0].wait(120)
    killed = state(desk, number)
    webhook.before = lambda: None
    desk.house.clock.advance(LEASE)
    for _ in range(3):
        courier(desk).serve()
        desk.house.clock.advance(LEASE)

    assert (killed["state"], killed["attempts"]) == ("sending", 1)
    assert len(webhook.got) == 2
    assert state(desk, number)["state"] == "sent"


def test_a_runner_tells_a_channel_of_what_it_finds(desk, webhook):
    desk.house.clock.at = SystemClock().now()  # the process has the machine's clock
    day, log = nepal_date(desk.house.clock.now()) - timedelta(days=1), desk.house.settings.home / "runner.log"
    desk.house.put(day, b"no file of the exchange")
    desk.house.services.run("daily_prices", day)
    with log.open("w") as output:
        runner = subprocess.Popen([*PYTHON, "runner"], cwd=REPOSITORY, env=environment(desk.house), stdout=output, stderr=output)
        told = wait_until(lambda: bool(webhook.got), timeout=timedelta(seconds=200), glance=0.1)
        runner.terminate()
        runner.wait(60)

    assert told, log.read_text()
    assert HIDDEN not in log.read_text()


def test_what_went_wrong_is_said_in_the_words_of_the_network_and_without_a_secret(watched):
    with serving(Webhook()) as server:
        closed = server.place  # nobody listens there any more
    watched.channels(
        f'[[channel]]\nname = "desk"\nurl = "json://{closed}/{HIDDEN}"\n'
        f'[[channel]]\nname = "post"\nurl = "mailto://me:{HIDDEN}@{closed}?from=console@example.com&to=desk@example.com"\n'
    )
    numbers = put(watched), put(watched, "post", key="p")
    for name in ("desk", "post"):
        courier(watched, name).serve()

    for number in numbers:
        assert state(watched, number)["note"].endswith("Connection refused")
        assert HIDDEN not in state(watched, number)["note"]


def test_a_mail_server_that_does_not_let_the_console_in_is_told_apart_from_one_that_is_away(watched):
    with serving(MailServer(letting_in=False)) as server:
        watched.channels(
            f'[[channel]]\nname = "post"\nurl = "mailto://me:{HIDDEN}@{server.place}?from=console@example.com&to=desk@example.com"\n'
        )
        number = put(watched, "post")
        courier(watched, "post").serve()

    assert "Username and Password not accepted" in state(watched, number)["note"]
    assert HIDDEN not in state(watched, number)["note"]
