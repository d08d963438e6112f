"""The runner: a process that claims queued runs and executes them, one at a time, in its main thread.

APScheduler is only its clock: beats, rescue, the schedule ledger and the jobs for the product's own safety are ticks of a background
scheduler, and what is due is always computed from the calendar and the database.
"""

import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from typing import Any

import pyarrow as pa
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import OperationalError

from engine.alerts.evaluation import Evaluator
from engine.alerts.postman import Postman
from engine.errors import SourceError
from engine.jobs.keeper import Keeper
from engine.log_file import keep_short, log_file
from engine.pipeline.execution import Execution, hand_back
from engine.pipeline.interrupts import cancel_main_thread, ignore_late_cancels, set_from_handler
from engine.pipeline.ledger import reconcile, wake_after_clock
from engine.pipeline.liveness import LifeLock, sweep
from engine.pipeline.rescue import Rescuer, lock_folder
from engine.pipelines import PIPELINES
from engine.pipelines.behind import owed, queue_carry
from engine.runtime import HOST, Runtime
from engine.stream.keeper import StreamKeeper
from engine.version import code_version
from storage import jobs, moves, runners, runs

POLL = timedelta(milliseconds=25)  # how soon a click is noticed: whether anything was written at all is one look at a file
LOOK_ANYWAY = timedelta(milliseconds=500)  # how soon a run is noticed that waits for a time which has come
BEAT = timedelta(seconds=2)
RESCUE = timedelta(milliseconds=250)
LEDGER = timedelta(seconds=5)
JOBS = timedelta(seconds=1)
STREAMS = timedelta(milliseconds=250)
ALERTS = timedelta(seconds=10)
POST = timedelta(seconds=1)
LOG = timedelta(seconds=10)
COLLECT = (20_000, 20, 20)  # new objects before the collector looks: a run leaves few cycles, and by default it looked twice a run
PATIENCE = timedelta(seconds=1)  # between two tries to reach a database that does not answer


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
        self.database = runtime.database  # of the main thread
        self.runner_id = f"{HOST}-{os.getpid()}-{secrets.token_hex(3)}"
        self.stopping = Event()
        self.told_by: int | None = None  # the signal that said so
        self.execution = Execution(runtime, PIPELINES, code_version(), self.stopping.is_set)
        self.rescuer = Rescuer(runtime, self.runner_id)
        self.keeper = Keeper(runtime)
        self.streams = StreamKeeper(runtime)
        self.evaluator, self.postman = Evaluator(runtime), Postman(runtime)
        self.sequential = [name for name, pipeline in PIPELINES.items() if pipeline.sequential]
        self.holding: Mapping[Any, Any] | None = None  # the run that is executed now
        self.seen: int | None = None  # the last write that was looked at
        self.looked = 0.0
        self.log = structlog.get_logger().bind(runner=self.runner_id)

    def serve(self) -> None:
        """Claim and execute until told to stop, or until there is nothing left of what this runner was started for.

        Told by a signal, it ends the process as shells expect it (143 after SIGTERM): only code 0 says that nothing is left.
        """
        lock = LifeLock(lock_folder(self.runtime), self.runner_id)
        pa.enable_signal_handlers(False)  # its reader of CSV would take the signal for itself, and the run would fail with it
        signal.signal(signal.SIGTERM, self._told)
        signal.signal(signal.SIGINT, self._told)
        ignore_late_cancels()
        self._patiently(self.runtime.source.reference)  # read before a run is held: the first one shall not take longer
        self._register()
        clockwork = self._clockwork()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        try:
            with self.runtime.database.keeping() as self.database:
                self.execution.runtime = replace(self.runtime, database=self.database)
                while not self.stopping.is_set() and not self._patiently(self._turn):
                    pass
        finally:
            clockwork.shutdown()
            self.keeper.stop()
            self.streams.stop()
            self.postman.stop()
        self._deregister()
        lock.release()
        if self.told_by is not None:
            sys.exit(128 + self.told_by)

    def _told(self, number: int, _frame: Any) -> None:
        self.told_by = number
        set_from_handler(self.stopping)

    def _turn(self) -> bool:
        """Take one step, unless nothing is left; say whether that is so."""
        if self._nothing_left():
            return True
        self._step()
        return False

    def _step(self) -> None:
        """Claim and execute one run, if there is one that may be."""
        if self.holding is not None:
            self._give_back(self.holding)
        run = self._claim() if self._something_new() else None
        if run is None:
            self.stopping.wait(POLL.total_seconds())
            return
        self.holding = run
        status = self.execution.execute(run)
        self.holding = None
        self.log.info("run_left", run_id=run["id"], partition=str(run["partition"]), status=status)

    def _something_new(self) -> bool:
        """Say whether the database may hold something else than at the last look."""
        written, now = self.database.last_write(), time.monotonic()
        if written is not None and written == self.seen and now - self.looked < LOOK_ANYWAY.total_seconds():
            return False
        self.seen, self.looked = written, now
        return True

    def _claim(self) -> Mapping[Any, Any] | None:
        at, only_backfill = self.runtime.clock.now(), self.options.only_backfill
        with self.database.reading() as connection:
            claimable = moves.claimable(connection, at=at, sequential=self.sequential, only_backfill=only_backfill)
        if not claimable:
            queue_carry(self.runtime, only_backfill=only_backfill)  # it is claimed at the next look
            return None
        return moves.claim(
            self.database,
            runner_id=self.runner_id,
            at=at,
            sequential=self.sequential,
            only_backfill=only_backfill,
            code_version=self.execution.code_version,
            source=self.runtime.source.name,
            simulated=self.runtime.simulated,
        )

    def _give_back(self, run: Mapping[Any, Any]) -> None:
        """Put the run that the database's silence broke off back into the queue, unless it came to its end after all."""
        with suppress(moves.StaleMove), self.database.transaction() as connection:
            hand_back(connection, run, at=self.runtime.clock.now(), why="the database did not answer its runner")
        self.holding = None

    def _nothing_left(self) -> bool:
        """Say whether a runner that was started for one request is done with it."""
        if self.options.only_run is None and self.options.only_backfill is None:
            return False
        with self.database.reading() as connection:
            if self.options.only_run is not None:
                row = runs.one(connection, self.options.only_run)
                return row is None or runs.is_final(row["status"])
            if self.options.only_backfill is not None:
                return not runs.backfill_has_work(connection, self.options.only_backfill) and not owed(connection)
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
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is left out because the one before still runs is no news
        clockwork = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
        ticks = {self._beat: BEAT, self.rescuer.rescue: RESCUE, self._look_around: RESCUE, self._wake: LEDGER, self._keep_log_short: LOG}
        if self.options.scheduling:
            ticks |= {self._reconcile: LEDGER, self.keeper.tick: JOBS, self.evaluator.tick: ALERTS, self.postman.tick: POST}
            self._patiently(self._reconcile)
        if self.options.only_backfill is None:
            ticks[self.streams.tick] = STREAMS
        for job, every in ticks.items():
            clockwork.add_job(self._patiently, "interval", [job], seconds=every.total_seconds(), id=job.__qualname__)
        # Once, at once, and nobody waits for them.
        clockwork.add_job(self._patiently, args=[self._sweep])
        if self.options.scheduling:
            clockwork.add_job(self._patiently, args=[self.evaluator.tick])
        clockwork.start()
        return clockwork

    def _patiently(self, job: Callable[[], Any]) -> Any:
        """Do a job; a database that does not answer, or a source, is a line in the log, and the next tick tries again."""
        try:
            return job()
        except (OperationalError, SourceError) as error:
            self.log.warning("job_put_off", job=job.__name__, error=str(getattr(error, "orig", error)))
            self.stopping.wait(PATIENCE.total_seconds())
            return None

    def _sweep(self) -> None:
        """Take away what killed processes have left aside."""
        with self.runtime.database.reading() as connection:
            known = {row["id"] for row in runners.unstopped(connection)} | {row["holder"] for row in jobs.unfinished(connection)}
        swept = {"files": self.runtime.lake.sweep(), "locks": sweep(lock_folder(self.runtime), known)}
        if any(swept.values()):
            self.log.info("left_overs_removed", **swept)

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
                wanted = moves.cancel_wanted(connection, held["id"], fence=held["fence"])
            if wanted:
                cancel_main_thread(held["id"])

    def _keep_log_short(self) -> None:
        keep_short(log_file(self.runtime.settings.home))

    def _wake(self) -> None:
        if woken := wake_after_clock(self.runtime):
            self.log.warning("clock_was_set_back", runs_woken=woken)

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
