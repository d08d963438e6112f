"""What is known of the circuits of the sources; the console and the command line read the same."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.pipeline.breaker import Circuit, Limits
from engine.pipeline.guard import limits_now
from engine.runtime import Runtime
from storage import breakers, runs
from storage.status import CircuitState

LAST = 8  # events that are shown


@dataclass(frozen=True, slots=True)
class CircuitEvent:
    """One change of a circuit, and why."""

    at: datetime
    state: CircuitState
    reason: str
    run_id: int | None


@dataclass(frozen=True, slots=True)
class CircuitReport:
    """How the circuit of a source stands."""

    source: str
    state: CircuitState
    since: datetime | None  # None: it never failed
    failures_in_a_row: int
    failures: int  # within the window
    calls: int
    window: timedelta
    probe_at: datetime | None
    waiting: int  # runs in the queue that wait for the source
    events: tuple[CircuitEvent, ...]


def report(runtime: Runtime) -> CircuitReport:
    """Return how the circuit of the source in use stands, with its last events."""
    with runtime.database.reading() as connection:
        return _report(connection, runtime.source.name, limits_now(connection), runtime.clock.now())


def reports(runtime: Runtime) -> list[CircuitReport]:
    """Return every circuit there is, and that of the source in use."""
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        names = {row["name"] for row in breakers.every(connection)} | {runtime.source.name}
        limits = limits_now(connection)
        return [_report(connection, name, limits, now) for name in sorted(names)]


def _report(connection: Connection, name: str, limits: Limits, now: datetime) -> CircuitReport:
    row = breakers.one(connection, name)
    circuit = Circuit.of(row)
    answers, failures = circuit.counted(limits, now)
    return CircuitReport(
        source=name,
        state=circuit.state,
        since=circuit.since if row and circuit.generation else None,
        failures_in_a_row=circuit.failures,
        failures=failures,
        calls=answers + failures,
        window=limits.window,
        probe_at=circuit.asks_again(now),
        waiting=runs.waiting_for(connection, name),
        events=tuple(
            CircuitEvent(event["at"], CircuitState(event["state"]), event["reason"], event["run_id"])
            for event in breakers.history(connection, name, limit=LAST)
        ),
    )
