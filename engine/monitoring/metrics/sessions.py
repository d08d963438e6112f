"""Which sessions are in the lake, whether they came in time, and what of them was set aside."""

from collections.abc import Iterator
from datetime import date, timedelta

from engine.clock import nepal_date, nepal_time
from engine.monitoring import freshness
from engine.monitoring.deadlines import DeadlineState, budget
from engine.monitoring.family import Facts, Sample, family
from engine.pipelines import PIPELINES
from engine.pipelines.thresholds import load
from storage import dates, dead_letters, sessions, thresholds
from storage.status import LetterState


@family("nepse_sessions_behind")
def _behind(facts: Facts) -> Iterator[Sample]:
    """Sessions that are due since the newest one in the lake and are not in it, promised or not: what the Overview tells."""
    until = nepal_date(facts.now)
    newest = sessions.last_before(facts.connection, until + timedelta(days=1))
    since = None if newest is None else newest["session"]
    for name, pipeline in PIPELINES.items():
        if pipeline.sequential:
            verdicts = dates.verdicts(facts.connection, name, freshness.begins(until, since), until)
            known = freshness.expected(verdicts, calendar=facts.calendar, due=pipeline.due, now=facts.now)
            yield (), len(freshness.behind(known, since))


@family("nepse_newest_session_timestamp_seconds")
def _newest(facts: Facts) -> Iterator[Sample]:
    """The newest session in the lake: the closing of the exchange on it."""
    newest = sessions.last_before(facts.connection, date.max)
    if newest is not None:
        yield (), nepal_time(newest["session"], 15).timestamp()


@family("nepse_deadline_state", "pipeline", "state")
def _deadline(facts: Facts) -> Iterator[Sample]:
    """Where the newest session that was promised stands to its deadline: 1 for its state."""
    for pipeline, known in facts.deadlines.items():
        for state in DeadlineState if known else ():
            yield (pipeline, state.value.replace(" ", "_")), known[0].state is state


@family("nepse_deadline_budget_left", "pipeline")
def _budget(facts: Facts) -> Iterator[Sample]:
    """How many of the last 60 sessions may still be late; below nought: the objective is missed."""
    limits = load(facts.connection, thresholds.version(facts.connection))
    for pipeline, known in facts.deadlines.items():
        yield (pipeline,), budget(known, limits).left


@family("nepse_dead_letters", "state")
def _letters(facts: Facts) -> Iterator[Sample]:
    """Dead letters by where they stand."""
    counts = dead_letters.counts_by_state(facts.connection)
    for state in LetterState:
        yield (state,), counts.get(state, 0)
