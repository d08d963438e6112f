"""A browser and consoles for it to look at."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect, sync_playwright

from engine.clock import SystemClock, nepal_date
from engine.sources.simulated import NO_FAULTS, SimulatedExchange
from tests.e2e.forked_servers import ForkedServers
from tests.e2e.server import Console, Store, free_port, is_free

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 60_000
DAYS = 30
DESK: ViewportSize = {"width": 1400, "height": 1000}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: it needs a browser or at least a whole server."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[BrowserContext]:
    """A real chromium; one for this folder and no longer, because its event loop must not outlive the tests that drive it."""
    if not CHROMIUM.exists():
        pytest.skip(f"a browser is not available: no {CHROMIUM}")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # One process draws all tabs: it has compiled the scripts once.
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--process-per-site"])
        context = chromium.new_context(reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()
        chromium.close()


@pytest.fixture(scope="package")
def spare() -> list[Page]:
    """Tabs that tests have left: one that has drawn a page of the console draws the next one for a third of what a new one takes."""
    return []


@pytest.fixture
def tab(browser, spare) -> Iterator[Callable[..., Page]]:
    """Open a tab, `on` a desk or a phone."""
    with ExitStack() as opened:

        def visit(url: str, *, on: ViewportSize = DESK) -> Page:
            page = spare.pop() if spare else browser.new_page()
            opened.callback(leave, page)
            page.set_viewport_size(on)
            page.goto(url)
            return page

        def leave(page: Page) -> None:
            page.goto("about:blank")
            spare.append(page)

        yield visit


@pytest.fixture(scope="package")
def forked_servers() -> Iterator[ForkedServers]:
    """What forks servers for this folder."""
    with closing(ForkedServers()) as opened:
        yield opened


@pytest.fixture(scope="package")
def port() -> int:
    """Where one console after the other is found: the browser knows the scripts that come from there."""
    return free_port()


@pytest.fixture(scope="module")
def start(tmp_path_factory, forked_servers, port) -> Iterator[Callable[..., Console]]:
    """Start a console in a home of its own, which `prepare` may have filled before; whatever is left of it ends with the module."""
    with ExitStack() as running:

        def begin(*, forked: bool = True, prepare: Callable[[Path], None] = lambda _home: None, **settings: object) -> Console:
            console = Console(tmp_path_factory.mktemp("console"), port if is_free(port) else None, **settings)
            prepare(console.settings.home)
            running.callback(console.kill)
            return console.start(forked_servers if forked else None)

        yield begin


@pytest.fixture(scope="module")
def store(console) -> Iterator[Store]:
    """What the module's console has in its home."""
    opened = Store(console)
    yield opened
    opened.close()


@pytest.fixture(scope="package")
def exchange() -> SimulatedExchange:
    """An exchange that sends what it should."""
    return SimulatedExchange(seed=4, clock=SystemClock(), faults=NO_FAULTS)


@pytest.fixture(scope="package")
def days() -> list[date]:
    """The last days whose slot, 18:00 in Nepal, has come, oldest first: whenever the tests run, the newest one is not late."""
    newest = nepal_date(SystemClock().now() - timedelta(hours=18))
    return [newest - timedelta(days=back) for back in reversed(range(DAYS))]


@pytest.fixture(scope="package")
def sessions(exchange, days) -> list[date]:
    """Those of them that were sessions and have their file."""
    return [day for day in days if _holds_its_session(exchange, day)]


@pytest.fixture(scope="module")
def published(exchange, days, tmp_path_factory) -> Path:
    """The sessions' daily files, and the next once it is out, with the exchange's calendar; a module may spoil them.

    None of a closed day: it repeats the session before, and what was spoilt would come in with it where tests run on a week end.
    """
    root = tmp_path_factory.mktemp("files")
    (root / "daily").mkdir()
    (root / "calendar").mkdir()
    for day in (*days, days[-1] + timedelta(days=1)):
        if _holds_its_session(exchange, day) and (file := exchange.daily_file(day)) is not None:
            (root / "daily" / file.name).write_bytes(file.content)
    with (root / "calendar" / "trading_calendar.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("Date", "IsTradingDay", "HolidayName"))
        rows.writerows((day, known.trading, known.holiday) for day, known in exchange.reference().calendar.items())
    return root


def _holds_its_session(exchange: SimulatedExchange, day: date) -> bool:
    return exchange.truth(day).session == day and exchange.daily_file(day) is not None
