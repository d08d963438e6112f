"""Sessions of the stream in the browser: started, their bars come by themselves, an alert is acknowledged; one is rebuilt and promoted."""

import csv
import gzip
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.clock import nepal_time
from engine.stream.contracts import first_id

DAY, BEFORE = date(2024, 7, 17), date(2024, 7, 16)
TRADES = 400
ROW, MARK = 35, 15  # pixels: the height of a line of the grid, and where its first column has its mark
HEADER = "id,contractId,contractType,stockSymbol,buyerMemberId,sellerMemberId,contractQuantity,contractRate,contractAmount,businessDate"
HEADER += ",tradeBookId,stockId,buyerBrokerName,sellerBrokerName,tradeTime,securityName"


def floorsheet(day: date) -> bytes:
    """Return a session of two symbols, a trade every twenty seconds; one of NABIL is eight percent above those before it."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(HEADER.split(","))
    for number in range(TRADES):
        symbol, price = ("NABIL", 500 + number % 5) if number % 2 else ("NICA", 300 + number % 3)
        rate = 542.0 if number == TRADES // 2 + 1 else float(price)
        at = nepal_time(day, 11) + timedelta(seconds=20 * number, hours=5, minutes=45)
        contract = first_id(day) + 1_000_000 + number + 1
        sheet.writerow(
            ["", contract, "", symbol, 33, 39, 100, rate, 100 * rate, day, number, 1, "A", "B", f"{at:%Y-%m-%dT%H:%M:%S}.000000", symbol]
        )
    return gzip.compress(text.getvalue().encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A source that holds two floorsheets and no daily file."""
    root = tmp_path_factory.mktemp("files")
    (root / "daily").mkdir()
    (root / "floorsheet").mkdir()
    for day in (BEFORE, DAY):
        (root / "floorsheet" / f"{day}.csv.gz").write_bytes(floorsheet(day))
    return root


@pytest.fixture(scope="module")
def console(folder, start):
    return start(source="files", source_dir=folder, first_backfill_sessions=0)


def started(page: Page) -> None:
    """Start the session from the page, as fast as it goes."""
    page.get_by_role("button", name="Start a session…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Session")).to_have_value("Wed 17 Jul 2024")
    dialog.get_by_role("radio", name="max").click()
    dialog.get_by_role("button", name="Start", exact=True).click()


def test_a_session_is_started_its_bars_come_and_its_alert_is_acknowledged(console, tab):
    page = tab(f"{console.url}/stream")
    expect(page.get_by_text("The stream has not worked yet")).to_be_visible()
    started(page)

    expect(page.get_by_text(f"{TRADES} of {TRADES} records accepted")).to_be_visible()  # the page has followed by itself
    expect(page.locator("[class*=st-key-candles_2024] canvas").first).to_be_visible()
    page.get_by_role("link", name="See the alerts").click()
    grid = page.get_by_test_id("stDataFrame")
    expect(grid.get_by_test_id("glide-cell-1-0")).to_have_text("NABIL")
    expect(grid.get_by_test_id("glide-cell-4-0")).to_contain_text("off the average of its last 300 s, limit 5 %")
    box = grid.bounding_box()
    page.mouse.click(box["x"] + MARK, box["y"] + ROW * 1.5)
    page.get_by_role("button", name="Acknowledge 1 alert").click()
    expect(page.get_by_text("The alert moving_average of NABIL is acknowledged.")).to_be_visible()


def test_bars_are_seen_to_move_while_the_session_runs(console, tab):
    page = tab(f"{console.url}/stream?session={BEFORE}&symbol=NABIL")
    page.get_by_role("button", name="Start this session…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="100×").click()  # noqa: RUF001, the sign that means "times"
    dialog.get_by_role("button", name="Start", exact=True).click()
    bars = page.get_by_role("img", name="Bars of NABIL")
    expect(bars).to_be_visible()

    for _ in range(3):  # each closes while somebody looks, and nobody clicks
        shown = bars.get_attribute("aria-label")
        expect(bars).not_to_have_attribute("aria-label", shown)
    page.get_by_role("radio", name="1 s").click()
    expect(page.get_by_text("in the newest five minutes")).to_be_visible()
    page.get_by_role("radio", name="max").click()
    expect(page.get_by_text(f"{TRADES} of {TRADES} records accepted")).to_be_visible()


def test_a_silence_asks_why_and_is_listed_until_it_is_lifted(console, tab):
    page = tab(f"{console.url}/alerts?on=stream")
    page.get_by_role("button", name="Silence…", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Symbol").fill("nica")
    dialog.get_by_role("button", name="Silence", exact=True).click()
    expect(dialog.get_by_text("say why")).to_be_visible()
    dialog.get_by_label("Why").fill("a right issue")
    dialog.get_by_role("button", name="Silence", exact=True).click()

    held = page.get_by_text("Every rule of NICA")
    expect(held).to_be_visible()
    page.get_by_role("button", name="Lift").click()
    expect(page.get_by_text("Nothing is silenced.")).to_be_visible()


def test_a_version_with_the_labs_limit_is_built_promoted_so_that_its_alert_is_gone_and_taken_back(console, store, tab):
    page = tab(f"{console.url}/replay_lab?moving_average.alert_above=9")
    page.get_by_role("button", name="Rebuild with B…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Takes 1 session with 400 records.")).to_be_visible()
    dialog.get_by_label("Reason").fill("eight percent is usual")
    dialog.get_by_role("button", name="Rebuild", exact=True).click()
    expect(page.get_by_text("Version 1 is being built: 1 session.")).to_be_visible()

    page.goto(f"{console.url}/rebuild")
    differs = page.get_by_text("Version 1 differs from what is served in 1 alert.")
    expect(differs).to_be_visible(timeout=90_000)  # a job yields to all else on the machine
    page.get_by_role("button", name="Promote…").click()
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_text("Version 1 is served, promoted by console")).to_be_visible()
    assert served_alerts(store) == 0

    page.get_by_role("button", name="Take back…").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    expect(differs).to_be_visible()
    assert served_alerts(store) == 1


def served_alerts(store) -> int:
    with store.runtime.database.reading() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM tick_alert WHERE session = ?", (str(DAY),)).scalar_one()
