"""Weeks of schedule, reruns, jobs and kill -9 in minutes, and whether memory, handles and files stay what they were.

`python -m tests.crash.soak --minutes 30` prints the table. Nothing of the product is replaced but its clock, which runs fast. One runner is
started by a supervisor and killed again and again, as are the processes that do jobs; a second one works beside it and is left alone, for
only what lives long can swell.
"""

import argparse
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

from engine.clock import SystemClock, nepal_date
from engine.errors import ConsoleError
from engine.pipeline.supervisor import Supervisor
from engine.runtime import ROOT, compose
from engine.services import Services
from storage import schedules
from storage.status import SlotOutcome
from tests.crash.fast_runner import FastClock
from tests.crash.runners import PIPELINE, Home, open_home

PACE = 3600.0  # one hour a second: a day of schedule, jobs of a night and sixteen backups in 24 s
STEP = 0.25  # seconds between two looks
EVERY_KILL, EVERY_RERUN, EVERY_JOB_KILL = 15.0, 1.0, 60.0  # seconds between two, on average
BACKUP_MINUTES = 240  # of the fast clock
SAMPLES = 120
UNSETTLED = ("nothing", SlotOutcome.DUE, SlotOutcome.MISSED, SlotOutcome.BLOCKED)
ENTRY = Path(__file__).with_name("fast_runner.py")


@dataclass(frozen=True, slots=True)
class Sample:
    """What there was at one instant; memory and files in MB."""

    at: float  # seconds
    runs: int
    steady_rss: float  # of the runner that nobody kills
    steady_handles: int
    steady_threads: int
    own_rss: float  # of this process: a supervisor and what commands need, as in a console
    own_handles: int
    own_threads: int
    database: float
    wal: float
    lake_files: int  # that the catalog names
    stray_files: int  # in the lake, that no row of the catalog names
    locks: int  # files of runners
    backups: int  # folders, those in the making too
    log: float


@dataclass(slots=True)
class Soak:
    """A home in which much happens, and what was seen of it."""

    home: Home
    chance: random.Random
    samples: list[Sample] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # what the home is left with that it should not have

    def go_on(self, seconds: float) -> None:
        """Let it happen for a while, then let what was begun come to its end."""
        steady = self.home.runner(entry=(str(ENTRY),))
        watching = Supervisor(self.home.settings)
        watching.command = [sys.executable, str(ENTRY), *watching.command[3:]]
        watching.start()
        try:
            self.home.until(self.home.over, seconds=300)  # the first backfill: growing is what it is for
            began, elapsed = time.monotonic(), 0.0
            while elapsed < seconds:
                if elapsed >= len(self.samples) * seconds / SAMPLES:
                    self.samples.append(self._sample(elapsed, steady.pid))
                self._happen(watching)
                time.sleep(STEP)
                elapsed = time.monotonic() - began
            last = nepal_date(self.home.runtime.clock.now()) - timedelta(days=1)  # the clock runs on while all comes to its end
            self.home.until(lambda: self.home.over() and not self._unsettled(last), seconds=120)
            self.samples.append(self._sample(elapsed, steady.pid))
            assert steady.poll() is None, f"the runner that nobody killed is gone:\n{self.home.log()[-3000:]}"
            self.wrong = self._audited(last)
        finally:
            watching.stop()

    def _happen(self, watching: Supervisor) -> None:
        if self._comes(EVERY_KILL) and (pid := watching.pid) is not None:
            self._kill(pid, "runners killed")
        if self._comes(EVERY_JOB_KILL):
            for row in self.home.rows("SELECT holder FROM job_run WHERE outcome = 'running'"):
                self._kill(int(row["holder"].rsplit("-", 2)[1]), "job processes killed")
        if self._comes(EVERY_RERUN):
            over = self.home.rows("SELECT id FROM run WHERE status = 'succeeded' ORDER BY id DESC LIMIT 60")
            with suppress(ConsoleError):  # its date is in the queue already
                Services(self.home.runtime, actor="soak").rerun(self.chance.choice(over)["id"])
                self.did["reruns asked for"] += 1

    def _audited(self, last: date) -> list[str]:
        """Return what is wrong with what happened, each as a sentence."""
        home, runtime = self.home, self.home.runtime
        wrong = [f"the database: {fault}" for fault in runtime.database.faults()]
        twice = home.rows("SELECT dataset, partition FROM lake_file WHERE is_current GROUP BY dataset, partition HAVING count(*) > 1")
        wrong += [f"{row['dataset']} of {row['partition']} has two current files" for row in twice]
        paths = [row["path"] for row in home.rows("SELECT path FROM lake_file WHERE is_current")]
        wrong += [f"the lake has lost {path}" for path in paths if not (home.settings.lake / path).is_file()]
        wrong += [f"run {row['id']} ended as crashed" for row in home.rows("SELECT id FROM run WHERE status = 'crashed'")]
        return wrong + self._unsettled(last)

    def _unsettled(self, last: date) -> list[str]:
        """Return the dates up to one that the ledger has not settled, each as a sentence."""
        with self.home.runtime.database.reading() as connection:
            since = schedules.one(connection, PIPELINE)["since"]
            slots = {row["day"]: row["outcome"] for row in schedules.slots_between(connection, PIPELINE, since, last)}
        days = [since + timedelta(days=number) for number in range((last - since).days + 1)]
        return [f"the ledger says {slots.get(day, 'nothing')} of {day}" for day in days if slots.get(day, "nothing") in UNSETTLED]

    def _comes(self, every: float) -> bool:
        return self.chance.random() < STEP / every

    def _kill(self, pid: int, what: str) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, SIGKILL)
            self.did[what] += 1

    def _sample(self, at: float, steady: int) -> Sample:
        home, folder = self.home, self.home.settings.home
        in_catalog = {row["path"] for row in home.rows("SELECT path FROM lake_file")}
        in_lake = {str(file.relative_to(home.settings.lake)) for file in home.settings.lake.rglob("*") if file.is_file()}
        return Sample(
            at=at,
            runs=home.one("SELECT count(*) FROM run"),
            steady_rss=_resident(steady),
            steady_handles=_count(Path(f"/proc/{steady}/fd")),
            steady_threads=_count(Path(f"/proc/{steady}/task")),
            own_rss=_resident(os.getpid()),
            own_handles=_count(Path("/proc/self/fd")),
            own_threads=_count(Path("/proc/self/task")),
            database=_size(folder / "console.db"),
            wal=_size(folder / "console.db-wal"),
            lake_files=len(in_catalog),
            stray_files=len(in_lake - in_catalog),
            locks=_count(folder / "runners"),
            backups=_count(home.settings.backups),
            log=_size(folder / "logs" / "runner.log"),
        )


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _count(folder: Path) -> int:
    return len(os.listdir(folder)) if folder.is_dir() else 0  # noqa: PTH208, names alone: what they name may be gone already


