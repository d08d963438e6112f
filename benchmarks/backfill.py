"""What the backfill of the whole span costs, every date a full run with its stages, checkpoints and bookkeeping, SQLite.

Run from the repository: `python -m benchmarks.backfill`. It does what a person does in a fresh home, `python -m engine backfill
daily_prices ... --wait`: the figures hold the start of Python, of the runner and of the database. Real files where they are at hand.
"""

import json
import statistics
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from benchmarks.parts.ends import WARM_UP, by_turns
from benchmarks.parts.figures import CAVEAT, show
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, Finished, command, fresh_home, kind
from engine.runtime import compose
from engine.settings import Settings

ENDS = 20  # session dates at each end of the span that are compared, and dates of the small backfill
RIVALS = {"Airflow 3.3": 41, "Dagster 1.13": 58, "Prefect 3.9": 51}  # seconds for 20 dates of six trivial tasks

SESSIONS = "SELECT partition, cpu_us FROM run WHERE status = 'succeeded' AND verdict = 'session' ORDER BY partition"
STAGES = """
SELECT stage, avg(cpu_us) AS cpu, avg(duration_us) AS wall, max(peak_memory_bytes) AS peak
FROM stage_run WHERE status = 'succeeded' AND run_id IN (SELECT id FROM run WHERE status = 'succeeded' AND verdict = 'session')
GROUP BY stage ORDER BY min(position)
"""


def backfill(settings: Settings, days: int) -> Finished:
    """Backfill the newest `days` dates of the span."""
    since = max(SINCE, UNTIL - timedelta(days=days - 1))
    return command(settings, "backfill", PIPELINE, "--since", since, "--until", UNTIL, "--wait", "--json")


def rows(connection: Connection, query: str) -> Sequence[Any]:
    """Return what a query of this file finds."""
    return connection.execute(text(query)).all()


def by_stage(connection: Connection, run_cpu: float) -> None:
    """Print what each stage of a run of a session takes of it."""
    stages = rows(connection, STAGES)
    print("CPU of a run of one session, by stage (means)")
    for stage in stages:
        show(stage.stage, f"{stage.cpu / 1000:.2f} ms", f"{stage.wall / 1000:.2f} ms wall")
    show("everything between the stages: claim, commits, log", f"{(run_cpu - sum(stage.cpu for stage in stages)) / 1000:.2f} ms")


def first_and_last(sessions: Sequence[date]) -> None:
    """Print what the last sessions cost beside the first."""
    pairs = by_turns(sessions[-ENDS - WARM_UP :])
    early, late = (statistics.median(part) / 1000 for part in zip(*pairs, strict=True))
    show(
        f"CPU of a session, last {len(pairs)} beside first {len(pairs)}, run by turns",
        f"{statistics.median(last / first for first, last in pairs):.2f}",
        f"medians {early:.1f} ms and {late:.1f}; goal 1.1 or less",
    )


def main() -> None:
    """Measure and print."""
    with fresh_home() as settings:
        days = (UNTIL - SINCE).days + 1
        whole = backfill(settings, days)
        counts = json.loads(whole.said)
        with compose(settings).database.reading() as connection:
            sessions = rows(connection, SESSIONS)
            peak = max(whole.peak, *(stage.peak or 0 for stage in rows(connection, STAGES)))
            print(f"backfill of {days} dates of {kind(settings)}: {counts['session']} sessions, {counts['no_session']} without")
            print(f"  ({counts['failed']} failed, {counts['missing']} missing)")
            show("wall, from the command to its answer", f"{whole.wall:.1f} s", "goal 20 s or less")
            show("CPU of the command and its runner", f"{whole.cpu:.1f} s", f"{whole.cpu / days * 1000:.1f} ms a date")
            show("largest process", f"{peak / 1e6:.0f} MB", "goal 500 MB or less")
            by_stage(connection, statistics.mean(row.cpu_us for row in sessions))
    first_and_last([date.fromisoformat(row.partition) for row in sessions])
    with fresh_home() as settings:
        few = backfill(settings, ENDS)
        print(f"backfill of {ENDS} dates in a fresh home")
        show("wall", f"{few.wall:.1f} s", f"{few.cpu:.1f} s CPU")
        show("largest process", f"{few.peak / 1e6:.0f} MB")
        for name, seconds in RIVALS.items():
            show(f"{name}, {ENDS} dates of six trivial tasks", f"{seconds} s")
        print(f"  ({CAVEAT})")


if __name__ == "__main__":
    main()
