"""What a backfill of the past costs behind newer sessions, beside the same span into an empty home.

Run from the repository: `python -m benchmarks.past` (`--days 60`: only so many dates). It is what a newcomer does: the first start loads
the newest sessions, then one backfills what lies before them. Real files where they are at hand.
"""

import argparse
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks.parts.figures import show
from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, command, fresh_home, kind
from engine.runtime import compose
from engine.settings import Settings

NEWEST = timedelta(days=88)  # as many dates as the first start takes for its 60 sessions
BEFORE = UNTIL - NEWEST
GOLD = """
SELECT avg(cpu_us), avg(bytes_written) FROM stage_run
WHERE stage = 'gold' AND status = 'succeeded' AND run_id IN (SELECT id FROM run WHERE backfill_id = (SELECT max(id) FROM backfill))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a backfill of the past took and left: seconds of wall and CPU, files and bytes of the lake, and its stage gold."""

    planned: float | None
    wall: float
    cpu: float
    files: int
    bytes: int
    gold_cpu_us: float
    gold_bytes: float


def lake(settings: Settings) -> tuple[int, int]:
    """Return how many files a home's lake has, and their bytes."""
    sizes = [file.stat().st_size for file in Path(settings.home, "lake").rglob("*") if file.is_file()]
    return len(sizes), sum(sizes)


def backfill(settings: Settings, since: date, until: date) -> Cost:
    """Backfill a span and say what that took and added."""
    asked = ("backfill", PIPELINE, "--since", since, "--until", until)
    planned = json.loads(command(settings, *asked, "--plan", "--json").said)["estimated_seconds"]
    files, size = lake(settings)
    done = command(settings, *asked, "--wait", "--json")  # real files hold dates that fail, so that its exit code says nothing
    with compose(settings).database.reading() as connection:
        gold = connection.execute(text(GOLD)).one()
    now = lake(settings)
    return Cost(planned, done.wall, done.cpu, now[0] - files, now[1] - size, float(gold[0]), float(gold[1]))


def told(name: str, cost: Cost, days: int) -> None:
    """Print one of the two."""
    print(name)
    promised = "not known" if cost.planned is None else f"{cost.planned:.1f} s"
    show("wall, from the command to its answer", f"{cost.wall:.1f} s", f"planned: {promised}")
    show("CPU a date", f"{cost.cpu / days * 1000:.1f} ms")
    show("stage gold of a run (means)", f"{cost.gold_cpu_us / 1000:.1f} ms CPU", f"{cost.gold_bytes / 1000:,.0f} kB written")
    show("added to the lake", f"{cost.files:,} files", f"{cost.bytes / 1e6:,.1f} MB")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=(BEFORE - SINCE).days + 1)
    days = options.parse_args().days
    since = BEFORE - timedelta(days=days - 1)
    with fresh_home() as settings:
        print(f"backfill of {days} dates of {kind(settings)}")
        alone = backfill(settings, since, BEFORE)
    with fresh_home() as settings:
        backfill(settings, BEFORE + timedelta(days=1), UNTIL)
        behind = backfill(settings, since, BEFORE)
        checked = json.loads(command(settings, "rebuild", "gold", "--check", "--json").said)
    told("into an empty home", alone, days)
    told("behind the newest sessions", behind, days)
    show("CPU, behind beside alone", f"{behind.cpu / alone.cpu:.2f}", "goal 1.2 or less")
    show("sessions that a rebuild makes otherwise", str(checked["differing_sessions"]), f"of {checked['sessions']}; goal 0")


if __name__ == "__main__":
    main()
