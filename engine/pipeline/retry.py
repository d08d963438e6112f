"""The one policy by which something is tried again: what, how often, and how long between.

`attempts` counts calls, the first among them: 4 attempts are one call and at most three retries, 1 is never tried again. Only an error
whose class says `retryable` is retried; bad data and mistakes in code are not. The longest wait doubles with each attempt up to a cap, and
the wait itself is anywhere between nothing and that (full jitter: many who failed together do not come back together). All of it fits into
a budget; what takes longer goes through the queue, not through a worker.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any

import stamina


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt, from 1 on: a context that takes an error which another may help."""

    number: int
    attempt: AbstractContextManager[Any]
    plan: "_Plan"

    def next_wait(self, error: Exception) -> float | None:
        """Return seconds to the next attempt if this one ends with `error`; None where there will be none."""
        wait = self.plan.waits[self.number - 1] if self.number <= len(self.plan.waits) else None
        return wait if wait is not None and self.plan.allows(error, wait) else None

    def __enter__(self) -> None:
        self.attempt.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool | None:
        return self.attempt.__exit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long is waited between attempts; clock and randomness are arguments."""

    first: timedelta = timedelta(seconds=0.2)
    longest: timedelta = timedelta(seconds=5)
    budget: timedelta = timedelta(minutes=2)  # from the first call on; no attempt begins behind it
    uniform: Callable[[float, float], float] = random.uniform
    monotonic: Callable[[], float] = time.monotonic

    def tries(self, attempts: int, *, waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> Iterator[Try]:
        """Yield at most so many tries; waits happen inside `waiting()`, which may break them off.

        The last error is let through, and so is one that no other try can help.
        """
        waits = tuple(self.wait(number) for number in range(1, attempts))
        plan = _Plan(waits, self.monotonic() + self.budget.total_seconds(), self.monotonic)
        if attempts == 1:  # as most stages have it, and a machine for retries costs more than their bookkeeping
            yield Try(1, nullcontext(), plan)
            return
        planned = iter(waits)

        def again(error: Exception) -> bool | float:
            wait = next(planned, 0.0)
            return wait if plan.allows(error, wait) else False

        rounds = iter(stamina.retry_context(on=again, attempts=attempts, timeout=None))
        attempt = next(rounds, None)
        while attempt is not None:
            yield Try(attempt.num, attempt, plan)
            with waiting():
                attempt = next(rounds, None)

    def wait(self, number: int) -> float:
        """Return seconds to wait behind attempt `number`."""
        return self.uniform(0, min(self.longest, self.first * (1 << min(number - 1, 30))).total_seconds())


@dataclass(frozen=True, slots=True)
class _Plan:
    """The waits of one stage's tries, and when its budget ends."""

    waits: tuple[float, ...]
    ends: float
    monotonic: Callable[[], float]

    def allows(self, error: Exception, wait: float) -> bool:
        return bool(getattr(error, "retryable", False)) and self.monotonic() + wait < self.ends
