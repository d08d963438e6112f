"""What the circuit breaker of a source costs a run while nothing is wrong, and what a try that needs no retry costs.

Run from the repository: `python -m benchmarks.breaker`. CPU time of this process, SQLite, the calls that `daily_prices` makes: one look at
the circuit with the run's first transaction, two guarded calls of the source, and the retry policy around eight stages.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date

from benchmarks.parts.figures import show
from benchmarks.parts.homes import fresh_home
from engine.clock import SystemClock
from engine.market.reference import Reference
from engine.pipeline.guard import Breaker, Guard
from engine.pipeline.retry import RetryPolicy
from engine.runtime import Runtime, compose
from engine.sources.source import SourceFile
from storage import breakers

ROUNDS, OF = 200, 50
GOAL_MS = 0.2
DAY = date(2025, 6, 1)
STAGES = 8


class Nothing:
    """A source whose calls cost nothing."""

    name, simulated = "files", False
    file = SourceFile("2025_06_01.csv", b"")

    def daily_file(self, _day: date) -> SourceFile:
        """Return a file."""
        return self.file

    def span(self) -> None:
        """Hold nothing."""

    def reference(self) -> Reference:
        """Know nothing."""
        return Reference()


def per_call(work: Callable[[], object]) -> float:
    """Return the median CPU microseconds of a call."""
    measured = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for _ in range(OF):
            work()
        measured.append((time.process_time_ns() - began) / OF / 1000)
    return statistics.median(measured)


def costs(runtime: Runtime) -> tuple[float, float]:
    """Return the CPU microseconds a run of the breaker and of the retry policy."""
    guard = Guard(Nothing(), Breaker(runtime.database, SystemClock(), "files"), 1, calm=0)
    with runtime.database.transaction() as connection:
        look = per_call(lambda: breakers.calm(connection, "files"))
    guarded = per_call(lambda: guard.daily_file(DAY)) - per_call(lambda: guard.source.daily_file(DAY))

    def one_stage() -> None:
        for attempt in RetryPolicy().tries(4, waiting=nullcontext):
            with attempt:
                return

    return look + 2 * guarded, STAGES * per_call(one_stage)


def main() -> None:
    """Measure and print."""
    with fresh_home(real=False) as settings:
        runtime = compose(settings)
        breaker, retry = costs(runtime)
        print("what guards a source costs a run while it answers")
        show("circuit breaker: one look, two calls", f"{breaker / 1000:.3f} ms CPU", f"goal {GOAL_MS}")
        show("retry policy around eight stages", f"{retry / 1000:.3f} ms CPU")
        runtime.database.close()


if __name__ == "__main__":
    main()
