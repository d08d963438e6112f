"""Executes one claimed run: its stages in order, each tried, checkpointed and committed; resumes behind the last one that was."""

import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from engine.billing.metering import Metering
from engine.clock import nepal_date
from engine.errors import Fenced, NoSpace, StageCancelled
from engine.pipeline.context import Meter, RunLog, SourceNotReady, StageContext, TableCache, cpu_us
from engine.pipeline.graph import CONTEXT, Pipeline, Stage
from engine.pipeline.guard import Breaker, Guard
from engine.pipeline.interrupts import interruptible, listening
from engine.pipeline.memory import peak_bytes, reset_peak
from engine.pipeline.retry import RetryPolicy
from engine.runtime import Runtime
from storage import backfills, breakers, dead_letters, lake, metrics, moves, runs, stages
from storage.metrics import Measure
from storage.status import RunStatus, StageStatus, Verdict

POLICY = RetryPolicy()
ROOM_AGAIN = timedelta(minutes=1)  # until a run looks again whether the disk has room
BEGUN_FIRST = -1  # the priority of a run that was begun and left: it is finished before others are begun


@dataclass(slots=True)
class Execution:
    """Executes runs in this process; remembers tables and metric series between them."""

    runtime: Runtime
    pipelines: Mapping[str, Pipeline]
    code_version: str
    stopping: Callable[[], bool] = lambda: False  # asked between stages: the run is given back when this process shall end
    cache: TableCache = field(default_factory=TableCache)
    series: dict[tuple[str, ...], int] = field(default_factory=dict)
    metering: Metering = field(default_factory=Metering)
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.runtime.database, self.runtime.clock, self.runtime.source.name)

    def execute(self, run: Mapping[Any, Any]) -> RunStatus | None:
        """Bring a claimed run to its end; return its final status, or None when it went back to the queue or to another runner."""
        with self.runtime.database.keeping() as database:
            holding = _Holding(self, run, replace(self.runtime, database=database))
            try:
                return holding.through()
            except (Fenced, moves.StaleMove) as error:  # another runner has it now, and what this one did was not committed
                holding.log.warning("commit_refused", fence=run["fence"], reason=str(error))
                return None


