"""Stands between stages and their source: asks the source's circuit breaker before each call, and tells it what came of the call.

While a circuit is calm a call costs no look at the database: the run has read at its beginning that it is so. Answers are counted in
memory and written at most once a minute, or with the next failure; all else is a compare-and-swap on the circuit's row, which every process
shares.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from engine.clock import NEPAL, Clock
from engine.market.reference import Reference
from engine.pipeline import breaker
from engine.pipeline.breaker import Call, Circuit, Limits, Step
from engine.pipeline.context import SourceNotReady
from engine.pipeline.interrupts import uninterrupted
from engine.sources.source import Source, SourceFile
from engine.thresholds import snapshot
from storage import breakers, moves, thresholds
from storage.breakers import ASK
from storage.database import Database
from storage.status import CircuitState

Decide = Callable[[Circuit, Limits, datetime], Step]
WRITE_ANSWERS = timedelta(minutes=1)


class CircuitOpen(SourceNotReady):
    """The source is left alone: the run waits in the queue for the next probe."""

    def __init__(self, name: str, circuit: Circuit, *, until: datetime) -> None:
        since = circuit.since.astimezone(NEPAL)
        probe = until.astimezone(NEPAL)
        word = "being probed" if circuit.state is CircuitState.HALF_OPEN else "open"
        super().__init__(
            f"the circuit of source {name} is {word} since {since:%Y-%m-%d %H:%M:%S}, next probe at {probe:%Y-%m-%d %H:%M:%S}", until=until
        )


def limits_now(connection: Connection) -> Limits:
    """Return the limits as they stand; a circuit is no run's alone, and keeps no snapshot."""
    version = thresholds.version(connection)
    return Limits.of(snapshot(thresholds.values_at(connection, version), version))


def take_step(connection: Connection, name: str, decide: Decide, *, now: datetime, run_id: int | None = None) -> Circuit | None:
    """Make a step from the circuit as it is, with its event; return the circuit behind it, or None where another process was faster."""
    row = breakers.one(connection, name)
    before = Circuit.of(row)
    step = decide(before, limits_now(connection), now)
    if step.circuit == before:
        return before
    if not breakers.swap(connection, name, row["version"] if row else None, step.circuit.as_row()):
        return None
    if step.said is not None:
        breakers.add_event(connection, name=name, at=now, state=step.circuit.state, reason=step.said, run_id=run_id)
        if step.circuit.state is CircuitState.CLOSED:
            moves.wake(connection, name, at=now)
    return step.circuit


@dataclass(slots=True)
class Breaker:
    """The circuit of one source as this process deals with it."""

    database: Database
    clock: Clock
    name: str
    answers: int = 0  # of calm calls, not yet written
    counted_since: datetime | None = None

    def ask(self, run_id: int | None = None) -> Call:
        """Ask for a call, looking at the row; whoever is given the probe is the only one."""
        with self.database.reading() as connection:
            step, call = breaker.ask(Circuit.of(breakers.one(connection, self.name)), now=self.clock.now())
        if step.said is None:
            return call
        found: list[Call] = []

        def take(circuit: Circuit, _limits: Limits, now: datetime) -> Step:
            step, call = breaker.ask(circuit, now=now)
            found.append(call)
            return step

        self.change(take, run_id)
        return found[-1]

    def answered(self, generation: int, run_id: int | None = None, *, calm: bool = False) -> None:
        """Tell that a call was answered; of a `calm` circuit that is only counted."""
        now = self.clock.now()
        if calm:
            self.answers += 1
            self.counted_since = self.counted_since or now
            if timedelta(0) <= now - self.counted_since < WRITE_ANSWERS:
                return
            self.change(self._with_answers, run_id)
            return
        self.change(lambda circuit, limits, now: breaker.answered(circuit, generation, limits=limits, now=now), run_id)

    def failed(self, generation: int, error: BaseException, run_id: int | None = None) -> Circuit:
        """Tell that a call failed; return what the circuit is now."""

        def take(circuit: Circuit, limits: Limits, now: datetime) -> Step:
            seen = self._with_answers(circuit, limits, now).circuit
            return breaker.failed(seen, generation, str(error), limits=limits, now=now)

        return self.change(take, run_id)

    def change(self, decide: Decide, run_id: int | None = None) -> Circuit:
        """Make a step that `decide` takes from the circuit as it is; decided anew where another process was faster."""
        while True:
            with self.database.transaction() as connection:
                circuit = take_step(connection, self.name, decide, now=self.clock.now(), run_id=run_id)
            if circuit is not None:
                self.answers, self.counted_since = 0, None
                return circuit

    def _with_answers(self, circuit: Circuit, limits: Limits, now: datetime) -> Step:
        return Step(breaker.counted(circuit, limits=limits, now=now, answers=self.answers) if self.answers else circuit)


@dataclass(slots=True)
class Guard:
    """A source whose daily files are asked for through its circuit; what it keeps beside them is never refused."""

    source: Source
    breaker: Breaker
    run_id: int
    calm: int = ASK  # the circuit's generation while it lets everything through, as the run last saw it
    waiting: CircuitOpen | None = None  # what a run whose call failed should do, if the circuit is open by now
    known: Reference | None = None  # what stood beside the files when the run first asked
    name: str = field(init=False)
    simulated: bool = field(init=False)

    def __post_init__(self) -> None:
        self.name, self.simulated = self.source.name, self.source.simulated

    def daily_file(self, day: date) -> SourceFile | None:
        """Return the file of the source; raises `CircuitOpen` instead of asking for it while its circuit is open."""
        self.waiting = None
        calm, generation = self.calm != ASK, self.calm
        if not calm:
            with uninterrupted():
                call = self.breaker.ask(self.run_id)
            if call.until is not None:
                raise CircuitOpen(self.name, call.circuit, until=call.until)
            generation = call.generation
        try:
            file = self.source.daily_file(day)
        except Exception as error:
            self._tell(error, generation, calm=calm)
            raise
        with uninterrupted():
            self.breaker.answered(generation, self.run_id, calm=calm)
        return file

    def span(self) -> tuple[date, date] | None:
        """Return the first and the last date of the source."""
        return self.source.span()

    def reference(self) -> Reference:
        """Return what the source knows beside the daily files: the same to all stages that run in one go."""
        if self.known is None:
            self.known = self.source.reference()
        return self.known

    def _tell(self, error: Exception, generation: int, *, calm: bool) -> None:
        """Tell the circuit of an error, as far as it says something of the source."""
        blamed = breaker.blames_the_source(error)
        with uninterrupted():
            if blamed is False:
                self.breaker.answered(generation, self.run_id, calm=calm)
            elif blamed:
                self.calm = ASK
                now = self.breaker.failed(generation, error, self.run_id)
                if (until := now.asks_again(self.breaker.clock.now())) is not None:
                    self.waiting = CircuitOpen(self.name, now, until=until)
