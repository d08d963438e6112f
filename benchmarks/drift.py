"""What distances cost beside plain scipy calls, what a session of the daily pipeline costs, and what a turned budget costs.

Run from the repository: `python -m benchmarks.drift`. CPU seconds of this process; rivals in the same run, by turns. A p-value is scipy's
in both. Sessions are real where the files are at hand.
"""

import csv
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

from benchmarks.parts.drift_span import Day, real_days
from benchmarks.parts.figures import percentile, show
from benchmarks.parts.homes import REAL_FILES, fresh_home, kind
from engine.drift.distance import distances
from engine.drift.judging import SERIES
from engine.drift.limits import Backtest
from engine.drift.pair import BINS, Floats, Pair
from engine.drifting import catch_up
from engine.market.daily_file import parse, to_silver
from engine.runtime import Runtime, compose
from storage import lake, sessions

ROWS, COLUMNS, ROUNDS = 100_000, 8, 7
SESSIONS = 260  # simulated ones, where there are no real files
SINCE = date(2024, 3, 4)


def ours(reference: Floats, current: Floats) -> list[float]:
    """Return every distance of a column from one sort."""
    return [one.statistic or 0.0 for one in distances(Pair(reference, current))]


def by_scipy(reference: Floats, current: Floats) -> list[float]:
    """Return the same by scipy's functions, one after the other."""
    edges = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    shares, now = (
        np.diff(np.searchsorted(np.sort(side), edges, side="right"), prepend=0, append=len(side)) / len(side)
        for side in (reference, current)
    )
    small, small_now = np.maximum(shares, 1e-4), np.maximum(now, 1e-4)
    index = float(((small_now - small) * np.log(small_now / small)).sum())
    stats.chi2.sf(index / (1 / len(reference) + 1 / len(current)), len(edges))
    return [
        float(stats.ttest_ind(current, reference, equal_var=False).statistic),
        float(stats.ks_2samp(reference, current).statistic),
        index,
        float(stats.wasserstein_distance(reference, current) / reference.std(ddof=1)),
        float(jensenshannon(shares, now, base=2)),
    ]


def timed(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a piece of work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def columns() -> None:
    """Compare 2 x 100,000 rows of 8 columns, ours and scipy's by turns."""
    random = np.random.default_rng(1)
    pairs = [(random.normal(size=ROWS), random.normal(0.02, 1.05, size=ROWS)) for _ in range(COLUMNS)]
    for reference, current in pairs:
        assert np.allclose(ours(reference, current), by_scipy(reference, current), rtol=0, atol=1e-9)
    mine, theirs, alone = [], [], []
    for _ in range(ROUNDS):
        mine.append(timed(lambda: [ours(*pair) for pair in pairs]))
        alone.append(timed(lambda: [distances(Pair(*pair), p_values=False) for pair in pairs]))
        theirs.append(timed(lambda: [by_scipy(*pair) for pair in pairs]))
    print(f"2 x {ROWS:,} rows, {COLUMNS} columns, five distances each")
    show("ours, with p-values", f"{statistics.median(mine):.3f} s CPU", "goal 0.15 s or less")
    show("  without p-values", f"{statistics.median(alone):.3f} s CPU")
    show(
        "scipy's functions, one after the other",
        f"{statistics.median(theirs):.3f} s CPU",
        f"{statistics.median(theirs) / statistics.median(mine):.1f} x ours",
    )


def days(runtime: Runtime) -> list[Day]:
    """Return the sessions that are compared."""
    if runtime.source.name == "files":
        with (REAL_FILES / "labels" / "sessions.csv").open(encoding="utf-8") as file:
            return real_days(REAL_FILES, [date.fromisoformat(row["session"]) for row in csv.DictReader(file)])
    found, day = [], SINCE
    while len(found) < SESSIONS:
        file = runtime.source.daily_file(day)
        if file is not None and day.isoweekday() % 7 < 5:  # noqa: PLR2004, Sunday to Thursday
            parsed = parse(file.content, file.name)
            found.append((to_silver(parsed, day), parsed.layout))
        day += timedelta(days=1)
    return found


def accept(runtime: Runtime, day: Day) -> None:
    """Take a session in without running the pipeline."""
    table, layout = day
    session = table["session"][0].as_py()
    version = runtime.lake.write("silver", session, lake.table_content(table))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    facts = {"rows": table.num_rows, "trades": 0, "volume": 0, "turnover_paisa": 0, "file_date": session, "layout": layout, "run_id": 1}
    where = {"silver_path": version.path, "gold_path": None, "state_digest": None, "booked_by": None, "accepted_at": at}
    with runtime.database.transaction() as connection:
        lake.publish(connection, version, run_id=1, at=at, simulated=runtime.simulated)
        sessions.accept(connection, session=session, source=runtime.source.name, simulated=runtime.simulated, **facts, **where)


def daily() -> None:
    """Judge sessions as the job does, one a process turn at the end of a long past, and all of them at once."""
    with fresh_home() as settings:
        runtime = compose(settings)
        known = days(runtime)
        for day in known[:-20]:
            accept(runtime, day)
        counts: dict[str, int] = {}
        whole = timed(lambda: counts.update(catch_up(runtime)))
        each = []
        for day in known[-20:]:
            accept(runtime, day)
            each.append(timed(lambda: catch_up(runtime)))
        print(f"sessions compared with those before them, {kind(settings)}")
        show("one session among many, everything read and stored", f"{1000 * whole / counts['sessions']:.1f} ms CPU", "goal 30 ms or less")
        show("one session alone, its whole past read anew, median", f"{1000 * statistics.median(each):.1f} ms CPU")
        show("  95th percentile", f"{1000 * percentile(each, 0.95):.1f} ms CPU")
        runtime.database.close()


def budgets() -> None:
    """Turn the budget over two years of stored sessions."""
    values = np.abs(np.random.default_rng(2).normal(size=(500, len(SERIES))))
    past = Backtest(values, np.ones(values.shape, bool))
    floors = np.full(len(SERIES), 0.5)
    turns = [timed(lambda budget=budget: past.alarms(floors, budget)) for budget in np.linspace(0.2, 8, 40)]
    print("another budget over 500 stored sessions of every statistic")
    show("median", f"{1000 * statistics.median(turns):.0f} ms CPU", "goal 100 ms or less")
    show("slowest of 40", f"{1000 * max(turns):.0f} ms CPU")


def main() -> None:
    """Measure and print."""
    columns()
    daily()
    budgets()


if __name__ == "__main__":
    main()
