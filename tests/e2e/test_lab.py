"""A threshold is dragged and the diff of alerts changes; an alert is clicked and its trades show; both survive a reload."""

import re

import pytest
from playwright.sync_api import Page, expect

LIMIT = "moving_average.alert_above"


@pytest.fixture(scope="module")
def console(start):
    return start(first_backfill_sessions=0)


def test_dragging_a_threshold_changes_the_diff_and_the_address(console, tab):
    raises = re.compile(r"B raises .*new ")
    page: Page = tab(f"{console.url}/replay_lab?{LIMIT}=0.3")
    says = page.locator(".st-key-lab_says")
    expect(says).to_contain_text(raises)
    begun_with = says.text_content() or ""

    slider = page.locator("[class*=st-key-lab_moving_average-alert_above] input[type=range]")
    slider.focus()
    for limit in ("0.2", "0.1"):  # the page is drawn anew after each
        slider.press("ArrowLeft")
        expect(page).to_have_url(re.compile(rf"{re.escape(LIMIT)}={re.escape(limit)}(&|$)"))

    expect(page).to_have_url(re.compile(r"session=\d{4}-\d\d-\d\d"))  # at midnight another one is the last
    shared = tab(page.url).locator(".st-key-lab_says")
    expect(shared).to_contain_text(raises)
    wanted = shared.text_content() or ""
    assert wanted != begun_with
    expect(says).to_have_text(wanted)
    page.reload()
    expect(says).to_have_text(wanted)
    page.get_by_role("button", name="Put back").click()
    expect(says).to_contain_text("As it stands")
    expect(page).not_to_have_url(re.compile(re.escape(LIMIT)))


def test_a_click_on_an_alert_shows_the_trades_around_it(console, tab):
    page: Page = tab(f"{console.url}/replay_lab?{LIMIT}=0.1")
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    expect(page.get_by_test_id("glide-cell-1-0")).to_be_attached()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    box = table.bounding_box()
    assert box is not None

    page.mouse.click(box["x"] + 60, box["y"] + 35 * 1.5)  # the first row's name

    around = page.locator(".st-key-lab_around")
    expect(around).to_contain_text("The tape around")
    expect(page).to_have_url(re.compile(r"alert=[0-9a-f]{24}"))
    page.reload()
    expect(around).to_contain_text("The tape around")
    around.get_by_role("button", name="Close").click()
    expect(around).to_have_count(0)
