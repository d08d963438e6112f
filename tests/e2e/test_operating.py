"""What a person does with runs in the browser: backfill with a plan, rerun and cancel, act on a list that moves, miss a runner.

The runner does not belong to the server here: a run stays queued until the test starts one.
"""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from engine.clock import nepal_date
from storage.status import FINAL, RunStatus
from tests.e2e.server import eventually

PIPELINE = "daily_prices"
ROW, MARK = 35, 15  # pixels: the height of a line of the grid, and where its first column has its mark


@pytest.fixture(scope="module")
def console(start):
    return start(runner="external", first_backfill_sessions=0)


@pytest.fixture
def today(store):
    return nepal_date(store.runtime.clock.now())


@pytest.fixture
def finished(store, today):
    """The id of a run that is over."""
    run_id = store.services.run(PIPELINE, today - timedelta(days=40)).run_id
    store.services.cancel(run_id)
    return run_id


def test_a_backfill_says_what_it_will_take_then_shows_a_tile_a_date_until_it_is_done(console, store, tab):
    page = tab(f"{console.url}/pipelines")
    page.get_by_role("button", name="Backfill a range…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("31 dates will run: how long it takes is not known")).to_be_visible()
    dialog.get_by_role("button", name="Backfill 31 dates").click()

    panel = page.locator(".st-key-live_backfill")
    expect(panel.get_by_text("0 of 31 dates")).to_be_visible()
    expect(panel.locator("canvas").first).to_be_visible()
    runner = console.start_runner()
    eventually(store.idle, what="the backfill ends")
    runner.terminate()
    for waiting in store.runs(statuses=[RunStatus.QUEUED]):  # today's, before its file is there
        store.services.cancel(waiting["id"])

    expect(panel.get_by_text("Backfill 1")).to_be_hidden()
    expect(page.get_by_role("table").get_by_text("done")).to_be_visible()
    page.get_by_role("button", name="Backfill a range…").click()
    dialog.get_by_role("radio", name="All dates").click()
    expect(dialog.get_by_text(re.compile(r"31 dates will run: about \d"))).to_be_visible()


def test_the_same_rerun_asked_in_two_tabs_is_one_run_and_its_cancel_is_seen_in_both(console, store, finished, tab):
    tabs = [tab(f"{console.url}/run?id={finished}") for _ in range(2)]
    for page in tabs:
        page.get_by_role("button", name="Rerun…", exact=True).click()
    for page in tabs:
        page.get_by_role("button", name="Rerun 1 date").click()
        expect(page.get_by_test_id("stToast")).to_be_visible()

    (rerun,) = (run for run in store.runs(statuses=[RunStatus.QUEUED]))
    first, second = tabs
    for page in tabs:
        expect(page.get_by_text(f"Run {rerun['id']} · rerun")).to_be_visible()
    first.get_by_role("button", name="Cancel…").click()
    first.get_by_role("button", name="Cancel 1 run").click()
    expect(second.get_by_text("Cancelled by console before it began.")).to_be_visible()
    assert store.status(rerun["id"]) == RunStatus.CANCELLED


@pytest.fixture
def runner(console):
    """A runner that is gone when the test is over, however it ended: the next one counts on being alone."""
    started = console.start_runner()
    yield started
    started.kill()
    started.wait()


def test_what_was_selected_in_a_moving_list_is_what_is_cancelled(console, store, today, runner, tab):
    many = today - timedelta(days=700), today - timedelta(days=100)  # none of those that wait at the top comes to its turn meanwhile
    backfill = store.services.backfill(PIPELINE, *many)
    page = tab(f"{console.url}/runs?status=queued")
    grid = page.get_by_test_id("stDataFrame")
    top = grid.get_by_test_id("glide-cell-1-0")
    expect(top).to_be_attached()
    name = top.inner_text()
    box = grid.bounding_box()
    page.mouse.click(box["x"] + MARK, box["y"] + ROW * 1.5)
    expect(page.get_by_role("button", name="Cancel 1 run…")).to_be_enabled()

    store.services.pause_backfill(backfill)
    arrived = [store.services.run(PIPELINE, today - timedelta(days=days)) for days in (60, 61)]
    page.get_by_role("button", name="Cancel 1 run…").click()
    page.get_by_role("button", name="Cancel 1 run", exact=True).click()

    selected = int(name.removeprefix("Run "))
    eventually(lambda: store.status(selected) == RunStatus.CANCELLED, what=f"{name} is cancelled")
    assert {store.status(run.run_id) for run in arrived} & {RunStatus.CANCELLED} == set()
    store.services.cancel_backfill(backfill)


def test_a_dead_runner_of_its_own_is_named_on_every_page_until_another_one_lives(console, store, today, runner, tab):
    eventually(lambda: console.status("/healthz/ready") == 200, what="the console is ready")
    store.services.backfill(PIPELINE, today - timedelta(days=180), today - timedelta(days=100))
    before = len(store.runs(statuses=FINAL))
    eventually(lambda: len(store.runs(statuses=FINAL)) > before, what="another date is done")
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
