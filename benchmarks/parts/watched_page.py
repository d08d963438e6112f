"""A real browser on a page: how long each redraw of its moving parts takes, and whether it stays fluid meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
_PATIENCE_MS = 60_000

# A redraw lasts from the browser's asking to the last message before it asks again. A frame that is late says that the page stood still.
_WATCH = """
window.watched = {redraws: [], gaps: []};
const Native = window.WebSocket;
window.WebSocket = class extends Native {
  constructor(...of) {
    super(...of);
    this.asked = this.last = null;
    this.addEventListener('message', () => { this.last = performance.now(); });
  }
  send(data) {
    if (this.asked !== null && this.last > this.asked) window.watched.redraws.push(this.last - this.asked);
    this.asked = performance.now();
    super.send(data);
  }
};
let before = performance.now();
const frame = (now) => { window.watched.gaps.push(now - before); before = now; requestAnimationFrame(frame); };
requestAnimationFrame(frame);
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser saw, in ms by the wall: each redraw, and the time between any two frames; CPU seconds of the page's process."""

    redraws: list[float]
    gaps: list[float]
    cpu: float


@contextmanager
def watched(address: str, says: str) -> Iterator[tuple[Callable[[float], None], Callable[[], Seen]]]:
    """Have a browser on a page, which shows the text `says`, inside the block; give what lets it go on (ms), and what it saw so far."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page: Page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.add_init_script(_WATCH)
        page.goto(address)
        page.get_by_text(says).first.wait_for(timeout=_PATIENCE_MS)

        devtools = browser.new_browser_cdp_session()

        def cpu() -> float:
            found = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
            return float(sum(process["cpuTime"] for process in found if process["type"] == "renderer"))

        before = cpu()
        page.evaluate("watched.redraws = []; watched.gaps = []")

        def seen() -> Seen:
            found: dict[str, Any] = page.evaluate("watched")
            return Seen(**found, cpu=cpu() - before)

        yield page.wait_for_timeout, seen
        browser.close()
