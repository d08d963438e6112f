"""What one turn of a slider of the Replay lab costs: a whole session replayed under other thresholds.

Run from the repository: `python -m benchmarks.what_if`. Takes the heaviest real tick day where it is at hand, else a simulated one.
CPU time of this process; beside it the same by a plain replay, which must give the same alerts.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from benchmarks.parts.homes import REAL_FILES
from engine.clock import FakeClock
from engine.market.floorsheet import read_floorsheet
from engine.sources.simulated import SimulatedExchange
from engine.stream.prepared_tape import PreparedTape
from engine.stream.replay import Replay, replayed
from engine.stream.sources.simulated import ticks_of_table
from engine.stream.ticks import Symbols, Ticks
from engine.thresholds import snapshot

GOAL_MS = 50
HEAVIEST = date(2024, 7, 17)
KINDS = {  # what is dragged, and where to
    "moving average limit": [{"stream.moving_average.alert_above": limit / 2} for limit in range(3, 25)],
    "window": [{"stream.window_s": float(seconds)} for seconds in range(30, 1230, 60)],
    "least trades": [{"stream.min_trades": float(number)} for number in range(1, 21)],
    "cooldown": [{"stream.cooldown_s": float(seconds)} for seconds in range(0, 1000, 50)],
}


def tape() -> tuple[str, date, Ticks, Symbols]:
    """Return the tape that is replayed, and what it is."""
    file = REAL_FILES / "floorsheet" / f"{HEAVIEST}.csv.gz"
    if file.is_file():
        sheet = read_floorsheet(file.read_bytes(), file.name)
        return "real", sheet.session, sheet.ticks.in_order(), sheet.symbols
    symbols = Symbols()
    exchange = SimulatedExchange(seed=9, clock=FakeClock(datetime(2025, 6, 3, 14, 15, tzinfo=UTC)))
    return "simulated", date(2025, 6, 3), ticks_of_table(exchange.ticks(date(2025, 6, 3)), symbols), symbols


def timed(work: Callable[[], Replay]) -> tuple[Replay, float]:
    """Return what `work` returns and the milliseconds of CPU that it took."""
    began = time.process_time()
    made = work()
    return made, 1000 * (time.process_time() - began)


def main() -> None:
    """Print the median and the slowest of each kind of turn, beside a plain replay."""
    kind, session, ticks, symbols = tape()
    began = time.process_time()
    prepared = PreparedTape(session, ticks, symbols)
    print(f"{len(ticks):,} trades of {session} ({kind}), made ready once in {1000 * (time.process_time() - began):.0f} ms CPU")
    for name, turns in KINDS.items():
        ours, plain = [], []
        for turned in turns:
            thresholds = snapshot(turned, 0)
            mine, took = timed(lambda thresholds=thresholds: prepared.replay(thresholds))
            theirs, took_plainly = timed(lambda thresholds=thresholds: replayed(session, ticks, symbols, thresholds))
            assert [alert.key for alert in mine.alerts] == [alert.key for alert in theirs.alerts]
            ours.append(took)
            plain.append(took_plainly)
        print(
            f"{name:<22} median {statistics.median(ours):5.1f} ms CPU, slowest {max(ours):5.1f} (goal {GOAL_MS}); "
            f"by a plain replay {statistics.median(plain):5.1f}"
        )


if __name__ == "__main__":
    main()
