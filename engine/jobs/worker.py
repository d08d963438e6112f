"""The process that does jobs: claims one, shows signs of life while it works, and writes down how it ended."""

import os
import secrets
import time
from collections.abc import Mapping
from threading import Event, Lock, Thread
from typing import Any, Self

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.exc import OperationalError

from engine.billing.metering import KIB, Metering
from engine.costs.measured import Usage
from engine.errors import ConsoleError, Fenced
from engine.jobs.catalogue import JOBS, Done, Task
from engine.pipeline.context import cpu_us
from engine.pipeline.liveness import LifeLock
from engine.pipeline.memory import peak_bytes, reset_peak
from engine.pipeline.rescue import lock_folder
from engine.runtime import HOST, Runtime
from storage import jobs
from storage.status import JobOutcome

BEAT = 2.0  # seconds


class Pulse:
    """Signs of life of one execution, and how far it has come; `lost` is set when another process has taken it over."""

    def __init__(self, runtime: Runtime, run_id: int, holder: str) -> None:
        self.runtime, self.run_id, self.holder = runtime, run_id, holder
        self.lost, self.over = Event(), Event()
        self._writing = Lock()
        self._thread = Thread(target=self._beat, name="job-pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        self._thread.join()

    def tell(self, figures: Mapping[str, Any] | None) -> None:
        """Show a sign of life; raises `Fenced` when the job belongs to another process now."""
        with self._writing, self.runtime.database.transaction() as connection:
            held = jobs.beat(connection, self.run_id, holder=self.holder, figures=figures)
        if not held:
            self.lost.set()
            raise Fenced(f"job run {self.run_id} was taken over by another process")

    def _beat(self) -> None:
        while not self.over.wait(BEAT):
            try:
                self.tell(None)
            except Fenced:
                return
            except OperationalError as error:
                structlog.get_logger().warning("job_beat_put_off", error=str(error.orig))


class Worker:
    """This process as one that does jobs."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.holder = f"{HOST}-{os.getpid()}-{secrets.token_hex(3)}"
        self.metering = Metering()

    def serve(self, *, only: int | None = None) -> int:
        """Do what is queued, or only one certain execution; return how many were done."""
        lock = LifeLock(lock_folder(self.runtime), self.holder)
        done = 0
        try:
            while (row := jobs.claim(self.runtime.database, holder=self.holder, at=self.runtime.clock.now(), only=only)) is not None:
                self._do(row)
                done += 1
        finally:
            lock.release()
        return done

    def _do(self, row: RowMapping) -> None:
        log = structlog.get_logger().bind(job=row["job"], job_run=row["id"])
        log.info("job_claimed", holder=self.holder, attempt=row["attempts"])
        reset_peak()
        began, cpu_before = time.perf_counter_ns(), cpu_us()
        with Pulse(self.runtime, row["id"], self.holder) as pulse:
            ended = self._work(row, pulse)
        at, used = self.runtime.clock.now(), _used(began, cpu_before, ended)
        with self.runtime.database.transaction() as connection:
            told: dict[str, Any] = {"outcome": ended.outcome, "figures": ended.figures, "message": ended.message, "cpu_us": used.cpu_us}
            own = jobs.finish(connection, row["id"], holder=self.holder, at=at, **told)
            if own:
                simulated = self.runtime.simulated
                self.metering.job_ended(connection, row["id"], row["job"], used, at=at, outcome=ended.outcome, simulated=simulated)
        log.info("job_ended" if own else "job_lost", outcome=ended.outcome, message=ended.message)

    def _work(self, row: RowMapping, pulse: Pulse) -> Done:
        job = JOBS.get(row["job"])
        if job is None:
            return Done(JobOutcome.FAILED, f"this version of the product knows no job {row['job']!r}")
        try:
            return job.work(Task(self.runtime, row["figures"], pulse.tell, pulse.lost.wait))
        except ConsoleError as error:
            return Done(JobOutcome.FAILED, str(error))
        except Exception as error:  # noqa: BLE001, as at the runner's boundary: whatever it is, the job ends FAILED with it
            structlog.get_logger().exception("job_failed", job=row["job"])
            return Done(JobOutcome.FAILED, f"{type(error).__name__}: {error}")


def _used(began: int, cpu_before: int, ended: Done) -> Usage:
    """Return what a job used since `began` (perf counter, ns) and `cpu_before` (us); what a backup has added is what it wrote."""
    held = (peak_bytes() or 0) // KIB * ((time.perf_counter_ns() - began) // 1000)
    return Usage(cpu_us=cpu_us() - cpu_before, memory_kib_us=held, bytes_written=int(ended.figures.get("new_bytes", 0)))
