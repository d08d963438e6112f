"""What a distance is: the registry, the verdict on two samples, and why there may be none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.drift.pair import Pair
from engine.errors import UsageError
from storage.status import DriftVerdict

FEWEST_REFERENCE, FEWEST_CURRENT = 200, 50  # values; below, the textbook limits mean nothing

Statistic = Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class DriftTest:
    """A distance, registered where it is written; its docstring has the formula, the unit and the source."""

    id: str
    title: str
    unit: str
    floor: float  # the practical limit: less than this is of no interest, however significant
    categories: bool  # of names instead of numbers
    needs_spread: bool  # is counted in deviations of the reference
    function: Statistic
    p_value: Callable[[Any, float], float] | None
    noise: Statistic | None  # what ordinary sampling reaches once in twenty

    @property
    def summary(self) -> str:
        """What it measures, in a sentence."""
        return " ".join((self.function.__doc__ or "").split("\n\n")[0].split())


DISTANCES: dict[str, DriftTest] = {}


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance between two samples: plain values, fit to be stored and printed.

    `limit` is what the statistic was held against: the practical floor, or what noise reaches at these sizes, whichever is higher.
    There is none, and no statistic, where `verdict` says that it cannot be computed.
    """

    test: str
    statistic: float | None
    p_value: float | None
    limit: float | None
    n: int
    m: int
    verdict: DriftVerdict
    reason: str | None = None


def drift_test(
    title: str,
    *,
    unit: str,
    floor: float,
    categories: bool = False,
    needs_spread: bool = False,
    p_value: Callable[[Any, float], float] | None = None,
    noise: Statistic | None = None,
) -> Callable[[Statistic], Statistic]:
    """Register a function of two samples as a distance of its name."""

    def declare(function: Statistic) -> Statistic:
        name = function.__name__
        if name in DISTANCES:
            raise UsageError(f"there are two distances called {name}")
        DISTANCES[name] = DriftTest(name, title, unit, floor, categories, needs_spread, function, p_value, noise)
        return function

    return declare


def measure(test: DriftTest, pair: Any, *, p_value: bool = True) -> Distance:
    """Measure one distance. What cannot be computed says so: it is never a silent "no drift"."""
    n, m = pair.n, pair.m
    if impossible := _impossible(test, pair):
        return Distance(test.id, None, None, None, n, m, *impossible)
    statistic = float(test.function(pair))
    limit = max(test.floor, float(test.noise(pair))) if test.noise else test.floor
    probability = float(test.p_value(pair, statistic)) if p_value and test.p_value else None
    if n < FEWEST_REFERENCE or m < FEWEST_CURRENT:
        few = f"{n:,} values against {m:,}: fewer than {FEWEST_REFERENCE} and {FEWEST_CURRENT}, which a verdict needs"
        return Distance(test.id, statistic, probability, limit, n, m, DriftVerdict.INSUFFICIENT, few)
    moved = abs(statistic) >= limit
    return Distance(test.id, statistic, probability, limit, n, m, DriftVerdict.DRIFT if moved else DriftVerdict.NO_DRIFT)


def _impossible(test: DriftTest, pair: Any) -> tuple[DriftVerdict, str] | None:
    empty = [side for side, size in (("the reference", pair.n), ("the current sample", pair.m)) if not size]
    if empty:
        said = "no value" if test.categories else "no finite number"
        return DriftVerdict.EMPTY, f"{' and '.join(empty)} {'has' if len(empty) == 1 else 'have'} {said}"
    if test.categories and len(pair.names) > 1 and len(pair.pooled[0]) < 2:  # noqa: PLR2004, a table of one column says nothing
        return DriftVerdict.INSUFFICIENT, "no two categories are expected five times a side: compare what is new and what is gone"
    if test.needs_spread and pair.is_constant:
        return DriftVerdict.CONSTANT, "the reference is one single value: nothing can be counted in its deviations"
    return None


def distances(pair: Pair, *, p_values: bool = True) -> tuple[Distance, ...]:
    """Measure every distance of numbers, from one shared sort."""
    return tuple(measure(test, pair, p_value=p_values) for test in DISTANCES.values() if not test.categories)
