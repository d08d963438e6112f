"""The runner's part in jobs: asks for what is due, frees what a dead process held, and has a process that does what is queued."""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.jobs.timetable import BY_CLOCK, due
from engine.pipeline.liveness import forget, is_dead
from engine.pipeline.rescue import SILENCE, lock_folder
from engine.runtime import HOST, ROOT, Runtime, child_environment
from storage import jobs
from storage.status import JobOutcome

LOOK = timedelta(seconds=5)  # between two looks at the timetable
MOST_ATTEMPTS = 3  # a job that took more processes with it is the cause
COMMAND = (sys.executable, "-m", "engine", "jobs", "--work")


@dataclass(slots=True)
class Keeper:
    """Keeps jobs going; `tick` costs two reads of a few rows unless something is due."""

    runtime: Runtime
    silence: timedelta = SILENCE
    heard: dict[str, tuple[int, float]] = field(default_factory=dict)  # holder -> (beats, when they were first seen)
    looked: float = float("-inf")
    worker: subprocess.Popen[bytes] | None = None

    def tick(self) -> None:
        """Do what is to be done now."""
        self.rescue()
        if time.monotonic() - self.looked >= LOOK.total_seconds():
            self.looked = time.monotonic()
            self.request_due()
        if self.worker is not None and self.worker.poll() is None:
            return
        with self.runtime.database.reading() as connection:
            found = [row["outcome"] for row in jobs.unfinished(connection)]
        if found and JobOutcome.RUNNING not in found:
            # A process of its own: it yields to the runner (nice), and no Python lock is shared with a run.
            self.worker = subprocess.Popen(COMMAND, cwd=ROOT, env=child_environment(self.runtime.settings))  # noqa: S603, our own program

    def request_due(self) -> list[str]:
        """Queue the jobs that are due."""
        now, settings = self.runtime.clock.now(), self.runtime.settings
        with self.runtime.database.reading() as connection:
            if not due(connection, settings, now=now):
                return []
        with self.runtime.database.transaction() as connection:
            self.runtime.database.serialise(connection, "jobs")  # another runner may have asked meanwhile, and it may be done
            running = {row["job"] for row in jobs.unfinished(connection)}
            wanted = [name for name in due(connection, settings, now=now) if name not in running]
            for name in wanted:
                jobs.request(connection, name, by=BY_CLOCK, at=now)
        return wanted

    def rescue(self) -> None:
        """Queue anew what a process held that is dead, or silent for too long."""
        with self.runtime.database.reading() as connection:
            held = [row for row in jobs.unfinished(connection) if row["outcome"] == JobOutcome.RUNNING]
        for row in held:
            if self._gone(row):
                with self.runtime.database.transaction() as connection:
                    jobs.give_back(connection, row, at=self.runtime.clock.now(), most=MOST_ATTEMPTS)
                self.heard.pop(row["holder"], None)
                if is_dead(lock_folder(self.runtime), row["holder"]):
                    forget(lock_folder(self.runtime), row["holder"])

    def _gone(self, row: Mapping[str, Any]) -> bool:
        holder = row["holder"]
        if holder.startswith(f"{HOST}-") and is_dead(lock_folder(self.runtime), holder):
            return True
        beats, since = self.heard.get(holder, (None, 0.0))
        if beats != row["beats"]:  # counted by this process's own clock, so that no clock jump looks like a death
            self.heard[holder] = (row["beats"], time.monotonic())
            return False
        return time.monotonic() - since > self.silence.total_seconds()

    def stop(self) -> None:
        """End the process that does jobs; what it did is claimed again by whoever comes next."""
        if self.worker is not None and self.worker.poll() is None:
            self.worker.terminate()
            self.worker.wait()
