"""A source that fails is left alone by every run, thread and process, and found well again by exactly one call."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from engine.clock import FakeClock
from engine.errors import NoFile, SourceUnavailable, StageTimeout
from engine.pipeline import breaker
from engine.pipeline.breaker import Circuit
from engine.pipeline.context import SourceNotReady
from engine.pipeline.graph import Pipeline
from engine.pipeline.guard import Breaker, CircuitOpen, Guard
from engine.pipeline.ledger import wake_after_clock
from storage import breakers, runs, thresholds
from storage.database import open_database
from storage.status import CircuitState, RunStatus
from tests.pipeline.machine import DAY, NOW, Machine, Shelf
from tests.storage.databases import at_once

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
THREADS = 20
FILES = "files"


@pytest.fixture
def asking(trial: Pipeline) -> Pipeline:
    """A pipeline that asks its source for a file, and then does something else."""

    @trial.stage(attempts=4)
    def look(context) -> str:
        file = context.runtime.source.daily_file(context.day)
        if file is None:
            raise NoFile("there is none")
        return file.name

    @trial.stage()
    def after(look: str) -> str:
        return look

    return trial


@pytest.fixture
def down(machine: Machine, shelf: Shelf, asking) -> Machine:
    """A machine whose source fails."""
    shelf.files = {DAY + timedelta(days=number): b"x" for number in range(30)}
    shelf.failing = True
    return machine


def circuit(runtime) -> Circuit:
    with runtime.database.reading() as connection:
        return Circuit.of(breakers.one(connection, FILES))


def told(runtime) -> list[tuple[str, str]]:
    with runtime.database.reading() as connection:
        return [(row["state"], row["reason"]) for row in reversed(breakers.history(connection, FILES))]


def breaker_of(runtime) -> Breaker:
    return Breaker(runtime.database, runtime.clock, FILES)


def trip(runtime) -> Circuit:
    for _ in range(4):
        opened = breaker_of(runtime).failed(circuit(runtime).generation, SourceUnavailable("no answer"))
    return opened


def reset_by_hand(runtime) -> None:
    breaker_of(runtime).change(lambda circuit, _limits, now: breaker.reset(circuit, "mended", now=now))


def test_a_run_whose_source_fails_waits_for_the_probe_instead_of_failing(down, shelf):
    run_id = down.queue()

    assert down.work() is None
    row = down.run(run_id)
    assert (row["status"], row["waits"], row["available_at"]) == (RunStatus.QUEUED, 1, NOW + timedelta(seconds=30))
    assert row["reason"] == "the circuit of source files is open since 2025-06-01 18:00:00, next probe at 2025-06-01 18:00:30"
    assert [attempt["number"] for attempt in down.attempts(run_id)] == [1, 2, 3, 4]
    assert told(down.runtime) == [(OPEN, "4 calls in a row failed: the source did not answer")]


def test_while_it_is_open_no_run_calls_the_source_and_none_spends_a_try(down, shelf):
    down.queue()
    down.work()
    asked = len(shelf.asked)
    other = down.queue(DAY + timedelta(days=1))

    assert down.work() is None
    assert len(shelf.asked) == asked
    assert (down.run(other)["status"], down.attempts(other)) == (RunStatus.QUEUED, [])


def test_after_the_source_has_recovered_every_run_goes_on_by_itself_in_its_order(down, shelf, clock):
    ids = [down.queue(DAY + timedelta(days=number)) for number in range(3)]
    while down.claimable():
        down.work()
    shelf.failing = False
    clock.advance(timedelta(seconds=30))
    ended = []
    while down.claimable():
        ended.append(down.work())

    assert ended == [RunStatus.SUCCEEDED] * 3
    assert [down.run(run_id)["started_at"] is not None for run_id in ids] == [True] * 3
    assert shelf.asked[-3:] == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert [state for state, _ in told(down.runtime)] == [OPEN, HALF_OPEN, CLOSED]


def test_a_run_that_waits_for_the_next_probe_is_woken_when_the_circuit_is_closed_before_it(down, shelf, clock):
    down.queue()
    down.work()
    clock.advance(timedelta(seconds=30))
    down.work()  # the probe, which fails: the next is a minute later
    late = down.queue(DAY + timedelta(days=1))
    down.work()
    reset_by_hand(down.runtime)

    assert down.run(late)["available_at"] == clock.now()


def test_a_probe_that_fails_sends_its_run_back_to_the_queue_for_twice_as_long(down, clock):
    run_id = down.queue()
    down.work()
    clock.advance(timedelta(seconds=30))

    assert down.work() is None
    assert down.run(run_id)["available_at"] == clock.now() + timedelta(seconds=60)
    assert told(down.runtime)[1:] == [(HALF_OPEN, "one call probes it"), (OPEN, "the probe failed: the source did not answer")]
    assert len(down.attempts(run_id)) == 5


def test_a_source_that_recovers_between_tries_trips_nothing(machine, shelf, asking, monkeypatch):
    shelf.files = {DAY: b"x"}
    failing = iter([True, True, False])
    monkeypatch.setattr(Shelf, "failing", property(lambda _: next(failing), lambda _self, _value: None))
    run_id = machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED
    assert len(machine.attempts(run_id)) == 2
    assert (circuit(machine.runtime).state, circuit(machine.runtime).failures) == (CLOSED, 0)


def test_a_date_without_a_file_counts_as_an_answer(machine, asking):
    for number in range(6):
        machine.queue(DAY + timedelta(days=number))
        assert machine.work() is RunStatus.FAILED

    assert circuit(machine.runtime) == Circuit()


def test_a_stage_that_does_not_ask_the_source_runs_while_its_circuit_is_open(machine, two_stages):
    trip(machine.runtime)
    machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED


def test_a_slow_stage_is_the_sources_fault_only_while_it_waits_for_the_source(machine, trial, shelf):
    @trial.stage(attempts=4)
    def slow(context) -> int:
        context.runtime.source.daily_file(context.day)
        raise StageTimeout("a computation that takes too long")

    machine.queue()

    assert machine.work() is RunStatus.FAILED
    assert circuit(machine.runtime) == Circuit()


def test_a_restart_keeps_the_state(down, url):
    down.queue()
    down.work()
    database = open_database(url)  # as another process finds it
    found = Breaker(database, down.clock, FILES).ask()
    database.close()

    assert found.until == NOW + timedelta(seconds=30)


def test_a_run_of_a_calm_circuit_looks_at_it_once_and_writes_nothing(machine, shelf, asking, monkeypatch):
    shelf.files = {DAY: b"x"}
    looks = []
    monkeypatch.setattr(breakers, "calm", lambda _connection, name: looks.append(name) or 0)
    monkeypatch.setattr(breakers, "one", lambda *_: pytest.fail("the whole row was read"))
    machine.queue()

    assert machine.work() is RunStatus.SUCCEEDED
    assert looks == [FILES]


def test_answers_are_written_once_a_minute_and_with_the_next_failure(runtime, clock):
    mine = breaker_of(runtime)
    for _ in range(100):
        mine.answered(0, calm=True)
    nothing = circuit(runtime)
    clock.advance(timedelta(minutes=1))
    mine.answered(0, calm=True)
    minute = circuit(runtime)
    mine.answered(0, calm=True)
    mine.failed(0, SourceUnavailable("no answer"))

    assert nothing == Circuit()
    assert sum(answers for _, answers, _ in minute.recent) == 101
    assert [sum(piece[1:]) for piece in circuit(runtime).recent] == [101 + 2]


def test_a_success_resets_the_row_of_failures_at_once_for_every_process(runtime):
    breaker_of(runtime).failed(0, SourceUnavailable("no answer"))
    guard = Guard(Shelf(files={DAY: b"x"}), breaker_of(runtime), 1)
    guard.daily_file(DAY)

    assert circuit(runtime).failures == 0


def test_of_twenty_threads_one_probes_and_the_others_are_told_when_to_come_back(runtime, clock):
    opened = trip(runtime)
    clock.at = opened.probe_at
    source, together = Shelf(files={DAY: b"x"}), Barrier(THREADS)

    def ask(number: int) -> str:
        guard = Guard(source, breaker_of(runtime), number)
        together.wait()
        try:
            call = guard.breaker.ask(number)
        except CircuitOpen:
            return "refused"
        return "probes" if call.until is None else "refused"

    with ThreadPoolExecutor(THREADS) as pool:
        given = Counter(pool.map(ask, range(THREADS)))

    assert given == {"probes": 1, "refused": THREADS - 1}
    assert [state for state, _ in told(runtime)] == [OPEN, HALF_OPEN]


def test_while_another_probes_a_call_is_refused_with_that_as_the_reason(runtime, clock):
    clock.at = trip(runtime).probe_at
    breaker_of(runtime).ask(1)

    with pytest.raises(CircuitOpen, match=r"files is being probed since 2025-06-01 18:00:30, next probe at 2025-06-01 18:01:30"):
        Guard(Shelf(), breaker_of(runtime), 2).daily_file(DAY)


def _probe(number: int, url: str, at: datetime) -> bool:
    database = open_database(url)
    found = Breaker(database, FakeClock(at), FILES).ask(number)
    database.close()
    return found.until is None


def test_of_processes_that_ask_at_once_one_probes(runtime, url):
    opened = trip(runtime)
    runtime.database.pool.dispose()

    assert sum(at_once(4, _probe, url, opened.probe_at)) == 1


def _fail(_number: int, url: str, at: datetime) -> None:
    database = open_database(url)
    Breaker(database, FakeClock(at), FILES).failed(0, SourceUnavailable("no answer"))
    database.close()


def test_failures_that_processes_tell_at_once_are_all_counted_and_trip_once(runtime, url):
    runtime.database.pool.dispose()
    at_once(3, _fail, url, NOW)
    counted = circuit(runtime)
    runtime.database.pool.dispose()
    at_once(4, _fail, url, NOW)

    assert counted.failures == 3
    assert [state for state, _ in told(runtime)] == [OPEN]


@dataclass
class Slow(Shelf):
    """A source during whose call something else happens."""

    meanwhile: object = None

    def daily_file(self, day):
        self.meanwhile()
        return super().daily_file(day)


@pytest.mark.parametrize("failing", [False, True])
def test_a_slow_call_that_began_before_the_trip_does_not_close_what_was_opened_meanwhile(runtime, failing):
    source = Slow(files={DAY: b"x"}, failing=failing, meanwhile=lambda: trip(runtime))
    guard = Guard(source, breaker_of(runtime), 1, calm=0)
    try:
        guard.daily_file(DAY)
    except SourceUnavailable:
        assert isinstance(guard.waiting, SourceNotReady)

    assert (circuit(runtime).state, circuit(runtime).trips) == (OPEN, 1)


def test_a_limit_that_an_operator_changes_holds_from_the_next_call_on(runtime):
    with runtime.database.transaction() as connection:
        common = {"previous": 4, "changed_at": NOW, "changed_by": "a person", "reason": "a weak line"}
        thresholds.add_change(connection, key="breaker.failures", value=2, **common)

    assert [breaker_of(runtime).failed(0, SourceUnavailable("no answer")).state for _ in range(2)] == [CLOSED, OPEN]


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_jumps_by_a_day_holds_no_run_up_and_loses_none(down, shelf, clock, jump):
    run_id = down.queue()
    down.work()
    shelf.failing = False
    clock.advance(jump)
    wake_after_clock(down.runtime)

    assert down.work() is RunStatus.SUCCEEDED
    assert down.run(run_id)["status"] == RunStatus.SUCCEEDED
    assert circuit(down.runtime).state is CLOSED


def test_a_clock_that_was_not_set_back_wakes_nobody(down, clock):
    down.queue()
    down.work()
    clock.advance(timedelta(seconds=10))

    assert wake_after_clock(down.runtime) == 0


def test_a_run_that_waits_for_its_source_can_be_found_with_the_reason(down):
    run_id = down.queue()
    down.work()
    with down.runtime.database.reading() as connection:
        (row,) = runs.recent(connection, statuses=(RunStatus.QUEUED,), limit=5)

    assert (row["id"], row["reason"].startswith("the circuit of source files is open since")) == (run_id, True)


def test_a_circuit_is_each_sources_own(down, runtime):
    down.queue()
    down.work()
    other = replace(breaker_of(runtime), name="simulated")

    assert other.ask().until is None
