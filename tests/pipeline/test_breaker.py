"""A circuit opens when its source fails, lets one call probe it, and is fooled by no slow call and no clock."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import DataError, NoFile, SourceMisconfigured, SourceUnavailable, StageCancelled, StageTimeout
from engine.pipeline import breaker
from engine.pipeline.breaker import PROBE_LASTS, Circuit, Limits
from engine.thresholds import snapshot
from storage.status import CircuitState

NOW = datetime(2025, 6, 1, 12, 15, tzinfo=UTC)
LIMITS = Limits.of(snapshot({}, 0))
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def fail(circuit: Circuit, times: int = 1, *, at: datetime = NOW, generation: int | None = None, limits: Limits = LIMITS) -> Circuit:
    for _ in range(times):
        began_in = circuit.generation if generation is None else generation
        circuit = breaker.failed(circuit, began_in, "no answer", limits=limits, now=at).circuit
    return circuit


def answer(circuit: Circuit, *, at: datetime = NOW, generation: int | None = None) -> Circuit:
    return breaker.answered(circuit, circuit.generation if generation is None else generation, limits=LIMITS, now=at).circuit


def probing(circuit: Circuit, at: datetime) -> Circuit:
    step, call = breaker.ask(circuit, now=at)
    assert call.until is None
    return step.circuit


def test_a_circuit_that_never_failed_lets_every_call_through():
    step, call = breaker.ask(Circuit(), now=NOW)

    assert (step.circuit, call.until, call.generation) == (Circuit(), None, 0)


def test_four_failures_in_a_row_open_it_for_half_a_minute():
    opened = fail(Circuit(), 4)

    assert [fail(Circuit(), times).state for times in (1, 2, 3, 4)] == [CLOSED, CLOSED, CLOSED, OPEN]
    assert opened.probe_at == NOW + timedelta(seconds=30)
    assert breaker.ask(opened, now=NOW + 29 * SECOND)[1].until == opened.probe_at


def test_an_answer_between_begins_the_row_anew():
    assert fail(answer(fail(Circuit(), 3)), 3).state is CLOSED


def test_half_of_the_calls_failing_opens_it_though_none_fails_twice():
    circuit, calls = Circuit(), 0
    while circuit.state is CLOSED:
        circuit = fail(answer(circuit, at=NOW + calls * SECOND), at=NOW + calls * SECOND)
        calls += 2

    assert calls == LIMITS.calls


def test_failures_that_have_left_the_window_count_no_more():
    circuit = Circuit()
    for number in range(40):
        circuit = fail(answer(circuit, at=NOW + number * 2 * timedelta(minutes=2)), at=NOW + number * 2 * timedelta(minutes=2))

    assert circuit.state is CLOSED
    assert sum(circuit.counted(LIMITS, NOW + 78 * timedelta(minutes=2))) <= LIMITS.calls


def test_a_probe_that_is_answered_closes_it_and_begins_with_an_empty_window():
    opened = fail(Circuit(), 4)
    half = probing(opened, opened.probe_at)
    closed = answer(half, at=opened.probe_at)

    assert (half.state, closed.state, closed.failures, closed.recent) == (HALF_OPEN, CLOSED, 0, ())


def test_while_one_call_probes_no_other_goes_through():
    opened = fail(Circuit(), 4)
    half = probing(opened, opened.probe_at)

    assert breaker.ask(half, now=opened.probe_at + SECOND)[1].until == opened.probe_at + PROBE_LASTS


def test_a_probe_that_came_to_no_end_is_followed_by_another():
    opened = fail(Circuit(), 4)
    half = probing(opened, opened.probe_at)
    again = probing(half, opened.probe_at + PROBE_LASTS)

    assert again.generation == half.generation + 1
    assert answer(again, generation=half.generation) == again


def test_each_probe_that_fails_doubles_the_time_up_to_a_limit():
    circuit, at, lasted = fail(Circuit(), 4), NOW, []
    for _ in range(8):
        lasted.append((circuit.probe_at - at).total_seconds())
        at = circuit.probe_at
        circuit = fail(probing(circuit, at), at=at)

    assert lasted == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_source_that_falls_again_soon_after_it_came_back_is_left_alone_for_longer():
    opened = fail(Circuit(), 4)
    closed = answer(probing(opened, opened.probe_at), at=opened.probe_at)

    assert fail(closed, 4, at=opened.probe_at + SECOND).trips == 2
    assert fail(closed, 4, at=opened.probe_at + LIMITS.window).trips == 1


def test_a_slow_call_of_before_the_trip_neither_closes_it_nor_counts_when_it_is_closed_again():
    before = Circuit()
    opened = fail(before, 4)
    half = probing(opened, opened.probe_at)
    closed = answer(half, at=opened.probe_at)

    for circuit in (opened, half, closed):
        assert answer(circuit, generation=before.generation) == circuit
        assert fail(circuit, 9, generation=before.generation) == circuit


@pytest.mark.parametrize("jump", [-DAY, -SECOND * 31])
def test_a_clock_that_was_set_back_does_not_hold_it_open(jump):
    opened = fail(Circuit(), 4)

    assert probing(opened, NOW + jump).state is HALF_OPEN


def test_a_clock_that_was_set_forward_closes_nothing_without_an_answer():
    opened = fail(Circuit(), 4)
    half = probing(opened, NOW + DAY)

    assert half.state is HALF_OPEN
    assert fail(half, at=NOW + DAY).state is OPEN
    assert probing(half, NOW).state is HALF_OPEN  # and back: the probe of tomorrow holds nobody up


def test_calls_of_a_future_that_was_taken_back_are_not_in_the_window():
    ahead = fail(answer(Circuit(), at=NOW + DAY), at=NOW + DAY)

    assert ahead.counted(LIMITS, NOW) == (0, 0)
    assert fail(ahead, 2, at=NOW).counted(LIMITS, NOW) == (0, 2)


def test_a_reset_closes_it_and_what_is_on_its_way_says_nothing_any_more():
    opened = fail(Circuit(), 4)
    half = probing(opened, opened.probe_at)
    closed = breaker.reset(half, "the line was mended", now=NOW).circuit

    assert (closed.state, closed.trips, closed.failures) == (CLOSED, 0, 0)
    assert fail(closed, generation=half.generation) == closed


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (SourceUnavailable("no answer"), True),
        (StageTimeout("too slow"), True),
        (TimeoutError("too slow"), True),
        (NoFile("none"), False),
        (DataError("torn"), False),
        (SourceMisconfigured("no folder"), None),
        (StageCancelled("by a person"), None),
        (ValueError("a mistake in code"), None),
    ],
)
def test_only_what_the_source_is_to_blame_for_counts(error, blamed):
    assert breaker.blames_the_source(error) is blamed


def test_the_limits_are_those_that_an_operator_sets():
    limits = Limits.of(snapshot({"breaker.failures": 2, "breaker.open_seconds": 5, "breaker.longest_seconds": 8}, 1))
    opened = fail(Circuit(), 2, limits=limits)

    assert opened.probe_at == NOW + 5 * SECOND
    assert [limits.opened_for(trips).total_seconds() for trips in (1, 2, 3, 400)] == [5, 8, 8, 8]


def test_a_row_and_back_is_the_same_circuit():
    for circuit in (Circuit(), fail(Circuit(), 3), fail(Circuit(), 4), probing(fail(Circuit(), 4), NOW + DAY)):
        row = circuit.as_row()
        assert Circuit.of(row | {"recent": [list(piece) for piece in row["recent"]]}) == circuit


@dataclass
class Model:
    """A circuit as simple as it can be said: every call of the window in a list, and what was opened when."""

    state: str = "closed"
    number: int = 0
    since: datetime = NOW
    row: int = 0
    trips: int = 0
    until: datetime = NOW
    calls: list[tuple[datetime, bool]] = field(default_factory=list)

    def turn(self, state: str, now: datetime) -> None:
        self.state, self.number, self.since = state, self.number + 1, now

    def trip(self, now: datetime) -> None:
        calm = self.state == "closed" and (self.number == 0 or now - self.since >= LIMITS.window)
        self.trips = 1 if calm else self.trips + 1
        self.turn("open", now)
        self.until = now + min(timedelta(seconds=30 * 2 ** (self.trips - 1)), timedelta(seconds=900))

    def fail(self, now: datetime) -> None:
        if self.state == "half_open":
            self.trip(now)
            return
        self.row += 1
        self.calls.append((now, False))
        seen = [good for at, good in self.calls if now - LIMITS.window < at]
        if self.row >= 4 or (len(seen) >= 10 and seen.count(False) * 2 >= len(seen)):
            self.trip(now)

    def answer(self, now: datetime) -> None:
        if self.state == "half_open":
            self.turn("closed", now)
            self.calls = []
        else:
            self.calls.append((now, True))
        self.row = 0


class CircuitMachine(RuleBasedStateMachine):
    """Any order of calls, answers, failures and waits: the circuit does as the model says.

    Time goes in whole slices of the window, so that the circuit, which counts by slices, and the model, which counts calls, see the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.circuit, self.model = Circuit(), Model()
        self.under_way: list[int] = []  # generations of calls that have not come back

    @rule(slices=st.integers(1, 12))
    def wait(self, slices):
        self.now += slices * LIMITS.window / 10

    @rule()
    def wait_for_the_probe(self):
        self.now = max(self.now, self.model.until)

    @rule()
    def call(self):
        step, call = breaker.ask(self.circuit, now=self.now)
        refused = self.model.state != "closed" and self.now < self.model.until
        assert (call.until is not None) == refused
        if not refused and self.model.state != "closed":
            self.model.turn("half_open", self.now)
            self.model.until = self.now + PROBE_LASTS
        self.circuit = step.circuit
        if not refused:
            self.under_way.append(call.generation)

    @precondition(lambda self: self.under_way)
    @rule(good=st.booleans(), data=st.data())
    def come_back(self, good, data):
        generation = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if generation == self.model.number:
            (self.model.answer if good else self.model.fail)(self.now)
        if good:
            self.circuit = answer(self.circuit, at=self.now, generation=generation)
        else:
            self.circuit = fail(self.circuit, at=self.now, generation=generation)

    @rule()
    def reset(self):
        self.circuit = breaker.reset(self.circuit, "by hand", now=self.now).circuit
        self.model.turn("closed", self.now)
        self.model.row, self.model.trips, self.model.calls = 0, 0, []

    @invariant()
    def the_circuit_is_what_the_model_says(self):
        assert (self.circuit.state.value, self.circuit.generation) == (self.model.state, self.model.number)
        assert (self.circuit.failures if self.circuit.state is CLOSED else 0) == (self.model.row if self.model.state == "closed" else 0)

    @invariant()
    def no_more_is_kept_than_the_window_holds(self):
        assert len(self.circuit.recent) <= 11


CircuitMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestCircuit = CircuitMachine.TestCase


def test_a_window_never_holds_more_than_its_slices_however_often_it_is_asked():
    circuit = Circuit()
    for number in range(5000):
        circuit = replace(answer(circuit, at=NOW + number * SECOND), failures=0)

    assert len(circuit.recent) <= 11
