"""What a look at bars of a second, sliding averages and volatility costs, which are made of a session's log and stored nowhere.

Run from the repository: `python -m benchmarks.stream_seconds`. Takes the heaviest real tick day where it is at hand, else a simulated
one; CPU time of this process; a quarter of a minute. Beside it what bars of a second would take in the table of bars.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.parts.figures import show
from benchmarks.what_if import tape
from engine.runtime import compose
from engine.settings import Settings, SourceName
from engine.stream.logs import log_of
from engine.stream.panes import market_at, market_bars, market_sliding
from engine.stream.records import Records
from engine.stream.so_far import SoFar
from engine.stream.ticks import SECOND

BATCH, SHOWN, WINDOW = 1_000, 300, 300
GOAL_MS = 20  # of a look again: a page takes one each second
BAR_BYTES = 62  # of a row of the table of bars, by dbstat of a home with the heaviest day


def took(work: Callable[[], object]) -> float:
    """Return the milliseconds of CPU that `work` takes."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def main() -> None:
    """Print the first look, a look again with a batch more, and what they take of memory."""
    kind, session, ticks, symbols = tape()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "source" / "daily").mkdir(parents=True)
        runtime = compose(Settings(source=SourceName.FILES, home=Path(folder) / "home", source_dir=Path(folder) / "source"))
        log = log_of(runtime)

        def append(start: int, end: int) -> None:
            part = ticks.take(slice(start, end))
            with runtime.database.transaction() as connection:
                log.append(connection, session, Records(part, symbols, part.time))

        cut = len(ticks) - 20 * BATCH
        for start in range(0, cut, BATCH):
            append(start, min(start + BATCH, cut))
        closes = {name: int(ticks.rate[ticks.symbol == code][0]) for code, name in enumerate(symbols.names) if (ticks.symbol == code).any()}
        seen = SoFar(log_of(runtime), session, 5.0, lambda: closes)
        first = took(seen.refresh)
        busiest = symbols.names[int(np.bincount(ticks.symbol).argmax())]

        def look() -> None:
            seen.refresh()
            mine, ends = seen.symbol(busiest), np.arange(seen.panes.newest - SHOWN, seen.panes.newest) + 1
            mine.bars(1)
            mine.sliding(ends, WINDOW)
            market_bars(seen.bars(1, since=int(ends[0])))
            market_at(seen.seconds(), ends)
            market_sliding(seen.seconds(), ends, WINDOW)

        again = []
        for start in range(cut, len(ticks), BATCH):
            append(start, start + BATCH)
            again.append(took(look))
        panes = len(seen.bars(1))
        runtime.database.close()
    span = (int(ticks.time[-1]) - int(ticks.time[0])) / SECOND / 3600
    print(f"{len(ticks):,} trades of {session} ({kind}) in {span:.1f} hours: {panes:,} panes of a symbol and a second")
    show("the first look at all of the log", f"{first:.0f} ms CPU")
    beside = f"slowest {max(again):.1f}, goal {GOAL_MS}"
    show(f"a look again with {BATCH:,} trades more: bars, average, market", f"{np.median(again):.1f} ms CPU", beside)
    show("memory", f"{seen.panes.bytes / 1e6:.1f} MB", f"stored as bars of a second: {panes * BAR_BYTES / 1e6:.1f} MB a session")


if __name__ == "__main__":
    main()
