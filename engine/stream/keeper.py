"""The runner's part in the stream: has a process for every session that waits for one."""

import subprocess
import sys
from dataclasses import dataclass, field

from engine.runtime import ROOT, Runtime, child_environment
from storage import moves

COMMAND = (sys.executable, "-m", "engine", "stream", "work")


@dataclass(slots=True)
class StreamKeeper:
    """Starts a process for each queued session; one that died is queued again by the rescuer, later each time."""

    runtime: Runtime
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)  # by run

    def tick(self) -> None:
        """Do what is to be done now: a read of a few rows unless something waits."""
        self.workers = {run_id: worker for run_id, worker in self.workers.items() if worker.poll() is None}
        with self.runtime.database.reading() as connection:
            waiting = moves.streams_waiting(connection, at=self.runtime.clock.now())
        for run_id in waiting:
            if run_id not in self.workers:
                command = (*COMMAND, str(run_id))
                self.workers[run_id] = subprocess.Popen(command, cwd=ROOT, env=child_environment(self.runtime.settings))  # noqa: S603, our own program

    def stop(self) -> None:
        """End the processes; what they did is committed, and goes on with whoever comes next."""
        for worker in self.workers.values():
            worker.terminate()
        for worker in self.workers.values():
            worker.wait()
