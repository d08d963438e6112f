"""How fast the console answers: each page for one visitor, and all pages with twenty visitors at once.

Run from the repository: `python -m benchmarks.console` (a store of 10,000 runs), `--million` (1,000,000 runs and 10,000,000 metric
rows, some 2 GB in a temporary folder). The real server is started as `make run` does, its runner included. A visitor speaks the
protocol of the page over its WebSocket: moving parts redraw themselves as in a browser, and the whole page is asked for every few
seconds. Seconds are those from asking to the end of the script's run; what the browser then takes to draw is not in them.
"""

import argparse
import asyncio
import random
import statistics
import time
from contextlib import AsyncExitStack
from datetime import timedelta

from benchmarks.parts.figures import percentile, show
from benchmarks.parts.homes import fresh_home
from benchmarks.parts.servers import Server, served
from benchmarks.parts.stores import Size, fill
from benchmarks.parts.visitors import Visitor
from engine.clock import SystemClock, nepal_date
from engine.runtime import compose

REPEATS, EXPIRED = 20, 2
REST = 0.2  # seconds between two reruns: right behind one the server still clears up
OLD = 4.5  # seconds after which every cached read is read anew
VISITORS, WATCHED, EVERY = 20, 30.0, 3.0  # how many, for how many seconds, and seconds between two full reruns of one
PAGES = {"Overview": ("", ""), "Runs": ("runs", ""), "Run": ("run", "id={run}"), "Pipelines": ("pipelines", "")}


def visitor(address: str, page: str, run: int) -> Visitor:
    """Return a visitor of a page."""
    name, query = PAGES[page]
    return Visitor(address, name, query.format(run=run))


async def alone(server: Server, run: int, goal: float) -> None:
    """Print what each page takes for a single visitor."""
    print("one visitor: page drawn (wall), median of reruns while its reads are cached")
    for page in PAGES:
        async with visitor(server.address, page, run) as one:
            first = await one.draw()
            before = server.cpu()
            warm = []
            for _ in range(REPEATS):
                await asyncio.sleep(REST)
                warm.append(await one.draw())
            spent = (server.cpu() - before) / REPEATS
            expired = []
            for _ in range(EXPIRED):
                await asyncio.sleep(OLD)
                expired.append(await one.draw())
            slowest = max(first, *warm, *expired)
            show(
                page, f"{statistics.median(warm) * 1000:.0f} ms", f"{spent * 1000:.0f} ms CPU, {one.received / len(one.full) / 1000:.0f} kB"
            )
            show(
                "  first of a session, then with every read anew",
                f"{first * 1000:.0f}, {max(expired) * 1000:.0f} ms",
                f"slowest {slowest:.2f} s; goal {goal:g} s or less",
            )


async def together(server: Server, run: int) -> None:
    """Print what the pages take with twenty visitors at once."""
    chance = random.Random(2026)  # noqa: S311, only spreads the visitors in time
    async with AsyncExitStack() as opened:
        visitors = [await opened.enter_async_context(visitor(server.address, list(PAGES)[i % len(PAGES)], run)) for i in range(VISITORS)]
        for each in visitors:
            await each.draw()
            each.full.clear()
        before, began = server.cpu(), time.perf_counter()

        async def come_and_stay(one: Visitor) -> None:
            await asyncio.sleep(chance.random() * EVERY)
            end = time.perf_counter() + WATCHED
            await one.stay(lambda: time.perf_counter() > end, every=EVERY)

        await asyncio.gather(*map(come_and_stay, visitors))
        spent, watched = server.cpu() - before, time.perf_counter() - began
    full = [took * 1000 for each in visitors for took in each.full]
    fragments = [took * 1000 for each in visitors for took in each.fragments]
    print(f"{VISITORS} visitors, each drawing its page anew every {EVERY:g} s")
    show("page rerun, median", f"{statistics.median(full):.0f} ms", f"goal 40 ms or less; {len(full)} reruns")
    show("  95th percentile", f"{percentile(full, 0.95):.0f} ms")
    for page, (name, _) in PAGES.items():
        own = [took * 1000 for each in visitors if each.page == name for took in each.full]
        show(f"  {page}, median and 95th percentile", f"{statistics.median(own):.0f}, {percentile(own, 0.95):.0f} ms")
    show("moving part, median", f"{statistics.median(fragments):.0f} ms", f"{len(fragments)} redraws")
    show("  95th percentile", f"{percentile(fragments, 0.95):.0f} ms")
    show("CPU of the server a redraw", f"{spent / (len(full) + len(fragments)) * 1000:.0f} ms")
    show("  its share of one core", f"{spent / watched:.0%}", f"{server.resident():.0f} MB resident")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--million", action="store_true")
    million = options.parse_args().million
    runs = 1_000_000 if million else 10_000
    with fresh_home(real=False) as settings:
        fill(compose(settings).database, Size(runs), until=nepal_date(SystemClock().now()) - timedelta(days=1))
        began = time.perf_counter()
        with served(settings) as server:
            print(f"console over {runs:,} runs and {runs * 10:,} metric rows")
            show("from the start of the server to its being ready", f"{time.perf_counter() - began:.1f} s")
            asyncio.run(alone(server, runs, 2 if million else 1))
            asyncio.run(together(server, runs))


if __name__ == "__main__":
    main()
