"""Visitors of a console, each with its page, in a process of its own that yields to all others (browsers are elsewhere).

`python -m benchmarks.parts.crowd ADDRESS PID COUNT PAGE...` says `come` when all are there, stays until its input ends, and says as JSON
what they had of the pages.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from threading import Event, Thread

from benchmarks.parts.servers import Server
from benchmarks.parts.visitors import Visitor

EVERY = 3.0  # seconds between two full reruns of one visitor


@dataclass(slots=True)
class Felt:
    """What visitors had of the pages, and what they took of the server."""

    full: list[float] = field(default_factory=list)  # seconds of each rerun of a whole page, of all visitors
    fragments: list[float] = field(default_factory=list)
    before: float = 0.0  # MB of the server, once every page was drawn
    per_visitor: float = 0.0  # MB more for each
    share: float = 0.0  # of one core that the server took while they stayed


async def stay(server: Server, pages: Sequence[str], count: int, enough: Event) -> Felt:
    """Open the pages, in turn as often as there are visitors, say so, and stay until it is enough."""
    felt, chance = Felt(), random.Random(2026)  # noqa: S311, only spreads the visitors in time
    async with AsyncExitStack() as opened:
        for page in pages:  # what all visitors share is loaded with the first of a page
            async with Visitor(server.address, page) as first:
                await first.draw()
        felt.before = server.resident()
        visitors = [await opened.enter_async_context(Visitor(server.address, pages[number % len(pages)])) for number in range(count)]
        for each in visitors:
            await each.draw()

        async def stroll(one: Visitor) -> None:
            await asyncio.sleep(chance.random() * EVERY)
            await one.stay(enough.is_set, every=EVERY)

        async with asyncio.TaskGroup() as strolling:
            for each in visitors:
                strolling.create_task(stroll(each))
            await asyncio.sleep(2 * EVERY)  # until all are on their feet
            for each in visitors:
                each.full.clear()
                each.fragments.clear()
            spent, began = server.cpu(), time.perf_counter()
            print("come", flush=True)
        felt.share = (server.cpu() - spent) / (time.perf_counter() - began)
        felt.per_visitor = (server.resident() - felt.before) / count
    felt.full = [took for each in visitors for took in each.full]
    felt.fragments = [took for each in visitors for took in each.fragments]
    return felt


def main() -> None:
    """Be the crowd."""
    os.nice(10)
    address, pid, count, *pages = sys.argv[1:]
    enough = Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        enough.set()

    Thread(target=wait_for_the_end, daemon=True).start()
    print(json.dumps(asdict(asyncio.run(stay(Server(address, int(pid)), pages, int(count), enough)))))


if __name__ == "__main__":
    main()