class _Holding:
    """One run while this process holds it."""

    def __init__(self, execution: Execution, run: Mapping[Any, Any], runtime: Runtime) -> None:
        self.execution = execution
        self.guard = Guard(runtime.source, execution.breaker, run["id"])
        self.runtime = replace(runtime, source=self.guard)
        self.run = run
        self.pipeline = execution.pipelines[run["pipeline"]]
        told = {"pipeline": run["pipeline"], "partition": str(run["partition"])}
        self.log = RunLog(run["id"], self.runtime.clock.now, told)
        self.values: dict[str, Any] = {}
        self.cpu_before = cpu_us()
        self.verdict: str | None = run["verdict"]
        self.tries = 0  # of the stage that runs
        self.meter = Meter()  # of that stage, over all its tries
        self.cancel_wanted = False
        self.backfill_id: int | None = run["backfill_id"]

    def through(self) -> RunStatus | None:
        """Run what is left of the stages."""
        left, opened = self._begin()
        with listening():
            for number, stage in enumerate(left):
                following = left[number + 1] if number + 1 < len(left) else None
                outcome = self._stage(stage, opened, following)
                if not isinstance(outcome, int):
                    return outcome
                opened = outcome
        return RunStatus.SUCCEEDED

    def _begin(self) -> tuple[list[Stage], int]:
        """Take up what earlier holders finished; return the stages that are left and the id of the first of them, opened."""
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            self.guard.calm = breakers.calm(connection, self.guard.name)
            for row in runs.stages_of(connection, self.run["id"]):
                if row["status"] == StageStatus.SUCCEEDED:
                    self.values[row["stage"]] = self.pipeline.stages[row["stage"]].checkpoint.validate_python(row["checkpoint"])
            left = [stage for stage in self.pipeline.order if stage.name not in self.values]
            begun = "run_resumed" if self.values else "run_started"
            self.log.info(begun, pipeline=self.pipeline.name, date=str(self.run["partition"]), left=len(left))
            opened = 0
            if left:
                place = self.pipeline.position(left[0].name)
                opened = stages.open_stage(connection, self.run["id"], left[0].name, position=place, at=self._now())
        return left, opened

    def _stage(self, stage: Stage, opened: int, following: Stage | None) -> RunStatus | int | None:
        """Run one stage to its commit; return the id of the next opened stage, or how the run ended."""
        self.log.stage = stage.name
        reset_peak()
        self.meter = Meter()
        started, cpu_before = time.perf_counter_ns(), cpu_us()
        used: dict[str, Any] = {}
        try:
            context, value = self._try(stage)
        except SourceNotReady as waiting:
            return self._wait(waiting)
        except NoSpace as full:
            return self._wait(SourceNotReady(str(full), until=self._now() + ROOM_AGAIN))  # nobody needs to run it again once there is room
        except (Fenced, OperationalError):
            raise  # the run, or the database, is out of reach: the stage is not at fault
        except Exception as error:  # noqa: BLE001, the runner's boundary: whatever it is, the run ends FAILED with it
            used |= _used(started, cpu_before) | self.meter.moved()
            return self._fail(stage, opened, error, used)
        used |= _used(started, cpu_before) | self.meter.moved()
        used |= {"rows_in": context.meter.rows_in, "rows_out": context.meter.rows_out}
        self.values[stage.name] = value
        return self._commit(stage, opened, following, context, used)

    def _try(self, stage: Stage) -> tuple[StageContext, Any]:
        """Call the stage until it succeeds or may not be tried again; every failed try is recorded."""
        inputs = {name: self.values[name] for name in stage.inputs}
        given = {CONTEXT} if stage.takes_context else set()
        waiting = partial(interruptible, self.run["id"], POLICY.budget, stage=stage.name)  # a person's cancel need not wait with it
        for attempt in POLICY.tries(stage.attempts, waiting=waiting):
            with attempt:
                self.tries = attempt.number
                if self.cancel_wanted:
                    raise StageCancelled(f"cancelled by a person before try {attempt.number} of stage {stage.name}")
                self.guard.waiting = None
                began, began_at, cpu_before, meter = time.perf_counter_ns(), self._now(), cpu_us(), Meter()
                try:
                    with ExitStack() as opened, interruptible(self.run["id"], stage.timeout, stage=stage.name):
                        snapshot = partial(opened.enter_context, self.runtime.database.reading())
                        context = StageContext(self.run, self.runtime, self.log, self.execution.cache, snapshot, meter)
                        return context, stage.function(**inputs, **dict.fromkeys(given, context))
                except (SourceNotReady, OperationalError):
                    raise
                except Exception as error:
                    wait = None if self.guard.waiting else attempt.next_wait(error)
                    took = {"duration_us": (time.perf_counter_ns() - began) // 1000, "cpu_us": cpu_us() - cpu_before}
                    self._record_try(stage, attempt.number, error, began_at, took, wait=wait)
                    if self.guard.waiting:
                        raise self.guard.waiting from error  # the run waits for the source's next probe: no try of it is spent
                    raise
                finally:
                    self.meter.add(meter)
        raise AssertionError("a retry loop ends with a value or an error")

    def _record_try(
        self, stage: Stage, number: int, error: Exception, at: datetime, took: Mapping[str, int], *, wait: float | None
    ) -> None:
        after = {} if wait is None else {"next_try_in_seconds": round(wait, 3)}
        self.log.warning("stage_try_failed", number=number, error=type(error).__name__, message=str(error), **after)
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            stages.add_attempt(
                connection,
                run_id=self.run["id"],
                stage=stage.name,
                number=number,
                started_at=at,
                **took,
                wait_us=int((wait or 0) * 1e6),
                error_type=type(error).__name__,
                error_message=str(error),
            )

    def _commit(
        self, stage: Stage, opened: int, following: Stage | None, context: StageContext, used: dict[str, Any]
    ) -> RunStatus | int | None:
        """Write everything that the stage gave, in one transaction that only the holder of the run can commit."""
        at, run_id = self._now(), self.run["id"]
        self.verdict = context.notes.get("verdict", self.verdict)
        checkpoint = stage.checkpoint.dump_python(self.values[stage.name], mode="json")
        self.log.info("stage_done", rows=used["rows_out"], ms=round(used["duration_us"] / 1000, 1))
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            for dataset, partition in context.withdrawn:
                lake.withdraw(connection, dataset, partition, at=at)
            for version in context.published:
                lake.publish(connection, version, run_id=run_id, at=at, simulated=self.runtime.simulated)
            for write in context.writes:
                write(connection)
            if context.notes:
                moves.note(connection, run_id, **context.notes)
            metrics.record(connection, self.pipeline.name, run_id, context.measures, at=at, known=self.execution.series)
            stages.close_stage(
                connection, opened, StageStatus.SUCCEEDED, checkpoint=checkpoint, finished_at=at, attempts=self.tries, **used
            )
            if context.ending is not None and context.ending.error is not None:
                return self._end_failed(connection, stage, context.ending.error, at)
            if following is None or context.ending is not None:
                status = RunStatus.SUCCEEDED if context.ending is None or context.ending.succeeded else RunStatus.SKIPPED
                self._leave_out(connection, stage, StageStatus.SKIPPED)
                self._finish(connection, status, at)
                return status
            if self.cancel_wanted:
                self._leave_out(connection, stage, StageStatus.CANCELLED)
                self._finish(connection, RunStatus.CANCELLED, at, reason=f"cancelled by a person after stage {stage.name}")
                return RunStatus.CANCELLED
            if self.execution.stopping():
                hand_back(connection, self.run, at=at, why=f"its runner was told to stop after stage {stage.name}", cpu_us=self._cpu_us())
                self._flush_log(connection)
                return None
            self._flush_log(connection)
            return stages.open_stage(connection, run_id, following.name, position=self.pipeline.position(following.name), at=at)

    def _fail(self, stage: Stage, opened: int, error: Exception, used: dict[str, Any]) -> RunStatus:
        """End the run with an error that a stage raised; the original one is kept whole."""
        at = self._now()
        told = {"error_type": type(error).__name__, "error_message": str(error)}
        self.log.error("stage_failed", error=told["error_type"], message=told["error_message"])
        trace = "".join(traceback.format_exception(error))
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            if isinstance(error, StageCancelled):
                stages.close_stage(connection, opened, StageStatus.CANCELLED, finished_at=at, attempts=self.tries, **told, **used)
                self._leave_out(connection, stage, StageStatus.CANCELLED)
                kept = {"error_stage": stage.name, "error_traceback": trace, "reason": str(error)}
                self._finish(connection, RunStatus.CANCELLED, at, **told, **kept)
                return RunStatus.CANCELLED
            stages.close_stage(connection, opened, StageStatus.FAILED, finished_at=at, attempts=self.tries, **told, **used)
            return self._end_failed(connection, stage, error, at, error_traceback=trace)

    def _end_failed(self, connection: Connection, stage: Stage, error: Exception, at: datetime, **kept: Any) -> RunStatus:
        """End the run FAILED, in the transaction that closes its stage; a file that cannot be used as a whole becomes a dead letter."""
        self._leave_out(connection, stage, StageStatus.UPSTREAM_FAILED)
        told = {"error_type": type(error).__name__, "error_message": str(error)}
        if getattr(error, "dead_letter", False):
            run = runs.one(connection, self.run["id"]) or self.run  # with the file that its stages have noted
            dead_letters.add_file(connection, run, stage=stage.name, error_type=told["error_type"], message=told["error_message"], at=at)
        self.verdict = getattr(error, "verdict", Verdict.FAILED)
        said = {"verdict": self.verdict, "reason": str(error), "error_stage": stage.name}
        self._finish(connection, RunStatus.FAILED, at, **told, **said, **kept, **getattr(error, "findings", {}))
        return RunStatus.FAILED

    def _wait(self, waiting: SourceNotReady) -> RunStatus | None:
        """Give the run back to the queue until its source may be ready; it begins again with its first stage then."""
        at, run_id = self._now(), self.run["id"]
        self.log.info("source_not_ready", reason=str(waiting), until=waiting.until.isoformat())
        with self.runtime.database.transaction() as connection:
            self._still_mine(connection)
            if self.cancel_wanted:
                stages.end_running(connection, run_id, StageStatus.CANCELLED, at=at)
                self._finish(connection, RunStatus.CANCELLED, at, reason="cancelled by a person while it waited for its source")
                return RunStatus.CANCELLED
            stages.drop_stages(connection, run_id)
            moves.move(
                connection,
                run_id,
                RunStatus.QUEUED,
                at=at,
                name="run_waits",
                message=f"{waiting}; looks again at {waiting.until.isoformat(timespec='seconds')}",
                held=self.run["fence"],
                available_at=waiting.until,
                waits=self.run["waits"] + 1,
                reason=str(waiting),
                cpu_us=self._cpu_us(),
            )
            self._flush_log(connection)
        return None

    def _leave_out(self, connection: Connection, last: Stage, status: StageStatus) -> None:
        """Say of every stage behind `last` why it was not run."""
        left = self.pipeline.order[self.pipeline.position(last.name) + 1 :]
        stages.leave_out(connection, self.run["id"], [(stage.name, self.pipeline.position(stage.name)) for stage in left], status)

    def _finish(self, connection: Connection, status: RunStatus, at: datetime, **values: Any) -> None:
        self.log.stage = None
        self.log.info("run_finished", status=status, verdict=self.verdict)
        self._flush_log(connection)
        used = self._cpu_us()
        cpu = [Measure("", "cpu_seconds", "s", used / 1e6)]
        metrics.record(connection, self.pipeline.name, self.run["id"], cpu, at=at, known=self.execution.series)
        moves.finish(connection, self.run["id"], status, at=at, day=nepal_date(at), held=self.run["fence"], cpu_us=used, **values)
        self.execution.metering.run_ended(connection, self.run["id"], at=at)
        if self.backfill_id is not None:
            failure = f"{self.run['partition']} failed (run {self.run['id']})" if status is RunStatus.FAILED else None
            backfills.run_ended(connection, self.backfill_id, at=at, failure=failure)

    def _flush_log(self, connection: Connection) -> None:
        stages.add_log_lines(connection, self.log.lines)
        self.log.lines = []

    def _still_mine(self, connection: Connection) -> None:
        held = moves.holds(connection, self.run["id"], fence=self.run["fence"])
        if held is None:
            raise Fenced(f"run {self.run['id']} was taken over while this runner was away; what it did is dropped")
        self.cancel_wanted, self.backfill_id = held["cancel_requested"], held["backfill_id"]

    def _cpu_us(self) -> int:
        """Return the CPU time of the run so far, that of those who held it before and gave it back among it."""
        return (self.run["cpu_us"] or 0) + cpu_us() - self.cpu_before

    def _now(self) -> datetime:
        return self.runtime.clock.now()


def hand_back(connection: Connection, run: Mapping[Any, Any], *, at: datetime, why: str, **noted: Any) -> None:
    """Put a run that this process holds back into the queue; the next runner goes on behind its last finished stage."""
    stages.end_running(connection, run["id"], StageStatus.CRASHED, at=at)
    moves.move(
        connection,
        run["id"],
        RunStatus.QUEUED,
        at=at,
        name="run_handed_back",
        message=why,
        held=run["fence"],
        available_at=min(run["available_at"], at),  # as before: whoever looks with a clock read a moment ago shall find it first
        priority=BEGUN_FIRST,
        **noted,
    )


def _used(started: int, cpu_before: int) -> dict[str, Any]:
    """Measure what a stage took since `started` (perf counter, ns) and `cpu_before` (us)."""
    return {
        "duration_us": (time.perf_counter_ns() - started) // 1000,
        "cpu_us": cpu_us() - cpu_before,
        "peak_memory_bytes": peak_bytes(),
    }
