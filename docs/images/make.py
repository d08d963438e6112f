"""Takes the pictures of the documents from a console over a fresh simulated home: `PYTHONPATH=. .venv/bin/python docs/images/make.py`."""

# ruff: noqa: INP001, a script

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from storage import sessions
from tests.e2e.server import Console, Store, eventually

HERE = Path(__file__).resolve().parent
SIZE = (1400, 1000)
COLOURS = 255
SETTLED_MS = 2500  # charts are drawn after the page is


def take(browser: Browser, url: str, name: str) -> None:
    """Write the picture of a page, in few colours so that it stays small."""
    page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light")
    page.goto(url)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_timeout(SETTLED_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=60_000)  # the first chart of its kind is loaded first
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=HERE / name)
    page.close()
    Image.open(HERE / name).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / name, optimize=True)


def streamed(store: Store) -> date:
    """Have the newest session's trades come as fast as they go, and return it."""
    with store.runtime.database.reading() as connection:
        day: date = (sessions.last_before(connection, date.max) or {})["session"]
    store.services.start_stream(day, speed=None)
    eventually(store.idle, what="the session of the stream ends", patience=120)
    return day


def main() -> None:
    """Fill a home as a first start does, let the trades of a session come, then look at its pages."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        console = Console(Path(folder)).start()
        try:
            store = Store(console)
            eventually(store.idle, what="the first backfill ends", patience=120)
            day = streamed(store)
            store.close()
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
            for path, name in (("/", "overview"), ("/quality", "quality"), (f"/stream?session={day}", "stream"), ("/costs", "costs")):
                take(browser, console.url + path, f"{name}.png")
        finally:
            console.kill()


if __name__ == "__main__":
    main()
