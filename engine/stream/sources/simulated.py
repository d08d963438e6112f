"""The simulated exchange as a stream: today's session as it happens, an earlier one as a replay, with faults at documented rates."""

from datetime import date
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from engine.clock import Clock, nepal_date
from engine.market.money import paisa
from engine.sources.simulated import SimulatedExchange
from engine.stream.sources.damage import DEFAULT_TICK_FAULTS, Damaged, TickFaults, damaged
from engine.stream.sources.schedule import Pace, ScheduledReader
from engine.stream.sources.source import Sleep
from engine.stream.ticks import Symbols, Ticks


class SimulatedTicks:
    """A `TickSource` over a `SimulatedExchange`; what it sends depends on seed, faults and date alone.

    Without the records that the faults add, a session's ticks add up to the exchange's own daily file. About one session in 150 is
    halted by the index and ends after forty minutes.
    """

    name: ClassVar[str] = "simulated"
    simulated: ClassVar[bool] = True
    continuous: ClassVar[bool] = False

    def __init__(
        self,
        exchange: SimulatedExchange,
        clock: Clock,
        sleep: Sleep,
        *,
        speed: float | None,
        faults: TickFaults = DEFAULT_TICK_FAULTS,
    ) -> None:
        self._exchange, self._faults = exchange, faults
        self._clock, self._sleep, self._speed = clock, sleep, speed

    def open(self, session: date, position: str | None) -> ScheduledReader:
        """Return a reader of a session; one of a day without a session has ended already."""
        live = session >= nepal_date(self._clock.now())
        pace = Pace(self._clock, self._sleep, 1.0 if live else self._speed)
        records = self.sent(session).records
        return ScheduledReader(records, pace, of=f"{self._exchange.seed}-{len(records)}", position=position, live=live)

    def sent(self, session: date) -> Damaged:
        """Return all that is sent of a session, from its first tick to its last, past or to come."""
        symbols = Symbols()
        ticks = ticks_of_table(self._exchange.all_ticks(session), symbols)
        return damaged(ticks, symbols, self._faults, seed=self._exchange.seed, key=session.toordinal())


def ticks_of_table(table: pa.Table, symbols: Symbols) -> Ticks:
    """Return a table of the simulated exchange (`TICK_SCHEMA`) as ticks, its symbols by codes of `symbols`."""
    words = table["symbol"].combine_chunks().dictionary_encode()
    codes = symbols.codes(words.dictionary.to_pylist())
    return Ticks(
        table["contract_id"].to_numpy().copy(),
        pc.cast(table["time"], "int64").to_numpy().copy(),
        codes[words.indices.to_numpy()],
        table["quantity"].to_numpy().copy(),
        paisa(table["rate"]).copy(),
    )
