"""What is wrong reaches a person, who looks into it and says so: a drift alarm, and an alert of operations with its delivery."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from engine.clock import SystemClock, nepal_date
from pages.ui import format as say
from storage import alerts, drift
from storage.status import RunStatus
from tests.alerts.servers import MailServer, Webhook, serving
from tests.drift.market import day
from tests.e2e.server import eventually
from tests.pages.gallery import Store
from tests.pages.gallery_drift import compared

SESSIONS = 64  # enough for limits that are learnt
DRIFTED = day(SESSIONS - 1)
FAILED = nepal_date(SystemClock().now()) - timedelta(days=1)
ERROR = "the header was never seen"


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


@pytest.fixture(scope="module")
def console(start, webhook, mail):
    """A console whose newest session has closes off the tick grid, and one of whose dates has failed."""

    def prepare(home: Path) -> None:
        store = Store(home)
        compared(store, SESSIONS, off_grid=0.8)
        store.run(FAILED, RunStatus.FAILED, reason=ERROR)
        store.runtime.settings.channels_file.write_text(
            f'[[channel]]\nname = "desk"\nurl = "json://{webhook.place}/a-secret"\n'
            f'[[channel]]\nname = "post"\nurl = "mailto://{mail.place}?from=console@example.com&to=desk@example.com"\n'
        )
        store.database.close()

    return start(prepare=prepare, first_backfill_sessions=0, backup_minutes=0)


def test_a_drift_alarm_is_read_explained_and_labelled(console, store, tab):
    page = tab(f"{console.url}/drift")
    says = page.locator(".st-key-drift_says")
    expect(says).to_contain_text(re.compile(r"Closes off the tick grid: 0\.\d+ instead of 0"))
    why = page.get_by_role("table", name="Why Closes off the tick grid alarms")
    expect(why).to_contain_text(f"Its level lies there since{say.day(DRIFTED)}")

    says.get_by_role("button", name="Fault").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Say so").click()
    expect(question).to_contain_text("say why")
    question.get_by_label("Why").fill("the exchange sent another column")
    question.get_by_role("button", name="Say so").click()

    expect(says).to_contain_text("the exchange sent another column")
    with store.runtime.database.reading() as connection:
        (said,) = drift.labels(connection)
    assert (said["session"], said["label"]) == (DRIFTED, "fault")
    says.get_by_role("button", name="Take it back").click()
    expect(says.get_by_role("button", name="Fault")).to_be_visible()


def test_an_alert_is_delivered_acknowledged_and_silenced(console, store, tab, webhook, mail):
    title = f"daily_prices of {FAILED} failed"
    page = tab(f"{console.url}/alerts")
    alert = page.locator("[class*=st-key-operation_]").filter(has_text=title)
    expect(alert).to_contain_text("desk:")
    expect(alert).to_contain_text(re.compile(r"desk:.*alert sent.*post:.*alert sent"))  # without a reload
    (told,) = [message for message in webhook.got if title in message["title"]]
    assert ERROR in told["message"]
    assert f"{console.url}/run?id=1" in told["message"]
    assert [title in letter["Subject"] for letter in mail.letters].count(True) == 1

    alert.get_by_role("button", name="Acknowledge").click()
    expect(alert).to_contain_text("seen by")
    expect(alert.get_by_role("button", name="Acknowledge")).to_have_count(0)
    alert.get_by_role("button", name="Silence…").click()
    question = page.get_by_role("dialog")
    question.get_by_label("Why").fill("the exchange is asked")
    question.get_by_role("button", name="Silence").click()

    expect(question).to_have_count(0)
    expect(page.locator("[class*=st-key-silence_]").filter(has_text="the exchange is asked")).to_be_visible()
    alert.get_by_role("link", name="Its cause").click()
    page.wait_for_url("**/run?id=1")
    with store.runtime.database.reading() as connection:
        (row,) = [row for row in alerts.open_ones(connection) if row["title"] == title]
        moves = [event["move"] for event in alerts.events_of(connection, row["id"])]
    assert [move for move in moves if move != "told"] == ["fired", "acknowledged"]
    assert row["acknowledged_by"]


def test_a_channel_is_tried_with_one_click_and_its_secret_is_nowhere_on_the_page(console, tab, webhook):
    page = tab(f"{console.url}/alerts?on=channels")
    desk = page.locator(".st-key-channel_0")

    desk.get_by_role("button", name="Send a test").click()

    eventually(lambda: any("Test of channel desk" in message["title"] for message in webhook.got), what="the webhook is told")
    log = page.get_by_role("table", name="What channels were told")
    # Not the channel's newest message: at 18:00 that is an alert about today's date.
    expect(log.get_by_role("row").filter(has_text="Test of channel desk")).to_contain_text(re.compile(r"\bsent"))
    assert "a-secret" not in page.content()
