"""The runner: a process that claims queued runs and executes them, one at a time, in its main thread.

APScheduler is only its clock: beats, rescue and the schedule ledger are jobs of a background scheduler, and what is due is always
computed from the calendar and the ledger in the database.
"""

import gc
import os
import secrets
import signal
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from engine.pipeline.execution import Execution
from engine.pipeline.interrupts import cancel_main_thread, ignore_late_cancels
from engine.pipeline.ledger import reconcile
from engine.pipeline.liveness import LifeLock
from engine.pipeline.rescue import Rescuer, lock_folder
from engine.pipelines import PIPELINES
from engine.runtime import HOST, Runtime
from engine.version import code_version
from storage import moves, runners, runs

POLL = timedelta(milliseconds=25)  # how soon a click is noticed; one indexed read of an idle database
BEAT = timedelta(seconds=2)
RESCUE = timedelta(milliseconds=250)
LEDGER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How one runner process behaves."""

    scheduling: bool = True  # keep the schedule ledger and queue what is due
    parent_pid: int | None = None  # end when that process is gone
    only_backfill: int | None = None  # end when that backfill has nothing left to run
    only_run: int | None = None  # end when that run is over


class RunnerProcess:
    """This process as a runner."""

    def __init__(self, runtime: Runtime, options: RunnerOptions) -> None:
        self.runtime = runtime
        self.options = options
        self.runner_id = f"{HOST}-{os.getpid()}-{secrets.token_hex(3)}"
        self.stopping = Event()
        self.execution = Execution(runtime, PIPELINES, code_version())
        self.rescuer = Rescuer(runtime, self.runner_id)
        self.sequential = [name for name, pipeline in PIPELINES.items() if pipeline.sequential]
        self.holding: dict[str, Any] | None = None  # the run that is executed now, and until when it may be silent
        self.log = structlog.get_logger().bind(runner=self.runner_id)

    def serve(self) -> None:
        """Claim and execute until told to stop, or until there is nothing left of what this runner was started for."""
        lock = LifeLock(lock_folder(self.runtime), self.runner_id)
        signal.signal(signal.SIGTERM, lambda *_: self.stopping.set())
        signal.signal(signal.SIGINT, lambda *_: self.stopping.set())
        ignore_late_cancels()
        self._register()
        clockwork = self._clockwork()
        gc.freeze()
        try:
            while not self.stopping.is_set() and not self._nothing_left():
                self._step()
        finally:
            clockwork.shutdown(wait=False)
            self._deregister()
            lock.release()

    def _step(self) -> None:
        with self.runtime.database.reading() as connection:
            waiting = runs.waiting(connection, at=self.runtime.clock.now())
        run = None
        if waiting:
            run = moves.claim(
                self.runtime.database,
                runner_id=self.runner_id,
                at=self.runtime.clock.now(),
                sequential=self.sequential,
                only_backfill=self.options.only_backfill,
                code_version=self.execution.code_version,
                source=self.runtime.source.name,
                simulated=self.runtime.simulated,
            )
        if run is None:
            self.stopping.wait(POLL.total_seconds())
            return
        self.holding = dict(run)
        status = self.execution.execute(run)
        self.holding = None
        self.log.info("run_left", run_id=run["id"], partition=str(run["partition"]), status=status)

    def _nothing_left(self) -> bool:
        """Say whether a runner that was started for one request is done with it."""
        with self.runtime.database.reading() as connection:
            if self.options.only_run is not None:
                row = runs.one(connection, self.options.only_run)
                return row is None or runs.is_final(row["status"])
            if self.options.only_backfill is not None:
                return not runs.backfill_has_work(connection, self.options.only_backfill)
        return False

    def _register(self) -> None:
        at = self.runtime.clock.now()
        with self.runtime.database.transaction() as connection:
            runners.add(
                connection,
                id=self.runner_id,
                host=HOST,
                pid=os.getpid(),
                started_at=at,
                heartbeat_at=at,
                beats=0,
                scheduling=self.options.scheduling,
            )
        self.log.info("runner_started", rescued=self.rescuer.rescue())

    def _deregister(self) -> None:
        with self.runtime.database.transaction() as connection:
            runners.stop(connection, self.runner_id, at=self.runtime.clock.now())
        self.log.info("runner_stopped")

    def _clockwork(self) -> BackgroundScheduler:
        clockwork = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
        clockwork.add_job(self._beat, "interval", seconds=BEAT.total_seconds(), id="beat")
        clockwork.add_job(self.rescuer.rescue, "interval", seconds=RESCUE.total_seconds(), id="rescue")
        clockwork.add_job(self._look_around, "interval", seconds=RESCUE.total_seconds(), id="look_around")
        if self.options.scheduling:
            clockwork.add_job(self._reconcile, "interval", seconds=LEDGER.total_seconds(), id="ledger")
            self._reconcile()
        clockwork.start()
        return clockwork

    def _beat(self) -> None:
        held = self.holding
        with self.runtime.database.transaction() as connection:
            runners.beat(connection, self.runner_id, at=self.runtime.clock.now(), run_id=held["id"] if held else None)

    def _look_around(self) -> None:
        """End with the parent, and pass on a person's wish to cancel the run that is executed."""
        if self.options.parent_pid is not None and not _exists(self.options.parent_pid):
            self.stopping.set()
        held = self.holding
        if held is not None:
            with self.runtime.database.reading() as connection:
                row = moves.holds(connection, held["id"], fence=held["fence"])
            if row is not None and row["cancel_requested"]:
                cancel_main_thread()

    def _reconcile(self) -> None:
        for pipeline in PIPELINES.values():
            if pipeline.due is not None:
                reconcile(self.runtime, pipeline)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
