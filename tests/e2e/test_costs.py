"""A slider is moved and both scenarios change; a formula is opened; a scenario is kept and comes back by its address."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import eventually

SESSIONS = 14  # a trend needs ten days with data


@pytest.fixture(scope="module")
def console(start):
    return start(first_backfill_sessions=SESSIONS)


def test_a_what_if_is_turned_opened_kept_and_shared(console, store, tab):
    eventually(store.idle, what="the first sessions are loaded")
    page: Page = tab(f"{console.url}/costs")
    tiles = page.locator(".st-key-cost_tiles")
    a, b = (tiles.get_by_test_id("stMetric").nth(number).get_by_test_id("stMetricValue") for number in (0, 1))
    expect(b).to_contain_text("USD")
    before = (a.inner_text(), b.inner_text())

    slider = page.locator(".st-key-cost_scale_0 input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"scale=10(&|$)"))
    expect(a).not_to_have_text(before[0])
    expect(b).not_to_have_text(before[1])

    page.locator(".st-key-cost_compact_0 label").first.click()
    expect(page).to_have_url(re.compile("compact=true"))
    expect(page.locator(".st-key-cost_headline")).to_contain_text("less than A")
    page.locator(".st-key-cost_formula_B_compute button").first.click()
    expect(page.get_by_text("x 0.028338 USD per vCPU-hour").first).to_be_visible()
    page.keyboard.press("Escape")

    kept = b.inner_text()
    page.locator(".st-key-cost_save button").first.click()
    page.locator(".st-key-cost_name input").fill("compacted")
    page.locator(".st-key-cost_name input").press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("is kept: open it here")).to_be_visible()
    page.goto(f"{console.url}/costs?scale=10&against=compacted")
    expect(a).to_have_text(kept)
    page.reload()
    expect(a).to_have_text(kept)


def test_on_a_phone_what_the_sliders_come_to_goes_along_with_them(console, store, tab):
    eventually(store.idle, what="the first sessions are loaded")
    page: Page = tab(f"{console.url}/costs?compact=true&spot=20", on={"width": 390, "height": 844})
    told = page.locator(".st-key-cost_near")
    expect(told).to_contain_text("less than A")
    before = told.inner_text()

    slider = page.locator(".st-key-cost_spot_0 input[type=range]")
    slider.focus()
    expect(page.locator(".st-key-cost_tiles")).not_to_be_in_viewport()
    slider.press("ArrowRight")
    expect(told).not_to_have_text(before)
    expect(told).to_be_in_viewport()
