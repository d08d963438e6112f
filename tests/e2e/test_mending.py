"""A file that cannot be used turns a date red; mended and run again from the browser, it turns green before one's eyes."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from engine.clock import SystemClock, nepal_date
from engine.sources.simulated import NO_FAULTS, SimulatedExchange
from pages.ui import format as say
from tests.e2e.server import eventually

DAYS = 21


@pytest.fixture(scope="module")
def exchange():
    return SimulatedExchange(seed=4, clock=SystemClock(), faults=NO_FAULTS)


@pytest.fixture(scope="module")
def folder(exchange, tmp_path_factory) -> Path:
    """The newest daily files as an exchange's site gives them, with its calendar."""
    root = tmp_path_factory.mktemp("files")
    (root / "daily").mkdir()
    (root / "calendar").mkdir()
    for day in _last_days():
        if (file := exchange.daily_file(day)) is not None:
            (root / "daily" / file.name).write_bytes(file.content)
    with (root / "calendar" / "trading_calendar.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("Date", "IsTradingDay", "HolidayName"))
        rows.writerows((day, known.trading, known.holiday) for day, known in exchange.reference().calendar.items())
    return root


@pytest.fixture(scope="module")
def broken(exchange, folder) -> Path:
    """The file of the newest session that another one follows, with a column that nobody knows."""
    sessions = [day for day in _last_days() if exchange.truth(day).session == day]
    path = folder / "daily" / f"{sessions[-3]:%Y_%m_%d}.csv"
    path.write_bytes(path.read_bytes().replace(b"Close", b"Closing", 1))
    return path


@pytest.fixture(scope="module")
def console(broken, folder, start):
    return start(source="files", source_dir=folder, first_backfill_sessions=8)


def test_a_failed_date_is_run_again_and_turns_green_without_a_reload(broken, console, store, tab):
    eventually(store.idle, what="the first backfill ends")
    page = tab(console.url)
    banner, day = page.locator(".st-key-banner"), say.day(date.fromisoformat(broken.stem.replace("_", "-")))
    expect(banner).to_contain_text(f"{day} failed")
    expect(page.locator(".st-key-problem_0")).to_contain_text("'Closing'")  # the reason is on the page
    page.evaluate("window.sameDocument = true")

    broken.write_bytes(broken.read_bytes().replace(b"Closing", b"Close", 1))
    page.get_by_role("button", name="Rerun 1 failed date …").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(f"1 date will run again: {day}.")
    question.get_by_role("button", name="Rerun 1 date").click()

    expect(banner).to_contain_text("Nothing is wrong")
    expect(page.locator(".st-key-tile_sessions")).not_to_contain_text("failed")
    assert page.evaluate("window.sameDocument")


def _last_days() -> Iterator[date]:
    today = nepal_date(SystemClock().now())
    return (today - timedelta(days=back) for back in range(DAYS, -1, -1))
