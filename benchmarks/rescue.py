"""How soon the run of a runner that died, hangs or is out of reach goes on elsewhere, behind its last finished stage.

Run from the repository: `python -m benchmarks.rescue`. Real runner processes over one home, SQLite: killed with -9, stopped (as one that
hangs), and killed under the name of another machine, whose lock nobody here can ask. Both instants are the product's own: of the event
`run_rescued`, and of the stage that begins again.
"""

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from benchmarks.parts import waiting_runner  # noqa: F401, registers its pipeline
from benchmarks.parts.figures import show
from benchmarks.parts.homes import fresh_home
from engine.pipeline.supervisor import Supervisor
from engine.runtime import ROOT, Runtime, child_environment, compose
from storage import moves
from storage.status import RunType

COMMAND = [sys.executable, "-m", "benchmarks.parts.waiting_runner", "runner", "--no-scheduling"]
KILLED, ALONE, SILENT = 20, 5, 5  # how many of each
BEAT = 2.0  # seconds: a runner is stopped at any instant between two of its beats
GOAL_KILLED, GOAL_SILENT = 2.0, 15.0
FIRST = date(2025, 6, 1)
RIVALS = {
    "Dagster: looks every 120 s, where run monitoring was switched on": "120 s",
    "Prefect: heartbeat and an automation that one writes oneself": "more than 30 s",
    "procrastinate: 30 s, where the application asks for it": "30 s",
    "BullMQ: lock of 30 s, found by the next check": "30 s",
    "Oban Lifeline, River: by the age of a job, no fence": "60 min",
    "Sidekiq (free), huey on SQLite: the job is lost": "never",
}
DOCUMENTED = "default by its documentation, not measured"


@dataclass
class Home:
    """One home and the runners in it."""

    runtime: Runtime
    runners: list[subprocess.Popen[bytes]] = field(default_factory=list)
    asked: int = 0

    def runner(self, *, host: str = "") -> subprocess.Popen[bytes]:
        """Start a runner and wait until it is known."""
        settings = self.runtime.settings
        with (settings.home / "runner.log").open("ab") as log:
            started = subprocess.Popen(COMMAND, cwd=ROOT, env=child_environment(settings) | {"HOST_NAME": host}, stdout=log, stderr=log)
        self.runners.append(started)
        self.until(lambda: self.rows("SELECT 1 FROM runner WHERE pid = :pid", pid=started.pid))
        return started

    def queue(self) -> tuple[int, date]:
        """Queue a run of a new date; return both."""
        day, self.asked = FIRST + timedelta(days=self.asked), self.asked + 1
        with self.runtime.database.transaction() as connection:
            asked = {"run_type": RunType.MANUAL, "requested_by": "a benchmark", "priority": 0}
            return moves.add(connection, at=self.runtime.clock.now(), pipeline="waiting", partition=day, **asked), day

    def holder(self, run_id: int) -> subprocess.Popen[bytes]:
        """Wait until somebody is in the second stage of a run, and return who."""
        held_by = self.in_second_stage(run_id)
        return next(process for process in self.runners if f"-{process.pid}-" in held_by)

    def in_second_stage(self, run_id: int) -> str:
        """Wait until a run is in its second stage, and return the name of its runner."""
        query = "SELECT runner_id FROM run WHERE id = :id AND id IN (SELECT run_id FROM stage_run WHERE stage = 'second')"
        (row,) = self.until(lambda: self.rows(query, id=run_id))
        return str(row["runner_id"])

    def rescued(self, run_id: int) -> tuple[float, float]:
        """Wait until a run goes on; return when it was freed and when its stage began again, in seconds since 1970."""
        query = """
        SELECT max(e.at) AS freed, max(s.started_at) AS begun FROM run_event e JOIN stage_run s ON s.run_id = e.run_id
        WHERE e.run_id = :id AND e.name = 'run_rescued' AND s.stage = 'second' AND s.status = 'running'
        """
        (row,) = self.until(lambda: [row for row in self.rows(query, id=run_id) if row["begun"]])
        assert len(self.rows("SELECT 1 FROM stage_run WHERE run_id = :id AND stage = 'first'", id=run_id)) == 1
        return row["freed"] / 1e6, row["begun"] / 1e6

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """Return what SQL answers."""
        with self.runtime.database.reading() as connection:
            return connection.execute(text(query), values).mappings().all()

    def until(self, happened: Callable[[], Any]) -> Any:
        """Look until something has happened."""
        end = time.monotonic() + 120
        while not (found := happened()):
            assert time.monotonic() < end, (self.runtime.settings.home / "runner.log").read_text()[-2000:]
            time.sleep(0.02)
        return found


