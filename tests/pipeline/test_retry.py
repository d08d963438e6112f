"""One policy: what may help is tried again, with waits that spread and an end that is known."""

from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import pytest

from engine.errors import DataError, SourceUnavailable, StageCancelled
from engine.pipeline.retry import RetryPolicy


@dataclass
class Seconds:
    """A clock that moves only when it is told to."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at

    def move(self) -> None:
        self.at += 4


@dataclass
class Work:
    """Fails so many times, then succeeds."""

    failures: int
    error: Exception = field(default_factory=lambda: SourceUnavailable("no answer"))
    calls: int = 0
    before: Callable[[], object] = lambda: None

    def __call__(self) -> str:
        self.calls += 1
        self.before()
        if self.calls <= self.failures:
            raise self.error
        return "done"


FAST = RetryPolicy(first=timedelta(microseconds=10), longest=timedelta(microseconds=40))


def attempt(work: Work, attempts: int, policy: RetryPolicy = FAST, **options) -> str:
    for one in policy.tries(attempts, **options):
        with one:
            return work()
    raise AssertionError("a retry loop ends with a value or an error")


@pytest.mark.parametrize(("attempts", "failures"), [(1, 0), (2, 1), (4, 3)])
def test_so_many_attempts_are_so_many_calls_at_most(attempts, failures):
    work = Work(failures)

    assert attempt(work, attempts) == "done"
    assert work.calls == attempts


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_the_last_error_is_let_through(attempts):
    work = Work(99)

    with pytest.raises(SourceUnavailable, match="no answer"):
        attempt(work, attempts)
    assert work.calls == attempts


@pytest.mark.parametrize("error", [DataError("torn"), ValueError("a mistake in code"), KeyError("x")])
def test_what_trying_again_cannot_help_is_called_once(error):
    work = Work(99, error)

    with pytest.raises(type(error)):
        attempt(work, 4)
    assert work.calls == 1


def test_the_longest_wait_doubles_up_to_the_cap_and_the_wait_lies_anywhere_below_it():
    asked = []
    policy = RetryPolicy(uniform=lambda least, most: asked.append((least, most)) or least)
    for number in range(1, 9):
        policy.wait(number)

    assert asked == [(0, 0.2), (0, 0.4), (0, 0.8), (0, 1.6), (0, 3.2), (0, 5.0), (0, 5.0), (0, 5.0)]


def test_waits_of_many_who_failed_together_are_spread():
    waits = sorted(RetryPolicy().wait(5) for _ in range(400))

    assert waits[0] < 0.3
    assert waits[-1] > 2.9
    assert max(after - before for before, after in pairwise(waits)) < 0.3


def test_no_attempt_begins_behind_the_budget():
    clock = Seconds()
    work = Work(99, before=clock.move)
    policy = RetryPolicy(first=FAST.first, longest=FAST.longest, budget=timedelta(seconds=10), monotonic=clock)

    with pytest.raises(SourceUnavailable):
        attempt(work, 50, policy)
    assert work.calls == 3


def test_a_try_says_how_long_the_next_will_be_waited_for_and_none_for_the_last():
    policy = RetryPolicy(first=FAST.first, longest=FAST.longest, uniform=lambda _least, most: most)
    said = []
    with suppress(SourceUnavailable):
        for one in policy.tries(3):
            with one:
                error = SourceUnavailable("no answer")
                said.append((one.number, one.next_wait(error), one.next_wait(DataError("torn"))))
                raise error

    assert said == [(1, 10e-6, None), (2, 20e-6, None), (3, None, None)]


def test_a_wait_can_be_broken_off():
    @contextmanager
    def cancelled():
        raise StageCancelled("by a person")
        yield

    work = Work(99)

    with pytest.raises(StageCancelled):
        attempt(work, 4, waiting=cancelled)
    assert work.calls == 1
