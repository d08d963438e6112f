"""A row that a check refuses is set aside; corrected and replayed in the browser it comes into its session."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from engine.market.csv_line import cells_of, line_of
from pages.ui import format as say
from storage import dead_letters, sessions
from storage.dead_letters import LetterFilter
from storage.status import LetterState
from tests.e2e.server import eventually


@pytest.fixture(scope="module")
def bad_row(sessions, published) -> tuple[date, str, str]:
    """A session whose second row has its high far below its low; its symbol and the high that it should have."""
    day = sessions[-3]
    path = published / "daily" / f"{day:%Y_%m_%d}.csv"
    lines = path.read_text().split("\n")
    header, cells = cells_of(lines[0]), cells_of(lines[2])
    place = header.index("High")
    right, cells[place] = cells[place], "0.10"
    lines[2] = line_of(cells)
    path.write_text("\n".join(lines))
    return day, cells[header.index("Symbol")], right


@pytest.fixture(scope="module")
def console(bad_row, published, start):
    return start(source="files", source_dir=published, first_backfill_sessions=8)


@pytest.fixture
def letter(console, store):
    """The one letter that the first backfill left."""
    eventually(store.idle, what="the first backfill ends")
    with store.runtime.database.reading() as connection:
        (row,) = dead_letters.page(connection, LetterFilter())
    return row


def rows_in_the_lake(store, day: date) -> int:
    with store.runtime.database.reading() as connection:
        row = sessions.one(connection, day)
    assert row is not None
    return int(row["rows"])


def test_a_refused_row_is_corrected_and_replayed_and_its_session_is_whole(bad_row, console, store, letter, tab):
    day, symbol, right = bad_row
    before = rows_in_the_lake(store, day)
    overview = tab(console.url)
    overview.locator(".st-key-problem_0").get_by_role("link", name="See the letters").click()
    expect(overview.locator(".st-key-letter_reason")).to_contain_text("high not below low 1")

    page = tab(f"{console.url}/dead_letters?letter={letter['id']}")
    expect(page.get_by_role("heading", name=f"{symbol}, {say.day(day)}")).to_be_visible()
    expect(page.locator(".st-key-recheck")).to_contain_text("As it stands the row is refused")
    field = page.get_by_label("High", exact=True)
    field.fill(right)
    field.press("Enter")
    expect(page.locator(".st-key-recheck")).to_contain_text("With this line the row passes")
    page.get_by_role("button", name="Save and replay", exact=True).click()

    expect(page.locator(".st-key-letter_standing")).to_contain_text("the corrected row came into the session")
    eventually(store.idle, what="the replay ends")
    assert rows_in_the_lake(store, day) == before + 1
    _the_run_says_so(page, tab, console, store, letter["id"])


def _the_run_says_so(page: Page, tab, console, store, letter_id: int) -> None:
    with store.runtime.database.reading() as connection:
        row = dead_letters.one(connection, letter_id)
    assert row is not None
    assert row["state"] == LetterState.EDITED
    run = tab(f"{console.url}/run?id={row['resolved_run_id']}")
    expect(run.get_by_text("1 passed, corrected")).to_be_visible()


def test_two_tabs_that_undo_the_same_correction_do_it_once(console, store, letter, tab):
    assert letter["state"] == LetterState.EDITED
    tabs = [tab(f"{console.url}/dead_letters?letter={letter['id']}") for _ in range(2)]
    for page in tabs:
        page.get_by_role("button", name="Undo…").click()
        expect(page.get_by_role("button", name="Undo 1 decision")).to_be_visible()

    for page in tabs:  # both within milliseconds: a tab that sees what the other has done takes its question away
        page.get_by_role("button", name="Undo 1 decision").evaluate("button => button.click()")

    expect(tabs[0].get_by_text("It waits for a person")).to_be_visible()
    eventually(store.idle, what="the date has run again")
    assert len([run for run in store.runs(partition=letter["partition"]) if run["run_type"] == "rerun"]) == 1
