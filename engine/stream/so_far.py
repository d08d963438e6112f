"""A session as its log has it so far, second by second; read again and again, it takes only what has come since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import RLock

import numpy as np

from engine.market.rules import rules_on
from engine.stream.bars import Bars
from engine.stream.intake import Intake, Reason
from engine.stream.log import TickLog
from engine.stream.market_seconds import MarketSeconds, Seconds
from engine.stream.panes import Panes, SymbolPanes
from engine.stream.processor import LATENESS
from engine.stream.received import Decided, received
from engine.stream.ticks import SECOND, Floats, Symbols, Ticks, joined
from engine.stream.trailing import grouped
from engine.thresholds import snapshot

_AT_ONCE = 100_000  # records that are read at a time
Closes = Callable[[], Mapping[str, int]]  # the closes before, in paisa, of the symbols traded so far


@dataclass(slots=True)
class SoFar:
    """What the watermark has passed of a session; `decided` is what people have decided of its records, which only a closed one has."""

    log: TickLog
    session: date
    lateness_s: float
    closes: Closes
    decided: Decided = field(default_factory=Decided)
    panes: Panes = field(init=False)
    symbols: Symbols = field(init=False)
    records: int = 0
    closed: bool = False
    _intake: Intake = field(init=False)
    _market: MarketSeconds = field(init=False)
    _moves: list[Seconds] = field(default_factory=list)
    _known: Floats = field(init=False)
    _lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        lot = rules_on(self.session).board_lot
        self.panes, self._market = Panes(lot), MarketSeconds(lot)
        self.symbols = Symbols()
        self._intake = Intake(self.session, int(self.lateness_s * SECOND))
        self._known = np.full(0, np.nan)

    def refresh(self) -> "SoFar":
        """Take in what the log has got since; the errors are those of `TickLog.read`."""
        with self._lock:
            state = self.log.state(self.session)
            ready = []
            if self.decided != Decided() and not self.closed:
                ready.append(self._whole())
            while self.records < state.records:
                ready.append(self._next())
            if state.closed_at is not None and not self.closed:
                ready.append(self._intake.close().ticks)
                self.closed = True
            ticks = joined([part for part in ready if len(part)])
            if len(ticks):
                self._add(ticks.in_order())
            if self.closed:
                self._moves.append(self._market.close())
            return self

    def symbol(self, name: str) -> SymbolPanes:
        """Return the panes of a symbol; none where it was not traded."""
        with self._lock:
            code = self.symbols.names.index(name) if name in self.symbols.names else len(self.symbols)
            return self.panes.of(code)

    def bars(self, width: int, *, since: int = 0) -> Bars:
        """Return the bars of all symbols, as `Panes.bars` does."""
        with self._lock:
            return self.panes.bars(width, since=since)

    def seconds(self) -> Seconds:
        """Return where the whole market stood at the end of each second that is over."""
        with self._lock:
            if len(self._moves) > 1:
                self._moves = [Seconds(*(np.concatenate(columns) for columns in zip(*self._moves, strict=True)))]
            return self._moves[0] if self._moves else MarketSeconds(1).close()

    def _whole(self) -> Ticks:
        """Return what is in a session that is over, as people have decided."""
        records = self.log.whole(self.session)
        self.symbols, self.records, self.closed = records.symbols, len(records), True
        found = received(self.session, records, snapshot({LATENESS.key: self.lateness_s}, 0), self.decided)
        return records.ticks.take(found.reasons == Reason.ACCEPTED)

    def _next(self) -> Ticks:
        records = self.log.read(self.session, self.records, _AT_ONCE).records
        self.symbols = records.symbols
        there = np.ones(len(records), np.bool_)
        there[[it.row for it in records.unread]] = False
        self.records += len(records)
        return self._intake.take(records.ticks.take(there), records.ingest[there]).ticks

    def _add(self, ticks: Ticks) -> None:
        if len(self.symbols) > len(self._known):
            closes = self.closes()
            self._known = np.array([closes.get(name, np.nan) for name in self.symbols.names], np.float64)
        group = grouped(ticks)
        self.panes.add(group)
        self._moves.append(self._market.add(ticks, group, group.ticks.time // SECOND, self._known[group.ticks.symbol]))