@contextmanager
def home() -> Iterator[Home]:
    """Give an empty home; its runners are gone at the end."""
    with fresh_home(real=False) as settings:
        made = Home(compose(settings))
        try:
            yield made
        finally:
            for process in made.runners:
                process.kill()
                process.wait()
            made.runtime.database.close()


def killed() -> list[tuple[float, float]]:
    """Kill the holder of a run while another runner is there, again and again; return what each rescue took."""
    chance, took = random.Random(1), []  # noqa: S311, the same instants in every run
    with home() as made:
        made.runner()
        for _ in range(KILLED):
            made.runner()
            run_id, day = made.queue()
            holder = made.holder(run_id)
            time.sleep(chance.uniform(0, 0.25))  # anywhere between two looks of the other
            at = time.time()
            holder.kill()
            holder.wait()
            freed, begun = made.rescued(run_id)
            took.append((freed - at, begun - at))
            (made.runtime.settings.home / f"open-{day}").touch()
            made.until(lambda run_id=run_id: made.rows("SELECT 1 FROM run WHERE id = :id AND status = 'succeeded'", id=run_id))
    return took


def alone() -> list[tuple[float, float]]:
    """Kill the only runner of a console in the middle of a run: its supervisor starts another, Python's start included."""
    took = []
    for _ in range(ALONE):
        with home() as made:
            supervisor = Supervisor(made.runtime.settings)
            supervisor.command = [*COMMAND, "--parent-pid", str(os.getpid())]
            supervisor.start()
            run_id, _ = made.queue()
            made.in_second_stage(run_id)
            at = time.time()
            os.kill(supervisor.pid or 0, signal.SIGKILL)
            freed, begun = made.rescued(run_id)
            took.append((freed - at, begun - at))
            supervisor.stop()
    return took


def silent(sign: signal.Signals, *, host: str = "") -> list[tuple[float, float]]:
    """Stop or kill several holders of runs at any instant between their beats, for one other to find; return what each rescue took."""
    chance, at, holders = random.Random(2), {}, {}  # noqa: S311, as above
    with home() as made:
        for _ in range(SILENT):
            made.runner(host=host)
            run_id, _ = made.queue()
            holders[run_id] = made.holder(run_id)
        for _ in range(SILENT):  # each takes one of the runs up
            made.runner()
        for run_id, process in holders.items():
            time.sleep(chance.uniform(0, BEAT / 2))
            os.kill(process.pid, sign)
            at[run_id] = time.time()
        return [tuple(instant - at[run_id] for instant in made.rescued(run_id)) for run_id in holders]


def tell(what: str, took: Sequence[tuple[float, float]], goal: float) -> None:
    """Print the median and the worst."""
    for name, values in zip(("freed", "its stage begins again"), zip(*took, strict=True), strict=True):
        show(f"{what}: {name}, median", f"{statistics.median(values):.2f} s")
        show(f"{what}: {name}, worst of {len(values)}", f"{max(values):.2f} s", f"goal {goal:g} s or less")


def main() -> None:
    """Measure and print."""
    print("the run of a runner that is gone: until it is free, and until it goes on behind its last finished stage")
    tell("killed, another runner is there", killed(), GOAL_KILLED)
    tell("killed, the only one of a console", alone(), GOAL_KILLED)
    tell("hangs", silent(signal.SIGSTOP), GOAL_SILENT)
    tell("another machine", silent(signal.SIGKILL, host="another-machine"), GOAL_SILENT)
    print("  until a run of a dead worker goes on, by default")
    for name, seconds in RIVALS.items():
        show(name, seconds, DOCUMENTED)


if __name__ == "__main__":
    main()
