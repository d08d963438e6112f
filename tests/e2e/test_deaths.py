"""What a person sees, and what is left, when the runner dies in the middle of a backfill."""

import os
import signal
from collections import Counter
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from engine.clock import nepal_date
from storage.status import FINAL, RunStatus, RunType
from tests.e2e.server import eventually

PIPELINE = "daily_prices"


@pytest.fixture(scope="module")
def console(start):
    return start(first_backfill_sessions=0)


def test_a_console_whose_runner_is_killed_goes_on_by_itself_and_the_page_with_it(console, store, tab):
    today = nepal_date(store.runtime.clock.now())
    page = tab(console.url)
    store.services.backfill(PIPELINE, today - timedelta(days=250), today - timedelta(days=100))  # long enough for a page to look
    panel = page.locator(".st-key-live_backfill")
    eventually(lambda: len(store.runs(statuses=FINAL)) > 5, what="the first dates are done")
    first = eventually(lambda: console.runner_pid, what="there is a runner")

    os.kill(first, signal.SIGKILL)
    assert not store.idle()
    expect(panel.get_by_text("of 151 dates")).to_be_visible()

    eventually(store.idle, what="the backfill ends")
    expect(panel.get_by_text("Backfill 1")).to_be_hidden()
    assert console.runner_pid not in (None, first)
    assert console.yields_to(console.runner_pid)
    dates = Counter(run["partition"] for run in store.runs() if run["run_type"] == RunType.BACKFILL)  # after 18:00 today is run too
    assert (len(dates), set(dates.values())) == (151, {1})
    assert not store.runs(statuses=[RunStatus.CRASHED, RunStatus.CANCELLED])
