"""What a backfill takes alone, beside twenty visitors of the console, and beside the jobs for the data; and what the visitors feel.

Run from the repository: `python -m benchmarks.load`. The real server and its runner, in copies of one home; the same dates are
backfilled by turns in each kind of company, and each date is compared with itself. Visitors are programs that speak the protocol of the
page (`benchmarks/parts/visitors.py`): each draws its page anew every three seconds beside its moving parts.
"""

import shutil
import statistics
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.parts.company import looked_after, visited
from benchmarks.parts.crowd import EVERY, Felt
from benchmarks.parts.figures import percentile, show
from benchmarks.parts.homes import PIPELINE, SINCE, command, fresh_home, kind
from benchmarks.parts.servers import Server, served
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings
from engine.waiting import wait_until
from storage import runs

BEFORE, DATES, ROUNDS = 150, 500, 3  # dates in the home, dates of the backfill that is measured, and how often each turn comes
VISITORS = 20
PAGES = ("", "runs", "pipelines", "quality", "dead_letters", "safety")
GOAL, SLOWEST = 0.10, 2.0  # by which share company may slow a run down; seconds in which 19 of 20 pages are drawn
RUNS = """
SELECT partition, duration_us / 1e6 AS wall, cpu_us / 1e6 AS cpu FROM run
WHERE backfill_id = :backfill AND status = 'succeeded' AND verdict = 'session' ORDER BY partition
"""
WHOLE = "SELECT (max(finished_at) - min(started_at)) / 1e6 FROM run WHERE backfill_id = :backfill"


@dataclass(slots=True)
class Taken:
    """Seconds that the runs of session dates took in one kind of company, over all rounds in the same order; `whole` is each backfill's."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def show(self, name: str, alone: "Taken") -> None:
        """Print it beside what they took alone."""
        print(f"beside {name}" if self is not alone else name)
        for what, mine, its in (("wall", self.wall, alone.wall), ("CPU", self.cpu, alone.cpu)):
            told = f"mean {statistics.mean(mine) * 1000:.1f}, 95th percentile {percentile(mine, 0.95) * 1000:.0f}"
            show(f"{what} of a run, median", f"{statistics.median(mine) * 1000:.1f} ms", told)
            if self is not alone:
                growth = statistics.median(one / other for one, other in zip(mine, its, strict=True)) - 1
                goal = f"goal below {GOAL:.0%}; of the sum {sum(mine) / sum(its) - 1:+.1%}" if what == "wall" else ""
                show("  growth, median over the dates", f"{growth:+.1%}", goal)
        told = "" if self is alone else f"{sum(self.whole) / sum(alone.whole) - 1:+.1%}"
        show(f"the backfill of {DATES} dates, median of {len(self.whole)}", f"{statistics.median(self.whole):.1f} s", told)


def turn(template: Path, settings: Settings, company: Callable[[Runtime, Server], AbstractContextManager[Any]], taken: Taken) -> None:
    """Backfill the dates in a copy of the home, in company."""
    shutil.copytree(template, settings.home, dirs_exist_ok=True)
    runtime = compose(settings)
    with served(settings) as server, company(runtime, server):
        since = SINCE + timedelta(days=BEFORE)
        asked = Services(runtime, actor="benchmark").backfill(PIPELINE, since, since + timedelta(days=DATES - 1))

        def over() -> bool:
            with runtime.database.reading() as connection:
                return not runs.backfill_has_work(connection, asked)

        assert wait_until(over, timeout=timedelta(minutes=10), glance=0.1), "the backfill did not end"
    with runtime.database.reading() as connection:
        rows = connection.execute(text(RUNS), {"backfill": asked}).all()
        taken.whole.append(connection.execute(text(WHOLE), {"backfill": asked}).scalar_one())
    taken.wall += [row.wall for row in rows]
    taken.cpu += [row.cpu for row in rows]
    runtime.database.close()


def show_felt(felt: Sequence[Felt]) -> None:
    """Print what the visitors had of the pages."""
    full = [took for one in felt for took in one.full]
    fragments = [took for one in felt for took in one.fragments]
    print(f"{VISITORS} visitors beside a backfill, each drawing its page anew every {EVERY:g} s")
    show("page rerun, median", f"{statistics.median(full) * 1000:.0f} ms", f"{len(full)} reruns")
    show("  95th percentile", f"{percentile(full, 0.95) * 1000:.0f} ms", f"goal {SLOWEST:g} s or less; slowest {max(full) * 1000:.0f} ms")
    show("moving part, median", f"{statistics.median(fragments) * 1000:.0f} ms", f"{len(fragments)} redraws")
    show("  95th percentile", f"{percentile(fragments, 0.95) * 1000:.0f} ms")
    show("the server's share of one core", f"{statistics.mean(one.share for one in felt):.0%}")
    show("memory of the server without visitors", f"{statistics.median(one.before for one in felt):.0f} MB")
    show("  more for each visitor", f"{statistics.median(one.per_visitor for one in felt):.2f} MB")


def main() -> None:
    """Measure and print."""
    alone, beside_visitors, beside_jobs = Taken(), Taken(), Taken()
    felt: list[Felt] = []
    turns = [
        (lambda _runtime, _server: nullcontext(), alone),
        (lambda _runtime, server: visited(server, PAGES, VISITORS, felt), beside_visitors),
        (lambda runtime, _server: looked_after(runtime), beside_jobs),
    ]
    with fresh_home() as first:
        command(first, "backfill", PIPELINE, "--since", SINCE, "--until", SINCE + timedelta(days=BEFORE - 1), "--wait", "--json")
        print(f"backfill of {DATES} dates in a home of {BEFORE}, {kind(first)}, {ROUNDS} rounds by turns")
        for _ in range(ROUNDS):
            for company, taken in turns:
                with fresh_home() as settings:
                    turn(first.home, settings, company, taken)
    alone.show("alone", alone)
    beside_visitors.show(f"{VISITORS} visitors", alone)
    beside_jobs.show("backup, drill and scrub without a pause", alone)
    show_felt(felt)


if __name__ == "__main__":
    main()
