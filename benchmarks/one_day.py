"""How long one more day takes on a warm runner: from the submit to SUCCEEDED, as a user sees it.

Run from the repository: `python -m benchmarks.one_day`. A home with about a hundred sessions, a runner as the console starts it; each
further date is submitted with the call that a click, and the command line, ends in, and the database is polled as a page does.
"""

import statistics
import time
from collections.abc import Iterator
from datetime import date, timedelta

from benchmarks.parts.figures import CAVEAT, percentile, show
from benchmarks.parts.homes import PIPELINE, SINCE, command, fresh_home, kind, process
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings
from engine.waiting import runner_is_alive, wait_until
from storage import runs
from storage.status import RunStatus, Verdict

BEFORE = 150  # dates in the home before it is measured: some hundred sessions
DAYS, COMMANDS = 20, 3  # session dates measured by submit, and by whole command
GLANCE = 0.002  # seconds between two looks
RIVALS = {"Airflow 3.3": 7.6, "Dagster 1.13, in-process executor": 5.1, "Prefect 3.9, as a script": 1.1}  # seconds a run


def one_more(runtime: Runtime, day: date) -> tuple[float, float] | None:
    """Run a date and return its wall and CPU seconds, or None when there was no session on it."""
    began = time.perf_counter()
    submitted = Services(runtime, actor="benchmark").run(PIPELINE, day)

    def over() -> bool:
        with runtime.database.reading() as connection:
            return runs.is_final(runs.one(connection, submitted.run_id)["status"])

    assert wait_until(over, timeout=timedelta(seconds=60), glance=GLANCE), f"{day} did not end within a minute"
    wall = time.perf_counter() - began
    with runtime.database.reading() as connection:
        run = runs.one(connection, submitted.run_id)
    if run["status"] != RunStatus.SUCCEEDED or run["verdict"] != Verdict.SESSION:
        return None
    return wall, run["cpu_us"] / 1e6


def whole_commands(settings: Settings, days: Iterator[date]) -> list[float]:
    """Return the wall seconds of `python -m engine run` for a few dates, Python's start included."""
    return [command(settings, "run", PIPELINE, "--date", next(days), "--json").wall for _ in range(COMMANDS)]


def main() -> None:
    """Measure and print."""
    with fresh_home() as settings:
        last = SINCE + timedelta(days=BEFORE - 1)
        command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", last, "--wait", "--json")
        runtime = compose(settings)
        days = (last + timedelta(days=number) for number in range(1, 1000))
        measured: list[tuple[float, float]] = []
        with process(settings, "-m", "engine", "runner"):
            assert wait_until(lambda: runner_is_alive(runtime), timeout=timedelta(seconds=30)), "no runner came to life"
            while len(measured) <= DAYS:
                if took := one_more(runtime, next(days)):
                    measured.append(took)
            commands = whole_commands(settings, days)
        first, (walls, cpus) = measured[0], zip(*measured[1:], strict=True)
        print(f"one more day on a warm runner, {kind(settings)}, {DAYS} session dates")
        show("wall from submit to SUCCEEDED, median", f"{statistics.median(walls) * 1000:.0f} ms", "goal 150 ms or less")
        show("  95th percentile", f"{percentile(walls, 0.95) * 1000:.0f} ms")
        show("CPU of the run, median", f"{statistics.median(cpus) * 1000:.1f} ms", "goal 25 ms or less")
        show("  95th percentile", f"{percentile(cpus, 0.95) * 1000:.1f} ms")
        show("first date of that runner", f"{first[0] * 1000:.0f} ms", f"{first[1] * 1000:.1f} ms CPU: it replays the features' state")
        show("`python -m engine run`, Python's start included, median", f"{statistics.median(commands):.2f} s")
        for name, seconds in RIVALS.items():
            show(f"{name}, six trivial tasks", f"{seconds} s")
        print(f"  ({CAVEAT})")


if __name__ == "__main__":
    main()
