"""The textbook's retry and circuit breaker (9.7) fail in these ways; each test, named after its defect, shows that ours do not."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from engine.clock import nepal_time
from engine.errors import SourceUnavailable, UsageError
from engine.pipeline import breaker, execution
from engine.pipeline.breaker import Circuit, Limits
from engine.pipeline.graph import Pipeline
from engine.pipeline.guard import Breaker, CircuitOpen, Guard
from engine.pipeline.retry import RetryPolicy
from engine.settings import SourceName
from engine.thresholds import snapshot
from storage import breakers, runs
from storage.status import CircuitState, RunStatus, Verdict
from tests.pipeline.machine import DAY, Shelf
from tests.pipelines.house import DAILY, SUNDAY, House, announced, daily_bytes, numbers

REPOSITORY = Path(__file__).resolve().parents[2]
LIMITS = Limits.of(snapshot({}, 0))
SUNDAY_NOON = nepal_time(SUNDAY, 12)


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "POLICY", RetryPolicy(first=timedelta(microseconds=10), longest=timedelta(microseconds=10)))
    built = announced(tmp_path)
    built.session(SUNDAY, 0)
    yield built
    built.runtime.database.close()


def answers_from_call(number: int, monkeypatch, house: House) -> list[object]:
    """Let the source of a house fail until call `number`; return where its calls are counted."""
    calls, real = [], type(house.runtime.source).daily_file

    def daily_file(source, day):
        calls.append(day)
        if len(calls) < number:
            raise SourceUnavailable("no answer")
        return real(source, day)

    monkeypatch.setattr(type(house.runtime.source), "daily_file", daily_file)
    return calls


def tripped(house: House) -> Circuit:
    circuit = Circuit()
    for _ in range(LIMITS.failures):
        circuit = Breaker(house.runtime.database, house.clock, "files").failed(0, SourceUnavailable("no answer"))
    return circuit


def test_e1_retry_and_breaker_can_be_imported_alone():
    for module in ("engine.pipeline.retry", "engine.pipeline.breaker", "engine.pipeline.guard"):
        done = subprocess.run([sys.executable, "-W", "error", "-c", f"import {module}"], cwd=REPOSITORY, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_e2_a_stage_is_called_at_least_once_and_no_attempts_are_refused():
    trial = Pipeline("trial", "For a test.")

    with pytest.raises(UsageError, match="at least one attempt"):
        trial.stage(attempts=0)(lambda: None)
    assert len(list(zip(RetryPolicy().tries(1), "x", strict=False))) == 1


def test_e3_attempts_are_calls_and_retries_are_one_fewer(house, monkeypatch):
    calls = answers_from_call(3, monkeypatch, house)
    run = house.run(SUNDAY)
    tries = house.read(runs.attempts_of, run["id"])
    (stage, *_) = house.read(runs.stages_of, run["id"])

    assert (run["status"], len(tries), stage["attempts"]) == (RunStatus.SUCCEEDED, 2, 3)
    assert len(calls) == 3 + 1  # and one of the next stage


def test_e4_bad_data_is_tried_once_and_becomes_a_dead_letter(house):
    house.put(SUNDAY, daily_bytes(numbers(0), header=["What", "is", "this"]))
    run = house.run(SUNDAY)

    assert (run["error_type"], len(house.read(runs.attempts_of, run["id"]))) == ("UnreadableFile", 1)


def test_e5_waits_are_short_spread_capped_and_recorded_and_long_ones_hold_no_worker(house, monkeypatch):
    policy = RetryPolicy()
    answers_from_call(99, monkeypatch, house)
    run = house.run(SUNDAY)

    assert max(policy.wait(40) for _ in range(200)) <= policy.longest.total_seconds() == 5
    assert min(policy.wait(40) for _ in range(200)) < 1
    assert (run["status"], run["available_at"] - house.clock.now()) == (RunStatus.QUEUED, timedelta(seconds=30))
    assert all(row["wait_us"] is not None for row in house.read(runs.attempts_of, run["id"]))


def test_e6_a_coroutine_is_no_stage_because_nobody_would_see_its_errors():
    async def fetch() -> int:
        return 1

    with pytest.raises(UsageError, match="plain function"):
        Pipeline("trial", "For a test.").stage()(fetch)


def test_e7_of_eight_callers_one_probes(house):
    house.clock.at = tripped(house).probe_at
    together = Barrier(8)

    def call(number: int) -> str:
        guard = Guard(Shelf(files={DAY: b"x"}), Breaker(house.runtime.database, house.clock, "files"), number)
        together.wait()
        return "refused" if guard.breaker.ask(number).until else "probe"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(call, range(8))) == {"probe": 1, "refused": 7}


def test_e8_a_slow_call_of_before_the_trip_does_not_close_the_circuit(house):
    tripped(house)
    Breaker(house.runtime.database, house.clock, "files").answered(0)

    assert Circuit.of(house.read(breakers.one, "files")).state is CircuitState.OPEN


def test_e9_half_of_all_calls_failing_opens_the_circuit():
    circuit, calls = Circuit(), 0
    now = SUNDAY_NOON
    while circuit.state is CircuitState.CLOSED and calls < 1000:
        step = breaker.failed if calls % 2 else breaker.answered
        said = ("no answer",) if calls % 2 else ()
        circuit = step(circuit, circuit.generation, *said, limits=LIMITS, now=now).circuit
        calls += 1

    assert (circuit.state, calls) == (CircuitState.OPEN, 10)


def test_e10_an_open_circuit_has_an_error_of_its_own_and_no_clock_holds_it(house):
    circuit = tripped(house)
    guard = Guard(Shelf(), Breaker(house.runtime.database, house.clock, "files"), 1)

    with pytest.raises(CircuitOpen, match=r"the circuit of source files is open since .*, next probe at"):
        guard.daily_file(DAY)
    assert breaker.ask(circuit, now=circuit.since - timedelta(days=1))[1].until is None
    assert breaker.blames_the_source(ValueError("a mistake in code")) is None


def test_the_simulated_exchanges_timeouts_recover_through_retry_and_trip_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "POLICY", RetryPolicy(first=timedelta(microseconds=10), longest=timedelta(microseconds=10)))
    house = House(tmp_path, kind=SourceName.SIMULATED)
    last = house.runtime.source.span()[1]
    house.backfill(last - timedelta(days=45), last)  # more than one block of six weeks: at least one timeout
    found = [row for day in range(46) if (row := house.read(runs.newest_of, DAILY, last - timedelta(days=day)))]
    tries = [attempt for row in found for attempt in house.read(runs.attempts_of, row["id"])]

    assert {attempt["error_type"] for attempt in tries} >= {"SourceUnavailable"}
    assert [row["id"] for row in found if row["error_type"] == "SourceUnavailable"] == []
    assert house.read(breakers.history, "simulated") == []
    assert Verdict.SESSION in {row["verdict"] for row in found}
    house.runtime.database.close()
