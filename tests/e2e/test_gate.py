"""A session that the gate holds is let through by a person; a limit is turned, saved, and the sessions that it changes are judged again."""

import csv
import io
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage import quality
from tests.e2e.server import eventually

Row = dict[str, str]
HOSTILE = "<script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"


@pytest.fixture(scope="module")
def spoiled(sessions, published) -> Path:
    """The newest daily files; in one a close lies far outside its day, in the newest many rows have high and low the wrong way round."""
    _spoil(published, sessions[-4], _close_outside)
    _spoil(published, sessions[-1], _high_below_low)
    with (published / "daily" / f"{sessions[-3]:%Y_%m_%d}.csv").open("a") as file:
        file.write(f"{HOSTILE}\n")  # a line that cannot be read
    return published


@pytest.fixture(scope="module")
def console(spoiled, start):
    return start(source="files", source_dir=spoiled, first_backfill_sessions=10)


@pytest.fixture
def judged(console, store):
    eventually(store.idle, what="the first backfill ends")
    return store


def _spoil(root: Path, day: date, change: Callable[[list[Row]], None]) -> None:
    path = root / "daily" / f"{day:%Y_%m_%d}.csv"
    table = csv.DictReader(io.StringIO(path.read_text()))
    rows = list(table)
    change(rows)
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, table.fieldnames or [])
        out.writeheader()
        out.writerows(rows)


def _close_outside(rows: list[Row]) -> None:
    """Move one close three percent above the day's high, in a row with many trades."""
    busy = max(rows, key=lambda row: float(row["Trans."].replace(",", "")))
    busy["Close"] = f"{float(busy['High'].replace(',', '')) * 1.03:.2f}"


def _high_below_low(rows: list[Row]) -> None:
    for row in rows[::5]:
        if row["High"] != row["Low"]:
            row["High"], row["Low"] = row["Low"], row["High"]


def report(store, day: date):
    with store.runtime.database.reading() as connection:
        (row,) = quality.reports_between(connection, "daily_prices", day, day)
    return row


def test_a_limit_is_turned_saved_and_the_sessions_that_it_changes_are_judged_again(judged, sessions, console, tab):
    day = sessions[-4]
    before = report(judged, day)
    page: Page = tab(f"{console.url}/thresholds?check=close_inside_range")

    slider = page.locator("input[type=range]").nth(1)
    expect(slider).to_be_visible()
    slider.focus()
    for _ in range(16):  # from 10 to 2 percent
        slider.press("ArrowLeft")
    expect(page.locator(".st-key-preview_says")).to_contain_text(
        re.compile(r"1 session and 1 row would have come out otherwise: 1 row more set aside")
    )
    assert report(judged, day)["run_id"] == before["run_id"]
    page.get_by_placeholder("Why is the new limit the better one?").fill("no odd lot goes that far")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Rerun the 1 date this changes").click()

    eventually(lambda: report(judged, day)["quarantined"] == before["quarantined"] + 1, what="the session is judged again")
    expect(page.get_by_role("button", name="Rerun the 1 date this changes")).to_have_count(0)  # without a reload
    page.goto(f"{console.url}/quality?session={day}&check=close_inside_range")
    expect(page.locator(".st-key-quality_banner")).to_contain_text("1 line was set aside")
    expect(page.locator(".st-key-check_detail")).to_contain_text("close inside range")
    expect(page.locator(".st-key-finding_0")).to_contain_text("set aside")


def test_a_session_that_the_gate_holds_is_let_through_by_a_person(judged, sessions, console, tab):
    day = sessions[-1]
    address = f"{console.url}/quality?session={day}"  # the newest of all is another one once 18:00 has passed
    page: Page = tab(address)
    banner = page.locator(".st-key-quality_banner")
    expect(banner).to_contain_text("is held back")
    assert report(judged, day)["verdict"] == "blocked"

    page.get_by_role("button", name="Approve…").click()
    question = page.get_by_role("dialog")
    question.get_by_placeholder("What do you know that the checks do not?").fill("the exchange said that it swapped the columns")
    question.get_by_role("button", name="Approve").click()

    page.wait_for_url("**/run?id=*")  # the run that the approval queued
    page.goto(address)
    expect(banner).to_contain_text("was let through by a person")  # by itself, once the runner has judged it again
    assert report(judged, day)["approved_by"] == "console"
    assert report(judged, day)["loaded"] > 100


def test_a_click_on_the_grid_chooses_the_session_and_the_check_and_survives_a_reload(judged, sessions, console, tab):
    page: Page = tab(f"{console.url}/quality")
    grid = page.locator("[class*=st-key-quality_grid_]").first
    expect(grid.locator("canvas").last).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box is not None

    with judged.runtime.database.reading() as connection:
        shown = [row["session"] for row in quality.judged(connection, "daily_prices", limit=60)]
    cell = (box["width"] - 170) / len(shown)  # beside the names of the checks
    place = len(shown) - shown.index(sessions[-2]) - 0.5  # from the right: one before the last, two once 18:00 has passed
    page.mouse.click(box["x"] + box["width"] - 8 - place * cell, box["y"] + 4 + 1.5 * 20)  # the worst check
    expect(page).to_have_url(re.compile(rf"session={sessions[-2]}"))
    page.reload()

    expect(page.locator(".st-key-quality_banner")).to_contain_text(f"{sessions[-2].day} {sessions[-2]:%b %Y}")
    assert "check=" in page.url


def test_the_report_to_take_away_needs_no_network_and_runs_nothing_of_what_a_line_says(judged, sessions, console, tab, browser, tmp_path):
    page: Page = tab(f"{console.url}/quality?session={sessions[-3]}")
    with page.expect_download() as started:
        page.get_by_role("button", name="Report of this session").click()
    kept = tmp_path / "report.html"
    started.value.save_as(kept)
    asked: list[str] = []
    opened: Page = tab("about:blank")
    opened.on("request", lambda request: asked.append(request.url))

    browser.set_offline(True)
    opened.goto(kept.as_uri())
    browser.set_offline(False)

    expect(opened.get_by_text(HOSTILE)).to_be_visible()  # as it came
    expect(opened.get_by_role("heading", name=f"Quality of the session of {sessions[-3]:%a} {sessions[-3].day}")).to_be_visible()
    assert opened.title().startswith("Quality of the session of")
    assert opened.locator("script, img, link, iframe").count() == 0
    assert asked == [kept.as_uri()]
