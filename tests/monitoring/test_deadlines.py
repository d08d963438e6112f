"""Deadlines: in time, at risk, late, never; and what is no promise at all."""

from datetime import date, datetime, timedelta

import pytest

from engine.clock import nepal_time
from engine.monitoring.deadlines import Budget, Deadline, DeadlineState, Expected, budget, judged, loaded_by
from engine.thresholds import snapshot
from storage.status import SlotOutcome

DAY = date(2025, 6, 3)
LIMITS = snapshot({}, 0)
DUE, END = nepal_time(DAY, 18), nepal_time(DAY, 19)


def expected(outcome: SlotOutcome = SlotOutcome.DUE, *, loaded: datetime | None = None, reason: str = "queued") -> Expected:
    return Expected(DAY, DUE, outcome, reason, loaded, 7)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("given", "now", "state", "why"),
    [
        (expected(SlotOutcome.RAN, loaded=END - minutes(50)), END, DeadlineState.ON_TIME, "loaded 50 min before"),
        (expected(SlotOutcome.RAN, loaded=END), END, DeadlineState.ON_TIME, "loaded 0 s before"),
        (expected(SlotOutcome.LATE, loaded=END + minutes(150)), END + minutes(200), DeadlineState.LATE, "loaded 2.5 h after"),
        (expected(), DUE - minutes(60), DeadlineState.PENDING, "its time has not come"),
        (expected(), DUE + minutes(10), DeadlineState.PENDING, "50 min left: queued"),
        (expected(), END - minutes(4), DeadlineState.AT_RISK, "a run takes up to 5 min, and 4 min are left"),
        (expected(SlotOutcome.FAILED, reason="no header"), DUE + minutes(10), DeadlineState.AT_RISK, "no header"),
        (expected(SlotOutcome.FAILED, reason="no header"), END + minutes(9), DeadlineState.LATE, "not loaded, 9 min after: no header"),
        (expected(SlotOutcome.SOURCE_EMPTY, reason="no file"), END + timedelta(days=2), DeadlineState.NEVER_CAME, "no file"),
        (expected(SlotOutcome.PAUSED, reason="paused"), END + minutes(9), DeadlineState.WAIVED, "paused"),
    ],
)
def test_a_session_stands_to_its_deadline(given, now, state, why):
    found = judged(given, LIMITS, now=now, takes=minutes(5))

    assert (found.state, found.why, found.at) == (state, why, END)


def test_without_a_measured_run_only_the_clock_speaks():
    assert judged(expected(), LIMITS, now=END - minutes(1), takes=None).state is DeadlineState.PENDING


def test_the_deadline_is_turned_like_any_threshold():
    assert loaded_by(DAY, snapshot({"deadline.loaded_by": 20.25}, 1)) == nepal_time(DAY, 20, 15)


@pytest.mark.parametrize(("now", "state"), [(DUE - minutes(60), DeadlineState.AT_RISK), (DUE - minutes(10), DeadlineState.LATE)])
def test_a_deadline_before_the_schedule_says_that_it_is(now, state):
    found = judged(expected(reason="its time has not come"), snapshot({"deadline.loaded_by": 17.5}, 1), now=now, takes=minutes(5))

    assert found.state is state
    assert found.why.endswith("by its schedule it is not due before 18:00")


def test_the_error_budget_counts_the_newest_sessions_that_are_decided():
    def one(number: int, state: DeadlineState) -> Deadline:
        return Deadline(DAY + timedelta(days=number), END, state, "", None, None)

    known = [one(number, DeadlineState.ON_TIME) for number in range(2, 60)] + [
        one(60, DeadlineState.LATE),
        one(61, DeadlineState.NEVER_CAME),
    ]
    old_and_open = [one(0, DeadlineState.LATE), one(62, DeadlineState.PENDING), one(63, DeadlineState.WAIVED)]

    found = budget([*old_and_open, *known], LIMITS)

    assert found == Budget(60, 2, 0.95)
    assert (found.allowed, found.left) == (3, 1)
