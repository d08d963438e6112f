"""What a check is: a pure function that scores, the limits of its score, and the registry that pages, thresholds and docs are made from."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from hashlib import sha256
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.quality.sample import Floats, Sample
from engine.thresholds import Thresholds, ThresholdSpec, switch, threshold

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]

SESSION_ROW = -1  # the position that stands for the whole session


class Scope(StrEnum):
    """What a check looks at."""

    FILE = "file"  # the file as it came: header and lines
    ROW = "row"  # a row by itself
    SYMBOL = "symbol"  # a row against its symbol's own past
    SESSION = "session"  # all rows of the session together
    CROSS_SOURCE = "cross_source"  # against what is published beside the daily file


class Severity(StrEnum):
    """What a finding does."""

    WARN = "warn"  # the row passes with a flag
    ERROR = "error"  # the row is set aside; of a whole session: the session is blocked


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of a score: a score above it is a finding. Where `low` is `high` it cannot be turned."""

    default: float
    low: float
    high: float
    step: float = 1.0

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to turn."""
        return self.low == self.high


ANY = Limit(0.0, 0.0, 0.0)  # whatever is found at all


@dataclass(frozen=True, slots=True)
class Scores:
    """What a check found: of every row whose score lies above the lowest limit that can be chosen, and of no other.

    `rows` are positions in the sample (`SESSION_ROW`: the session as a whole), `score` is in the check's unit, `observed` and `bound` are
    what was compared, `explained` marks rows for which there is a good reason. `applicable` counts what could be judged at all;
    `note` says why nothing could, or what was seen.
    """

    rows: Positions
    score: Floats
    observed: Floats
    bound: Floats
    explained: Flags
    applicable: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, registered where it is written; its docstring is what people read."""

    id: str
    version: int
    scope: Scope
    unit: str
    warn_above: Limit | None
    error_above: Limit | None
    explanation: str | None  # what it means that a finding is explained
    function: Callable[[Sample], Scores]

    @property
    def summary(self) -> str:
        """The rule in words."""
        return " ".join((self.function.__doc__ or "").split())

    @property
    def severity(self) -> Severity:
        """The worst that it can do."""
        return Severity.WARN if self.error_above is None else Severity.ERROR

    @property
    def floor(self) -> float:
        """The lowest limit that can be chosen: no score at or below it is ever a finding."""
        return min(limit.low for limit in (self.warn_above, self.error_above) if limit is not None)

    def keys(self) -> Mapping[str, Limit]:
        """Return its limits by the key of their threshold."""
        limits = {f"{self.id}.warn_above": self.warn_above, f"{self.id}.error_above": self.error_above}
        return {key: limit for key, limit in limits.items() if limit is not None}

    def limits(self, thresholds: Thresholds) -> tuple[float, float]:
        """Return the scores above which it warns and above which it is an error; infinite where it never is, or is switched off."""
        if not thresholds[f"{self.id}.enabled"]:
            return np.inf, np.inf
        values = {key: limit.default if limit.fixed else thresholds[key] for key, limit in self.keys().items()}
        return values.get(f"{self.id}.warn_above", np.inf), values.get(f"{self.id}.error_above", np.inf)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All checks under one set of thresholds: for each, in the order of CHECKS, its limits and what tells this very rule from any other."""

    warn_above: Floats
    error_above: Floats
    fingerprints: tuple[str, ...]


def rule_book(thresholds: Thresholds) -> RuleBook:
    """Return the limits of every check under these thresholds."""
    return _rule_book(tuple(thresholds.values.items()))


@lru_cache(maxsize=64)
def _rule_book(turned: tuple[tuple[str, float], ...]) -> RuleBook:
    thresholds = Thresholds(dict(turned))
    limits = [check.limits(thresholds) for check in CHECKS.values()]
    rules = (f"{each.id}:{each.version}:{_source(each.function)}:{own}" for each, own in zip(CHECKS.values(), limits, strict=True))
    warn_above, error_above = np.array(limits).T
    return RuleBook(warn_above, error_above, tuple(sha256(rule.encode()).hexdigest() for rule in rules))


@cache
def _source(function: Callable[[Sample], Scores]) -> str:
    """Return the source of a rule; looking it up takes longer than judging a session."""
    return inspect.getsource(function)


_CHECKS: dict[str, Check] = {}
CHECKS: Mapping[str, Check] = MappingProxyType(_CHECKS)


def check(
    scope: Scope,
    *,
    unit: str,
    warn_above: Limit | None = None,
    error_above: Limit | None = None,
    explanation: str | None = None,
    version: int = 1,
) -> Callable[[Callable[[Sample], Scores]], Callable[[Sample], Scores]]:
    """Register a function as a check under its own name, with a switch and a threshold for each limit that can be turned.

    Refuses a name that is taken, a rule without words, and one without any limit.
    """

    def register(function: Callable[[Sample], Scores]) -> Callable[[Sample], Scores]:
        if not inspect.isfunction(function):
            raise UsageError(f"a check is a function with a name and words of its own, not {function!r}")
        name = function.__name__
        if name in _CHECKS:
            raise UsageError(f"two checks are called {name}")
        if not function.__doc__:
            raise UsageError(f"check {name} needs a docstring: it is what people read")
        if warn_above is None and error_above is None:
            raise UsageError(f"check {name} has no limit: it could find nothing")
        made = Check(name, version, scope, unit, warn_above, error_above, explanation, function)
        _CHECKS[name] = made
        switch(f"{name}.enabled", made.summary)
        for key, limit in made.keys().items():
            if not limit.fixed:
                threshold(ThresholdSpec(key, limit.default, limit.low, limit.high, limit.step, unit, made.summary))
        return function

    return register


def scores_of(
    sample: Sample,
    score: Floats,
    *,
    floor: float = 0.0,
    observed: Floats,
    bound: Floats | float,
    explained: Callable[[], Flags] | None = None,
) -> Scores:
    """Return the findings among a score a row: those above `floor`; a row whose score is NaN cannot be judged.

    `explained` is asked only where something was found.
    """
    rows = np.flatnonzero(score > floor)
    applicable = sample.size - int(np.count_nonzero(np.isnan(score)))
    if len(rows) == 0:
        return nothing(applicable)
    return picked(
        rows,
        score[rows],
        observed=observed[rows],
        bound=bound[rows] if isinstance(bound, np.ndarray) else bound,
        explained=explained()[rows] if explained is not None else None,
        applicable=applicable,
    )


def picked(
    rows: Positions,
    score: Floats,
    *,
    observed: Floats,
    bound: Floats | float,
    applicable: int,
    explained: Flags | None = None,
) -> Scores:
    """Return findings whose rows are known already."""
    count = len(rows)
    limits = bound if isinstance(bound, np.ndarray) else np.full(count, float(bound))
    reasons = np.zeros(count, bool) if explained is None else explained
    return Scores(rows.astype(np.int64, copy=False), score, observed, limits, reasons, applicable)


def nothing(applicable: int) -> Scores:
    """Return that nothing was found among so many rows."""
    return Scores(*_NOTHING, applicable)


def whole(score: float, *, observed: float, bound: float, explained: bool = False, note: str | None = None, floor: float = 0.0) -> Scores:
    """Return the one score of a whole session or file."""
    if score <= floor:
        return Scores(*_NOTHING, applicable=1, note=note)
    found = np.array([score]), np.array([float(observed)]), np.array([float(bound)])
    return Scores(np.array([SESSION_ROW]), *found, np.array([explained]), 1, note)


def not_applicable(why: str) -> Scores:
    """Return that nothing can be judged, and why."""
    return Scores(*_NOTHING, applicable=0, note=why)


_NOTHING = np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0), np.empty(0, bool)
