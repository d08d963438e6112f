"""The first and the last dates of a span, run by turns in one process: the machine's speed, which varies, is the same for both.

A backfill's own first and last dates lie a quarter of a minute apart, and on a shared machine that alone makes a difference of a third.
"""

import gc
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import structlog

from benchmarks.parts.homes import PIPELINE, SINCE, UNTIL, command, fresh_home
from engine.pipeline.execution import Execution
from engine.pipelines import PIPELINES
from engine.runtime import Runtime, compose
from engine.services import Services
from storage import moves, runs
from storage.status import RunStatus, Verdict

WARM_UP = 3  # sessions of each end that are not counted: the first of a process replays the features' state


def by_turns(last_sessions: Sequence[date]) -> list[tuple[int, int]]:
    """Return the CPU (us) of the first and of the last sessions of the span, one pair for each of `last_sessions`, dates of files."""
    before = last_sessions[0] - timedelta(days=1)
    with fresh_home() as young, fresh_home() as old:
        command(old, "backfill", PIPELINE, "--since", SINCE, "--until", before, "--wait", "--json")
        with (young.home / "output.log").open("w") as log:
            structlog.configure(
                processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(default=str)],
                logger_factory=structlog.PrintLoggerFactory(log),
            )
            early, late = _sessions(compose(young), SINCE), _sessions(compose(old), last_sessions[0])
            gc.collect()
            gc.freeze()  # as a runner does
            pairs = [pair if number % 2 else pair[::-1] for number, pair in enumerate(_turns(early, late))]
    return pairs[WARM_UP:]


def _turns(early: Iterator[int], late: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Yield one session of each end at a time, now this one first and now that one."""
    both = (late, early)
    while True:
        first = next(both[0], None)
        second = next(both[1], None)
        if first is None or second is None:
            return
        yield first, second
        both = both[::-1]


def _sessions(runtime: Runtime, since: date) -> Iterator[int]:
    """Run one date after the other; yield the CPU (us) of each that brought a session."""
    execution = Execution(runtime, PIPELINES, "benchmark")
    for number in range((UNTIL - since).days + 1):
        Services(runtime, actor="benchmark").run(PIPELINE, since + timedelta(days=number))
        claimed = moves.claim(runtime.database, runner_id="benchmark", at=runtime.clock.now(), sequential=[PIPELINE])
        assert claimed is not None
        execution.execute(claimed)
        with runtime.database.reading() as connection:
            run = runs.one(connection, claimed["id"])
        if run["status"] == RunStatus.SUCCEEDED and run["verdict"] == Verdict.SESSION:
            yield run["cpu_us"]
