"""What a person sees, and what is left, when the runner dies in the middle of a backfill."""

import os
import signal
from collections import Counter
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from engine.clock import nepal_date
from storage.status import FINAL, RunStatus
from tests.e2e.server import Store, eventually

PIPELINE = "daily_prices"


@pytest.fixture
def opened(start, request):
    """A console of its own for a test, and what it holds."""

    def begin(**settings):
        console = start(first_backfill_sessions=0, **settings)
        store = Store(console)
        request.addfinalizer(store.close)
        return console, store

    return begin


def test_a_console_whose_runner_is_killed_goes_on_by_itself_and_the_page_with_it(opened, tab):
    console, store = opened()
    today = nepal_date(store.runtime.clock.now())
    page = tab(console.url)
    store.services.backfill(PIPELINE, today - timedelta(days=250), today - timedelta(days=100))  # long enough for a page to look
    panel = page.locator(".st-key-live_backfill")
    eventually(lambda: len(store.runs(statuses=FINAL)) > 5, what="the first dates are done")
    first = eventually(lambda: console.runner_pid, what="there is a runner")

    os.kill(first, signal.SIGKILL)
    assert not store.idle()
    expect(panel.get_by_text("of 151 dates")).to_be_visible()

    eventually(store.idle, what="the backfill ends", patience=60)
    expect(panel.get_by_text("Backfill 1")).to_be_hidden()
    assert console.runner_pid not in (None, first)
    assert console.yields_to(console.runner_pid)
    assert set(Counter(run["partition"] for run in store.runs()).values()) == {1}
    assert not store.runs(statuses=[RunStatus.CRASHED, RunStatus.CANCELLED])


def test_a_dead_runner_of_its_own_is_named_on_every_page_until_another_one_lives(opened, tab):
    console, store = opened(runner="external")
    runner = console.start_runner()
    eventually(lambda: console.status("/healthz/ready") == 200, what="the console is ready")
    today = nepal_date(store.runtime.clock.now())
    store.services.backfill(PIPELINE, today - timedelta(days=180), today - timedelta(days=100))
    eventually(lambda: store.runs(statuses=FINAL), what="the first date is done")
    page = tab(console.url)
    strip = page.locator(".st-key-status_strip")
    expect(strip).to_contain_text("runner alive")

    runner.kill()
    runner.wait()
    store.age_heartbeats(timedelta(seconds=10))  # instead of waiting for it

    expect(page.locator(".st-key-banner")).to_contain_text("No runner is alive")
    expect(page.get_by_text("python -m engine runner")).to_be_visible()  # what to do about it
    expect(strip).to_contain_text("runner silent")
    assert console.status("/healthz/ready") == 503
    assert console.status("/healthz/live") == 200
    done = len(store.runs(statuses=FINAL))
    console.start_runner()
    expect(page.locator(".st-key-banner")).not_to_contain_text("No runner is alive")
    expect(strip).to_contain_text("runner alive")
    eventually(lambda: len(store.runs(statuses=FINAL)) > done, what="the backfill goes on")