def _size(file: Path) -> float:
    return file.stat().st_size / 1e6 if file.exists() else 0.0


def soak(folder: Path, seconds: float, seed: int = 1) -> Soak:
    """Make a home and let things happen in it."""
    began = SystemClock().now()
    os.environ |= {"SOAK_BEGAN": began.isoformat(), "SOAK_PACE": str(PACE), "PYTHONPATH": str(ROOT)}
    home = open_home(folder, backup_minutes=BACKUP_MINUTES)
    home._opened = compose(home.settings, FastClock(began, PACE))
    Services(home.runtime, actor="soak").first_backfill()
    made = Soak(home, random.Random(seed))  # noqa: S311, the same things happen in every soak, if not at the same instants
    try:
        made.go_on(seconds)
    finally:
        home.close()
    return made


@dataclass(frozen=True, slots=True)
class Trend:
    """How one figure went."""

    name: str
    first: float  # mean of the first quarter
    last: float  # mean of the last quarter
    slope: float  # an hour, by least squares
    most: float | None  # what the last quarter may be; None for what is kept on purpose


# How much more the last quarter may have than the first: a share of it, and so many.
MARGINS = {
    "steady_rss": (0.10, 0),
    "steady_handles": (0, 6),  # a connection of the pool has two, and its last ones open when threads first ask at once
    "steady_threads": (0, 3),
    "own_rss": (0.10, 0),
    "own_handles": (0, 3),
    "own_threads": (0, 3),
    "wal": (0, 16),
    "stray_files": (0, 5),
    "locks": (0, 5),
    "backups": (0, 12),  # so many are kept
}


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Return how every figure went."""
    hours = [sample.at / 3600 for sample in samples]
    quarter = max(len(samples) // 4, 1)
    found = []
    for name in (one.name for one in fields(Sample) if one.name != "at"):
        values = [float(getattr(sample, name)) for sample in samples]
        first, last = statistics.mean(values[:quarter]), statistics.mean(values[-quarter:])
        most = first * (1 + MARGINS[name][0]) + MARGINS[name][1] if name in MARGINS else None
        found.append(Trend(name, first, last, statistics.linear_regression(hours, values).slope, most))
    return found


def report(made: Soak) -> str:
    """Return the table."""
    first, last = made.samples[0], made.samples[-1]
    happened = ", ".join(f"{count} {what}" for what, count in sorted(made.did.items()))
    lines = [
        f"{last.at / 60:.1f} minutes, {last.at * PACE / 86_400:.0f} days of the product's clock: {last.runs - first.runs} runs, {happened}",
        f"database {(last.database - first.database) * 1000 / max(last.runs - first.runs, 1):.1f} kB a run; memory and sizes in MB",
        f"{'':<16} {'first quarter':>14} {'last quarter':>14} {'an hour':>12} {'at most':>10}",
    ]
    for trend in trends(made.samples):
        most = "" if trend.most is None else f"{trend.most:,.1f}"
        lines.append(f"{trend.name:<16} {trend.first:>14,.1f} {trend.last:>14,.1f} {trend.slope:>+12,.1f} {most:>10}".rstrip())
    lines += [f"wrong: {what}" for what in made.wrong]
    return "\n".join(lines)


def main() -> None:
    """Soak for as long as asked, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=30)
    with TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        print(report(soak(Path(folder) / "home", options.parse_args().minutes * 60)))  # noqa: T201, the figures


if __name__ == "__main__":
    main()
