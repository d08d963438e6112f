"""A file that cannot be used turns a date red; mended and run again from the browser, it turns green before one's eyes."""

from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pages.ui import format as say
from tests.e2e.server import eventually


@pytest.fixture(scope="module")
def broken(sessions, published) -> Path:
    """The file of a session that others follow, with a column that nobody knows."""
    path = published / "daily" / f"{sessions[-3]:%Y_%m_%d}.csv"
    path.write_bytes(path.read_bytes().replace(b"Close", b"Closing", 1))
    return path


@pytest.fixture(scope="module")
def console(broken, published, start):
    return start(source="files", source_dir=published, first_backfill_sessions=8)


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
