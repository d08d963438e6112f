"""What packing the closed months of the two-year store gives: files, bytes, and what a query over the whole span costs before and after.

Run from the repository: `python -m benchmarks.lifecycle`. It backfills the whole span in a fresh home (real files where they are at hand),
measures, packs it with the command that a person gives, measures again and undoes it. Every answer must be the same before and after.
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from benchmarks.parts.figures import show
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, command, fresh_home, kind
from engine.query import query
from engine.runtime import Runtime, compose
from engine.settings import Settings
from storage import lake
from storage.lake import Lake

NOTHING = "nothing: what DuckDB takes to start and end"
QUERIES = {
    NOTHING: "SELECT 1 AS one",
    "one column of silver, whole span": "SELECT symbol, sum(turnover) AS npr FROM silver_prices GROUP BY symbol ORDER BY symbol",
    "all of silver, whole span": "SELECT count(*) AS n, sum(hash(COLUMNS(*))::HUGEINT) FROM silver_prices",
    "one symbol of gold, whole span": "SELECT session, rsi_14 FROM gold_features WHERE symbol = 'NABIL' ORDER BY session",
    "all of gold, whole span": "SELECT count(*) AS n, sum(hash(COLUMNS(*))::HUGEINT) FROM gold_features",
}
REPEATS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU and of wall, the median of some repeats."""

    cpu: float
    wall: float


def cost(work: Callable[[], Any], repeats: int = REPEATS) -> Cost:
    """Measure something several times."""
    cpus, walls = [], []
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        cpus.append((time.process_time() - cpu) * 1000)
        walls.append((time.perf_counter() - wall) * 1000)
    return Cost(statistics.median(cpus), statistics.median(walls))


@dataclass(frozen=True, slots=True)
class Measured:
    """A store as it is."""

    datasets: Mapping[str, tuple[int, int]]  # files and bytes
    queries: Mapping[str, Cost]
    answers: Mapping[str, Any]
    one_day: Cost
    every_day: Cost


def measure(settings: Settings) -> Measured:
    """Measure files, bytes, queries, and the reading of one day and of all days one by one."""
    runtime = compose(settings)
    datasets = {}
    for folder in sorted(file for file in settings.lake.iterdir() if file.is_dir()):
        files = [file.stat().st_size for file in folder.glob("*/*")]
        datasets[folder.name] = len(files), sum(files)
    queries = {name: cost(lambda sql=sql: query(runtime, sql)) for name, sql in QUERIES.items()}
    answers = {name: query(runtime, sql).to_pylist() for name, sql in QUERIES.items()}
    with runtime.database.reading() as connection:
        days = lake.snapshot(connection, "silver", since=SINCE, until=date(2025, 11, 30))
    middle = days[len(days) // 2].path
    one = cost(lambda: Lake(settings.lake, runtime.lake.places).read_table(middle), 30)  # a fresh one remembers no pack
    every = cost(lambda: _read_all(runtime, [day.path for day in days]), 3)
    runtime.database.close()
    return Measured(datasets, queries, answers, one, every)


def _read_all(runtime: Runtime, paths: list[str]) -> None:
    for path in paths:
        runtime.lake.read_table(path)


def report(before: Measured, after: Measured) -> None:
    """Print what was measured, beside each other."""
    for name, (files, size) in before.datasets.items():
        now = after.datasets[name]
        show(f"{name}", f"{files:,} -> {now[0]:,} files", f"{size / 1e6:.2f} -> {now[1] / 1e6:.2f} MB, {now[1] / size:.2f} of it")
    files, size = (tuple(sum(each[at] for each in store.datasets.values()) for store in (before, after)) for at in (0, 1))
    show("the lake", f"{files[0]:,} -> {files[1]:,} files", f"{size[0] / 1e6:.1f} -> {size[1] / 1e6:.1f} MB, {size[1] / size[0]:.2f} of it")
    for name in QUERIES:
        assert before.answers[name] == after.answers[name], name
        start = min(before.queries[NOTHING].cpu, after.queries[NOTHING].cpu) if name != NOTHING else 0.0
        _times(name, before.queries[name], after.queries[name], start)
    _times("one day of silver by its path", before.one_day, after.one_day)
    _times("every day of silver, one by one", before.every_day, after.every_day)


def _times(name: str, was: Cost, is_now: Cost, start: float = 0.0) -> None:
    told = f"{was.cpu / is_now.cpu:.1f} times; {was.wall:.1f} -> {is_now.wall:.1f} ms wall"
    if start:
        told += f"; {(was.cpu - start) / max(is_now.cpu - start, 0.1):.0f} times without DuckDB's start"
    show(name, f"{was.cpu:.2f} -> {is_now.cpu:.2f} ms CPU", told)


def main() -> None:
    """Measure and print."""
    with fresh_home() as settings:
        command(settings, "backfill", PIPELINE, "--since", SINCE, "--until", UNTIL, "--wait", "--json")
        print(f"{SINCE} to {UNTIL} of {kind(settings)}")
        before = measure(settings)
        content = {file.relative_to(settings.lake): file.read_bytes() for file in settings.lake.glob("*/*/*")}
        plan = command(settings, "lifecycle", "plan", "--json")
        applied = command(settings, "lifecycle", "apply", "--json")
        report(before, measure(settings))
        estimated, figures = json.loads(plan.said), json.loads(applied.said)["figures"]
        show(
            "plan, the command",
            f"{plan.wall:.1f} s",
            f"says {estimated['files_after']:,} files, {estimated['bytes_after_estimated'] / 1e6:.1f} MB",
        )
        show(
            "apply, the command",
            f"{applied.wall:.1f} s",
            f"{applied.cpu:.1f} s CPU; {figures['versions']:,} versions in {figures['packs']:,} packs",
        )
        undone = command(settings, "lifecycle", "undo", "--id", "1", "--json")
        same = {file.relative_to(settings.lake): file.read_bytes() for file in settings.lake.glob("*/*/*")} == content
        show("undo, the command", f"{undone.wall:.1f} s", "every file byte for byte" if same else "FILES DIFFER")


if __name__ == "__main__":
    main()
