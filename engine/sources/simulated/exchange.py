"""The simulated exchange as a source of daily files, ticks and reference data."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import numpy as np
import pyarrow as pa

from engine.clock import Clock, nepal_date, nepal_time
from engine.errors import SourceUnavailable
from engine.market.reference import AnnouncedDay, ControlTotals, IndexDay, Reference, Security
from engine.market.rules import rules_on
from engine.sources.simulated.bits import Stream, part, raw_bits
from engine.sources.simulated.daily_table import DailyTable, daily_table, layout_on, other_layout
from engine.sources.simulated.damage import handful, unknown_header, with_bad_rows
from engine.sources.simulated.days import EPOCH, block_of, closed_day, is_session
from engine.sources.simulated.faults import DEFAULT_FAULTS, ROW_FAULTS, FaultKind, Faults, faults_on
from engine.sources.simulated.listings import SECTORS
from engine.sources.simulated.market import Market, Session
from engine.sources.simulated.ticks import TICK_SCHEMA, ticks_of
from engine.sources.source import SourceFile

_PUBLISHED = (15, 15)  # Nepal time; the site shows the final table a quarter of an hour after the close
_BAD_ROWS = tuple(kind for kinds in ROW_FAULTS for kind in kinds)


class Holding(StrEnum):
    """What a daily file really holds."""

    SESSION = "session"  # the session of its own date
    REPEAT = "repeat"  # a closed day: the last session once more
    LATE = "late"  # a closed day: the last session, whose own file was missing or torn
    PARTIAL = "partial"  # a handful of rows of the session of its date
    UNKNOWN_LAYOUT = "unknown_layout"  # the session of its date, under column names never seen
    NOTHING = "nothing"  # there is no file


@dataclass(frozen=True, slots=True)
class Truth:
    """What the simulator knows of the file of one date, and no reader does."""

    holds: Holding
    session: date | None  # the session whose numbers are in the file
    faults: frozenset[FaultKind]


class SimulatedExchange:
    """A seeded market behind the `Source` protocol; the bytes of a date depend on seed, faults and number of symbols alone.

    Files are published at 15:15 Nepal time and never change. About 5,000 to 9,000 trades a session, a tenth of the real exchange.
    `Close` is always the last price, also in the months in which the real exchange published an average. With far fewer than 340
    symbols the bad rows are a large share of a file.
    """

    name = "simulated"
    simulated = True

    def __init__(self, *, seed: int, clock: Clock, faults: Faults = DEFAULT_FAULTS, symbols: int = 340) -> None:
        self._seed, self._clock, self._faults = seed, clock, faults
        self._market = Market(seed=seed, symbols=symbols)
        self._calls: dict[date, int] = {}
        self._reference: tuple[date, Reference] | None = None
        # A closed day asks again for the session before it.
        self._table = lru_cache(maxsize=8)(self._written)

    def span(self) -> tuple[date, date] | None:
        """Return the epoch and the last date whose file is published; None before the first is."""
        last = self._last_published()
        return None if last < EPOCH else (EPOCH, last)

    def daily_file(self, day: date) -> SourceFile | None:
        """Return the file of `day`, or None where there is none (yet).

        Raises `SourceUnavailable` on the first calls for a date with a timeout.
        """
        if not EPOCH <= day <= self._last_published():
            return None
        self._answer(day)
        truth = self.truth(day)
        if truth.session is None:
            return None
        lines, header = self._lines(day, truth)
        return SourceFile(f"{day:%Y_%m_%d}.csv", "\n".join([",".join(header), *lines, ""]).encode("ascii"))

    @property
    def seed(self) -> int:
        """What everything is drawn from."""
        return self._seed

    def ticks(self, day: date) -> pa.Table:
        """Return the trades of `day` up to the clock's instant, in order of (time, contract_id); empty on a closed day (`TICK_SCHEMA`)."""
        now = self._clock.now()
        if day > nepal_date(now):
            return TICK_SCHEMA.empty_table()
        ticks = self.all_ticks(day)
        if day < nepal_date(now):
            return ticks
        happened = np.searchsorted(
            ticks["time"].to_numpy().astype("datetime64[us]"), np.datetime64(now.replace(tzinfo=None), "us"), side="right"
        )
        return ticks.slice(0, int(happened))

    def all_ticks(self, day: date) -> pa.Table:
        """Return the trades of `day` as `ticks` does, also those that are still to come: for what sends them in time."""
        session = self._market.session(day) if day >= EPOCH else None
        return TICK_SCHEMA.empty_table() if session is None else ticks_of(self._market, session)

    def truth(self, day: date) -> Truth:
        """Return what the file of `day` really holds, published or not; for tests of what has to find it out."""
        kinds = faults_on(self._seed, self._faults, day)
        session = self._last_session_day(day)
        if session is None or FaultKind.MISSING in kinds:
            return Truth(Holding.NOTHING, None, kinds)
        if session < day:
            late = FaultKind.LATE in faults_on(self._seed, self._faults, session) and day == session + timedelta(days=1)
            return Truth(Holding.LATE if late else Holding.REPEAT, session, kinds)
        if FaultKind.LATE in kinds:
            torn = block_of(day) % 2 == 0  # in turns: a torn file, and none at all
            return Truth(Holding.PARTIAL, day, kinds) if torn else Truth(Holding.NOTHING, None, kinds)
        if FaultKind.PARTIAL in kinds:
            return Truth(Holding.PARTIAL, day, kinds)
        if FaultKind.UNKNOWN_LAYOUT in kinds:
            return Truth(Holding.UNKNOWN_LAYOUT, day, kinds)
        return Truth(Holding.SESSION, day, kinds)

    def reference(self) -> Reference:
        """Return calendar, control totals, index, securities and book closures as of the last published date."""
        last = self._last_published()
        if self._reference is None or self._reference[0] != last:
            self._reference = (last, self._known(last))
        return self._reference[1]

    def _last_published(self) -> date:
        now = self._clock.now()
        today = nepal_date(now)
        return today if now >= nepal_time(today, *_PUBLISHED) else today - timedelta(days=1)

    def _answer(self, day: date) -> None:
        if FaultKind.TIMEOUT not in faults_on(self._seed, self._faults, day):
            return
        calls = self._calls[day] = self._calls.get(day, 0) + 1
        if calls <= self._faults.timeout_calls:
            raise SourceUnavailable(
                f"The simulated exchange did not answer for {day} (call {calls}). It will, after {self._faults.timeout_calls} calls."
            )

    def _last_session_day(self, day: date) -> date | None:
        while day >= EPOCH and not is_session(self._seed, day):
            day -= timedelta(days=1)
        return day if day >= EPOCH else None

    def _written(self, number: int, layout: str) -> DailyTable:
        return daily_table(self._market, self._market.sessions[number], layout)

    def _lines(self, day: date, truth: Truth) -> tuple[list[str], tuple[str, ...]]:
        session = self._market.last_session(day)
        if session is None:  # `truth` has found one
            raise AssertionError(f"no session at or before {day}")
        layout = layout_on(session.day)
        table = self._table(session.number, other_layout(layout) if FaultKind.OTHER_LAYOUT in truth.faults else layout)
        lines = table.lines(self._confidence(session, day))
        bits = raw_bits(self._seed, Stream.FAULTS, key=day.toordinal(), count=len(lines))
        if truth.holds is Holding.PARTIAL:
            return handful(lines, bits), table.header
        if truth.holds is Holding.UNKNOWN_LAYOUT:
            return lines, unknown_header(table.header)
        bad = {kind: int(getattr(self._faults, kind)) for kind in _BAD_ROWS if kind in truth.faults}
        if FaultKind.MANY_CROSSED in truth.faults:
            bad[FaultKind.MANY_CROSSED] = len(lines) // 10
        return (with_bad_rows(lines, table.header, rows=bad, bits=bits) if bad else lines), table.header

    def _confidence(self, session: Session, day: date) -> list[str] | None:
        """Return the column `Conf.`, which the site fills in one or two days after a session, seldom at once, and often never."""
        bits = raw_bits(self._seed, Stream.CONFIDENCE, key=session.plan.ordinal, count=1 + len(session.plan.traded))
        luck = int(bits[0] % np.uint64(40))
        filled_after = 0 if luck == 0 else 1 + luck % 4  # days; the week end is seldom longer than two
        if (day - session.day).days < filled_after:
            return None
        return [f"{value / 100:.2f}" for value in (2_000 + part(bits[1:], 0) % 4_000).tolist()]

    def _known(self, last: date) -> Reference:
        end = date(last.year, 12, 31)
        calendar = {day: self._announced(day) for day in (EPOCH + timedelta(days=n) for n in range((end - EPOCH).days + 1))}
        self._market.advance(last)
        sessions = [session for session in self._market.sessions if session.day <= last]
        return Reference(
            calendar=calendar,
            control={session.day: _totals(session) for session in sessions},
            index={session.day: _index(session) for session in sessions},
            securities=self._securities(last),
            book_closures=self._market.book_closures(end),
        )

    def _announced(self, day: date) -> AnnouncedDay:
        if not rules_on(day).in_trading_week:
            return AnnouncedDay(trading=False, holiday="Weekend")
        closed, kinds = closed_day(self._seed, day), faults_on(self._seed, self._faults, day)
        if closed is None or FaultKind.UNPLANNED_CLOSURE in kinds:
            return AnnouncedDay(trading=True)
        return AnnouncedDay(FaultKind.WRONG_HOLIDAY in kinds, closed.name)

    def _securities(self, last: date) -> dict[str, Security]:
        paper, today = self._market.listings, last.toordinal()
        return {
            symbol: Security(symbol, name, SECTORS[sector], instrument, "A" if today < gone else "D")
            for symbol, name, sector, instrument, listed, gone in zip(
                paper.symbols,
                paper.names,
                paper.sector.tolist(),
                paper.instruments,
                paper.listed.tolist(),
                paper.delisted.tolist(),
                strict=True,
            )
            if listed <= today
        }


def _totals(session: Session) -> ControlTotals:
    bars = session.bars
    turnover = Decimal(int(bars.turnover.sum())).scaleb(-2)
    return ControlTotals(turnover, int(bars.volume.sum()), int(bars.trades.sum()), len(bars.trades))


def _index(session: Session) -> IndexDay:
    change = (session.index / session.previous_index - 1) * 100
    turnover = int(session.bars.turnover.sum()) / 100
    return IndexDay(round(session.index, 2), round(session.previous_index, 2), round(change, 2), turnover)
