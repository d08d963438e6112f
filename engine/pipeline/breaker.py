"""When a source is called and when not: the state of its circuit, and what each call makes of it. Pure; the row is `storage/breakers.py`.

Closed, every call goes through. Too many failures, in a row or of all in a sliding window, open it: nobody calls until the next probe,
which is one call by one process. Answered, it closes the circuit; failed, the circuit stays open for twice as long, up to a limit.

Every change of state has a new generation number. A call carries the one that it began in, and says nothing of any other: one that was
slow cannot close what was opened meanwhile. No instant is believed to lie further ahead than this code can have put it: a clock that was
set back keeps no circuit open, and one that was set forward only has the probe come early.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.errors import DataError, FileUnsettled, NoFile
from engine.thresholds import Thresholds, ThresholdSpec, threshold
from storage.status import CircuitState
from storage.types import EPOCH, MICROSECOND

PROBE_LASTS = timedelta(seconds=60)  # longer than any stage may ask a source; then whoever made it is taken for dead
_SLICES = 10  # of the window: it slides by a tenth
Slice = tuple[int, int, int]  # begins (microseconds since 1970), answers, failures

FAILURES = threshold(
    ThresholdSpec(
        "breaker.failures",
        default=4,
        low=1,
        high=50,
        step=1,
        unit="calls",
        why="So many calls in a row without an answer, and a source is left alone for a while. "
        "Four are the tries of one stage: the date that finds a source dead waits for it and does not fail.",
    )
)
RATE = threshold(
    ThresholdSpec(
        "breaker.rate",
        default=50,
        low=5,
        high=100,
        step=5,
        unit="% of calls",
        why="A source that leaves so large a share of the calls in the window unanswered is left alone too, though some get through.",
    )
)
CALLS = threshold(
    ThresholdSpec(
        "breaker.calls",
        default=10,
        low=2,
        high=1000,
        step=1,
        unit="calls",
        why="With fewer calls in the window their share of failures says nothing.",
    )
)
WINDOW = threshold(
    ThresholdSpec(
        "breaker.window",
        default=600,
        low=60,
        high=86400,
        step=60,
        unit="seconds",
        why="How far back calls count for the share of failures.",
    )
)
OPEN = threshold(
    ThresholdSpec(
        "breaker.open_seconds",
        default=30,
        low=1,
        high=3600,
        step=1,
        unit="seconds",
        why="How long a source is left alone before one call probes it; twice as long after each probe that fails.",
    )
)
LONGEST = threshold(
    ThresholdSpec(
        "breaker.longest_seconds",
        default=900,
        low=1,
        high=86400,
        step=30,
        unit="seconds",
        why="However often probes failed, a source that is well again is found so within this time.",
    )
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a circuit opens, and for how long."""

    failures: int
    rate: float  # 0 to 1
    calls: int
    window: timedelta
    open_for: timedelta
    longest: timedelta

    @classmethod
    def of(cls, known: Thresholds) -> "Limits":
        """Take them from the thresholds."""
        times = (timedelta(seconds=known[spec.key]) for spec in (WINDOW, OPEN, LONGEST))
        return cls(int(known[FAILURES.key]), known[RATE.key] / 100, int(known[CALLS.key]), *times)

    def opened_for(self, trips: int) -> timedelta:
        """Return how long the circuit stays open after so many trips in a row."""
        return min(self.open_for * (1 << min(trips - 1, 20)), max(self.longest, self.open_for))


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of a source's circuit."""

    state: CircuitState = CircuitState.CLOSED
    generation: int = 0
    since: datetime = EPOCH
    failures: int = 0  # in a row
    trips: int = 0
    probe_at: datetime | None = None
    recent: tuple[Slice, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> "Circuit":
        """Return what a row of `breaker` says; a source without one never failed."""
        if row is None:
            return cls()
        recent = tuple((begins, answers, failures) for begins, answers, failures in row["recent"] or ())
        known = {name: row[name] for name in ("generation", "since", "failures", "trips", "probe_at")}
        return cls(state=CircuitState(row["state"]), recent=recent, **known)

    def as_row(self) -> dict[str, Any]:
        """Return the columns of its row."""
        return asdict(self)

    def counted(self, limits: Limits, now: datetime) -> tuple[int, int]:
        """Return how many calls of the window were answered, and how many failed."""
        kept = _within(self.recent, limits, now)
        return sum(answers for _, answers, _ in kept), sum(failures for _, _, failures in kept)

    def asks_again(self, now: datetime) -> datetime | None:
        """Return when the next probe may be made, now at the earliest; None while it is closed."""
        if self.probe_at is None:
            return None
        return now if now >= self.probe_at or now < self.since else self.probe_at


@dataclass(frozen=True, slots=True)
class Step:
    """A circuit after something happened to it, and what people are told of it where its state changed."""

    circuit: Circuit
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What a call finds: it may be made, in this generation (maybe as the probe), or not before `until`."""

    circuit: Circuit
    until: datetime | None = None

    @property
    def generation(self) -> int:
        """The generation that its result must carry."""
        return self.circuit.generation


def ask(circuit: Circuit, *, now: datetime) -> tuple[Step, Call]:
    """Ask for a call. Whoever makes the step that this returns, and no other, may make the probe."""
    again = circuit.asks_again(now)
    if again is None:
        return Step(circuit), Call(circuit)
    if again > now:
        return Step(circuit), Call(circuit, until=again)
    given_up = ", the one before having come to no end" if circuit.state is CircuitState.HALF_OPEN else ""
    probing = _turned(circuit, CircuitState.HALF_OPEN, now=now, probe_at=now + PROBE_LASTS)
    return Step(probing, f"one call probes it{given_up}"), Call(probing)


def answered(circuit: Circuit, generation: int, *, limits: Limits, now: datetime) -> Step:
    """Take note that a call was answered."""
    if generation != circuit.generation or circuit.state is CircuitState.OPEN:
        return Step(circuit)
    if circuit.state is CircuitState.HALF_OPEN:
        closed = _turned(circuit, CircuitState.CLOSED, now=now, probe_at=None, failures=0, recent=())
        return Step(closed, "the probe was answered")
    return Step(replace(counted(circuit, limits=limits, now=now, answers=1), failures=0))


def failed(circuit: Circuit, generation: int, why: str, *, limits: Limits, now: datetime) -> Step:
    """Take note that a call failed, and the source is to blame."""
    if generation != circuit.generation or circuit.state is CircuitState.OPEN:
        return Step(circuit)
    if circuit.state is CircuitState.HALF_OPEN:
        return _tripped(circuit, f"the probe failed: {why}", limits=limits, now=now)
    seen = replace(counted(circuit, limits=limits, now=now, failures=1), failures=circuit.failures + 1)
    answers, failures = seen.counted(limits, now)
    calls = answers + failures
    if seen.failures >= limits.failures:
        return _tripped(seen, f"{seen.failures} calls in a row failed: {why}", limits=limits, now=now)
    if calls >= limits.calls and failures >= limits.rate * calls:
        said = f"{failures} of {calls} calls within {limits.window.total_seconds() / 60:g} min failed: {why}"
        return _tripped(seen, said, limits=limits, now=now)
    return Step(seen)


def counted(circuit: Circuit, *, limits: Limits, now: datetime, answers: int = 0, failures: int = 0) -> Circuit:
    """Add calls to the window of a closed circuit; those that have left it, or come from a future that was taken back, are dropped."""
    if circuit.state is not CircuitState.CLOSED:
        return circuit
    kept, at = _within(circuit.recent, limits, now), (now - EPOCH) // MICROSECOND
    if kept and at - kept[-1][0] < limits.window // MICROSECOND // _SLICES:
        begins, answers_before, failures_before = kept[-1]
        return replace(circuit, recent=(*kept[:-1], (begins, answers_before + answers, failures_before + failures)))
    return replace(circuit, recent=(*kept, (at, answers, failures)))


def reset(circuit: Circuit, why: str, *, now: datetime) -> Step:
    """Close it by hand; what is on its way says nothing any more."""
    return Step(_turned(circuit, CircuitState.CLOSED, now=now, probe_at=None, failures=0, trips=0, recent=()), why)


def blames_the_source(error: BaseException) -> bool | None:
    """Say whether an error counts as a failure (True), as an answer (False), or as neither: it says nothing of the source."""
    if getattr(error, "source_fault", False) or isinstance(error, TimeoutError):
        return True
    return False if isinstance(error, DataError | NoFile | FileUnsettled) else None


def _tripped(circuit: Circuit, why: str, *, limits: Limits, now: datetime) -> Step:
    """Open it: for longer than the last time, unless it has been closed for a whole window since."""
    calm = circuit.state is CircuitState.CLOSED and now - circuit.since >= limits.window
    trips = 1 if calm else circuit.trips + 1
    return Step(_turned(circuit, CircuitState.OPEN, now=now, trips=trips, probe_at=now + limits.opened_for(trips)), why)


def _turned(circuit: Circuit, state: CircuitState, *, now: datetime, **changed: Any) -> Circuit:
    return replace(circuit, state=state, generation=circuit.generation + 1, since=now, **changed)


def _within(recent: tuple[Slice, ...], limits: Limits, now: datetime) -> tuple[Slice, ...]:
    last = (now - EPOCH) // MICROSECOND
    first = last - limits.window // MICROSECOND
    return tuple(piece for piece in recent if first < piece[0] <= last)
