"""What the bookkeeping of a run costs by itself: a pipeline of six stages that do nothing, beside the style of ORM tutorials.

Run from the repository: `python -m benchmarks.bookkeeping`. Queue, claim, six checkpoints, events, log lines, metrics, roll-up: all that
a real run has but its work; CPU time of this process, SQLite. Measured in an empty home and behind 200,000 stored runs. The rival writes
as many rows of the same tables one by one, each with add, commit and refresh.
"""

import gc
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, create_engine

from benchmarks.parts.figures import show
from benchmarks.parts.homes import fresh_home
from benchmarks.parts.stores import Size, fill
from engine.clock import SystemClock, nepal_date
from engine.pipeline.context import StageContext
from engine.pipeline.execution import Execution
from engine.pipeline.graph import Pipeline
from engine.runtime import Runtime, compose
from storage import moves
from storage.database import Database, open_database
from storage.status import RunStatus, RunType, StageStatus
from storage.tables import Base, LogLine, Metric, Run, RunEvent, StageRun

RUNS, WARM_UP, STORED = 200, 20, 200_000
FIRST = date(2000, 1, 2)
CLOCK = SystemClock()

nothing = Pipeline("nothing", "Six stages that do nothing.")


@nothing.stage()
def one(context: StageContext) -> int:
    """Return 1."""
    context.measure("rows", 1, "rows")
    return 1


@nothing.stage()
def two(one: int, context: StageContext) -> int:
    """Return 2."""
    context.meter.rows_out = one
    return one + 1


@nothing.stage()
def three(two: int, context: StageContext) -> int:
    """Return 3."""
    context.meter.rows_out = two
    return two + 1


@nothing.stage()
def four(three: int, context: StageContext) -> int:
    """Return 4."""
    context.meter.rows_out = three
    return three + 1


@nothing.stage()
def five(four: int, context: StageContext) -> int:
    """Return 5."""
    context.meter.rows_out = four
    return four + 1


@nothing.stage()
def six(five: int, context: StageContext) -> int:
    """Return 6."""
    context.meter.rows_out = five
    return five + 1


def timed(work: Callable[[int], object], runs: int) -> list[float]:
    """Return the CPU seconds of each call, after some that are not counted."""
    gc.collect()
    gc.freeze()  # as a runner does
    measured = []
    for number in range(WARM_UP + runs):
        began = time.process_time()
        work(number)
        measured.append(time.process_time() - began)
    return measured[WARM_UP:]


def written(database: Database) -> int:
    """Return the rows that this process's one connection has inserted, changed or deleted so far."""
    with database.pool.connect() as connection:
        changes: int = connection.connection.dbapi_connection.total_changes
        return changes


def ours(runtime: Runtime) -> tuple[float, float]:
    """Return the median CPU seconds of a run, from its queueing to its end, and its row writes."""
    execution = Execution(runtime, {nothing.name: nothing}, "benchmark")

    def run(number: int) -> None:
        at = CLOCK.now()
        with runtime.database.transaction() as connection:
            day = FIRST + timedelta(days=number)
            moves.add(connection, at=at, pipeline=nothing.name, partition=day, run_type=RunType.MANUAL, requested_by="benchmark")
        claimed = moves.claim(runtime.database, runner_id="benchmark", at=at, sequential=[nothing.name])
        assert claimed is not None
        assert execution.execute(claimed) is RunStatus.SUCCEEDED

    before = written(runtime.database)
    seconds = statistics.median(timed(run, RUNS))
    return seconds, (written(runtime.database) - before) / (RUNS + WARM_UP)


def tutorial(pool: Engine, writes: int) -> float:
    """Return the median CPU seconds of the same number of row writes in the style of tutorials."""
    Base.metadata.create_all(pool)

    def run(number: int) -> None:
        def save(row: Base) -> None:
            with Session(pool) as session:
                session.add(row)
                session.commit()
                session.refresh(row)
            saved.append(row)

        saved: list[Base] = []
        at, day = CLOCK.now(), FIRST + timedelta(days=number)
        run = Run(
            pipeline="nothing",
            partition=day,
            run_type=RunType.MANUAL,
            status=RunStatus.QUEUED,
            requested_by="x",
            queued_at=at,
            available_at=at,
        )
        save(run)
        for status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.SUCCEEDED):
            run.status = status
            save(run)
            save(RunEvent(run_id=run.id, at=at, name=f"run_{status}", status=status))
        for position, stage in enumerate(nothing.order):
            row = StageRun(run_id=run.id, stage=stage.name, position=position, status=StageStatus.RUNNING, started_at=at)
            save(row)
            row.status, row.finished_at = StageStatus.SUCCEEDED, CLOCK.now()
            save(row)
            save(LogLine(run_id=run.id, at=at, level="info", stage=stage.name, event="stage_done"))
        save(Metric(series_id=1, at=CLOCK.now(), run_id=run.id, value=1.0))
        while len(saved) < writes:
            save(LogLine(run_id=run.id, at=at, level="info", event="run_finished"))

    return statistics.median(timed(run, RUNS // 10))


def report(name: str, seconds: float, writes: float) -> None:
    """Print the CPU of a run and its row writes a CPU second."""
    show(name, f"{seconds * 1000:.2f} ms CPU", f"{writes:.0f} row writes, {writes / seconds:,.0f} a CPU second")


def main() -> None:
    """Measure and print."""
    with ExitStack() as opened:
        homes = [opened.enter_context(fresh_home(real=False)) for _ in range(2)]
        log = opened.enter_context((homes[0].home / "runner.log").open("w"))
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(),
                structlog.processors.JSONRenderer(default=str),
            ],
            logger_factory=structlog.PrintLoggerFactory(log),
        )
        empty, full = (compose(settings) for settings in homes)
        fill(full.database, Size(STORED), until=nepal_date(CLOCK.now()))
        print(f"bookkeeping of a run of six stages that do nothing, median of {RUNS}")
        seconds, writes = ours(empty)
        report("in an empty home", seconds, writes)
        print("    goals: 2 ms, and 20,000 row writes a CPU second")
        late, same = ours(full)
        report(f"behind {STORED:,} stored runs", late, same)
        show("  ratio", f"{late / seconds:.2f}", "goal: no growth")
        for name, pool in (
            ("SQLModel, commit and refresh a write, SQLite as it comes", create_engine(f"sqlite:///{homes[0].home / 'tutorial.db'}")),
            ("  the same with our write-ahead log and SQLite", open_database(f"sqlite:///{homes[1].home / 'tutorial.db'}").pool),
        ):
            theirs = tutorial(pool, round(writes))
            report(name, theirs, round(writes))
            show("    ours beside it", f"{seconds / theirs:.3f}")


if __name__ == "__main__":
    main()
