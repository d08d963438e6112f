"""A visitor of a console that starts in an empty home: first minutes, probes, links, a phone, a server that goes and comes back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.conftest import REPOSITORY
from tests.e2e.server import eventually

SESSIONS = 200  # enough that a browser is there before the last of them
PHONE = {"width": 390, "height": 844}
HIDDEN = 3  # scripts that are not in the menu: the router, a run, no such page
# What these pages are for is in their title.
NAMED = ("/", "/thresholds", "/stream", "/alerts", "/replay_lab", "/reconcile", "/service_levels", "/drift", "/logs", "/rebuild")
LOOPBACK, LISTENING = "0100007F", "0A"  # as the kernel writes them


@pytest.fixture(scope="module")
def console(start):
    return start(forked=False, first_backfill_sessions=SESSIONS)  # as a person starts it, with all of its imports


@pytest.fixture
def filled(console, store):
    eventually(store.idle, what="the first backfill ends", patience=90)
    return console


def test_an_empty_home_fills_itself_while_the_overview_shows_how_far_it_is(console, tab):
    page = tab(console.url)

    backfill = page.locator(".st-key-live_backfill")
    expect(backfill.get_by_text(re.compile(r"^[1-9]\d* of \d+ dates"))).to_be_visible()
    expect(backfill.get_by_text("Backfill 1")).to_be_hidden(timeout=90_000)  # it has ended, and the page has noticed by itself
    expect(page.locator(".st-key-tile_sessions")).to_contain_text(re.compile(r"[12]\d of 30"))


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready", "/healthz"])
def test_a_console_with_its_runner_answers_its_probes(path, console):
    eventually(lambda: console.status(path) == 200, what=f"{path} answers 200")


@pytest.mark.parametrize("path", ["/", "/runs", "/healthz/live", "/_stcore/health"])
def test_every_answer_carries_the_security_headers(path, console):
    status, headers = console.answer(path)

    assert status == 200
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/healthz/live", "/_stcore/health"])
def test_a_foreign_host_name_is_refused(path, console):
    assert console.status(path, Host="evil.example") == 421


def test_the_console_listens_on_this_machine_alone(console):
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    addresses = [row[1].split(":") for row in rows if row[3] == LISTENING]

    assert [address for address, port in addresses if int(port, 16) == console.port] == [LOOPBACK]


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/", "Overview"),
        ("/runs", "Backfill…"),
        ("/run?id=1", "Rerun…"),
        ("/pipelines", "Backfill a range…"),
        ("/quality", "Report of this session"),
        ("/thresholds", "Thresholds"),
        ("/stream", "Stream"),
        ("/alerts", "Alerts"),
        ("/replay_lab", "Replay lab"),
        ("/reconcile", "Reconcile"),
        ("/service_levels", "Service levels"),
        ("/drift", "Drift"),
        ("/logs", "Logs"),
        ("/rebuild", "Rebuild"),
    ],
)
def test_a_page_says_that_the_data_are_simulated_and_it_and_what_it_is_for_fit_a_phone(path, action, filled, tab):
    page = tab(filled.url + path, on=PHONE)
    wanted = page.get_by_role("heading" if path in NAMED else "button", name=action, exact=True)
    expect(wanted).to_be_visible()
    expect(page.get_by_text("Simulated exchange: no price here is real")).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()

    box = wanted.bounding_box()
    widths = page.evaluate("[document.documentElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)")
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert max(widths) <= PHONE["width"]


def test_the_graph_is_drawn_downwards_on_a_phone(filled, tab):
    page = tab(filled.url + "/pipelines", on=PHONE)

    drawn = page.locator(".st-key-graph_tall img")
    expect(drawn).to_be_visible()
    expect(page.locator(".st-key-graph_wide img")).to_be_hidden()
    assert drawn.bounding_box()["height"] > drawn.bounding_box()["width"]


def test_an_address_without_a_page_leads_to_one_that_says_so(filled, tab):
    page = tab(filled.url + "/nonsense")

    expect(page.get_by_text("There is no page /nonsense")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name="Runs").click()
    expect(page).to_have_url(filled.url + "/runs")
    expect(page.get_by_text("Page not found")).to_be_hidden()


def test_a_phone_goes_from_page_to_page(filled, tab):
    page = tab(filled.url, on=PHONE)

    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Pipelines").click()

    expect(page.get_by_role("heading", name="Pipelines", level=1)).to_be_visible()


def test_a_link_works_as_the_first_request_after_a_restart_and_so_does_the_next(filled, store, forked_servers, tab):
    (run,) = (run for run in store.runs() if run["id"] == 7)
    filled.stop()
    filled.start(forked_servers)

    for path, shown in (("/run?id=7", "Run 7 · backfill"), (f"/runs?day={run['partition']}", "Run 7: ")):
        page = tab(filled.url + path)
        expect(page.get_by_text(shown).first).to_be_visible()
        expect(page.get_by_test_id("stSidebarNav").get_by_role("link")).to_have_count(
            len(list((REPOSITORY / "pages").glob("*.py"))) - HIDDEN
        )


def test_an_open_page_goes_on_after_the_server_was_killed(filled, store, forked_servers, tab):
    page = tab(f"{filled.url}/runs")
    newest = page.get_by_test_id("glide-cell-1-0")
    expect(newest).to_be_attached()
    (before,) = store.runs()[:1]

    filled.kill()
    expect(page.get_by_text("Connection error")).to_be_visible()
    filled.start(forked_servers)
    run = store.services.run(before["pipeline"], before["partition"])

    expect(newest).to_have_text(f"Run {run.run_id}")  # nobody has reloaded the page
    assert page.url == f"{filled.url}/runs"
