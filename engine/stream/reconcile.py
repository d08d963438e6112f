"""The trades of a session held against its official daily rows: where they differ, why, and what is missing.

They are what the stream received and serves, or what the source's own tape holds.

The exchange's own rule holds (measured, every symbol of 76 days): prices over the trades of at least a board lot, sums over all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

import numpy as np

from engine.market.rules import CloseMeaning, rules_on
from engine.stream.bars import COLUMNS, SYMBOL, Bars
from engine.stream.contracts import Completeness
from engine.stream.intake import Reason
from engine.stream.received import Received, claims
from engine.stream.replay import Replay
from engine.stream.ticks import Ints, Symbols, Ticks

Values = Mapping[str, int | None]  # by field: prices and turnover in paisa, None where there is none
PRICES = ("open", "high", "low", "close")
SUMS = ("volume", "turnover", "trades")
FIELDS = (*PRICES, *SUMS)
MONEY = frozenset({*PRICES, "turnover"})  # in paisa
TOO_LITTLE = 0.5  # of the trades: the real tapes have 11 % (it died early) or at least 88 %


class Side(StrEnum):
    """Whose trades are compared with the official rows."""

    STREAM = "stream"  # what the stream received and serves
    TAPE = "tape"  # what the source has of that session


class Cause(StrEnum):
    """Why a symbol differs."""

    ABSENT = "symbol missing"  # none of its trades is there
    LOST = "trades lost"
    LATE = "trades came late"  # their window was closed: set aside, and not taken in yet
    QUARANTINED = "trades set aside"  # malformed, of another session, in the future or out of hours, and not taken in yet
    DUPLICATE = "one contract, two trades"  # the first was taken
    TOO_MANY = "trades too many"
    ODD_LOTS = "odd lots alone"  # the tape makes no price of them
    AVERAGED = "averaged close"  # the exchange's own average, in those months; not the last price
    RESTATED = "corporate action"  # the exchange restated the prices before
    UNOFFICIAL = "no official row"
    REFUSED = "official row set aside"  # it could not be read, or the gate has refused it
    OTHER = "another value"


EXPLAINED = frozenset({Cause.AVERAGED, Cause.RESTATED, Cause.REFUSED, Cause.ODD_LOTS})  # neither side is wrong
_ASIDE = {Reason.LATE: Cause.LATE} | dict.fromkeys(
    (Reason.MALFORMED, Reason.OTHER_SESSION, Reason.FUTURE, Reason.OUT_OF_HOURS), Cause.QUARANTINED
)


class Verdict(StrEnum):
    """What the comparison comes to."""

    EXACT = "exact"
    EXACT_FOR_PRESENT = "exact for the symbols present"
    DIFFERS = "differs"
    INCOMPLETE = "incomplete"
    UNDER_WAY = "under way"  # the stream is not done with the session
    NOT_POSSIBLE = "not possible"  # there are no official rows


class Evidence(StrEnum):
    """What says how many trades there were, the best first."""

    EXCHANGE = "the exchange's own total"
    ROWS = "the sum of the official rows"
    IDS = "the contract ids alone"  # they cannot tell a lost end, nor a partition of which no trade came


@dataclass(frozen=True, slots=True)
class OfficialDay:
    """The official daily rows of a session."""

    rows: Mapping[str, Values]  # by symbol
    trades: int | None = None  # the exchange's own total of all trades, where it is known
    refused: frozenset[str] = field(default_factory=frozenset)  # symbols whose row was set aside
    restated: frozenset[str] = field(default_factory=frozenset)  # symbols whose previous close is not their close of the session before


@dataclass(frozen=True, slots=True)
class Trades:
    """What one side has of a session."""

    session: date
    side: Side
    rows: Mapping[str, Values]  # by symbol
    partitions: Sequence[Completeness]
    set_aside: Mapping[str, int]  # records, by reason
    missed: Mapping[str, Counter[Reason]]  # by symbol: records that were set aside and whose trade is not there otherwise
    over: bool = True


@dataclass(frozen=True, slots=True)
class SymbolResult:
    """One symbol on both sides; None where a side does not have it."""

    symbol: str
    trades: Values | None
    official: Values | None
    differing: Sequence[str]  # fields
    causes: Mapping[Cause, int]  # how many trades each accounts for; 0 where it is not one of trades

    @property
    def exact(self) -> bool:
        """Whether all seven fields are equal."""
        return not self.causes


@dataclass(frozen=True)
class Reconciliation:
    """What the comparison of a session found; `results` by symbol."""

    session: date
    side: Side
    results: Sequence[SymbolResult]
    partitions: Sequence[Completeness]
    official_trades: int | None
    set_aside: Mapping[str, int]  # records, by reason
    over: bool = True
    evidence: Evidence = Evidence.IDS

    @property
    def received(self) -> int:
        """How many trades are there, each once."""
        return sum(part.received for part in self.partitions)

    @property
    def missing_by_ids(self) -> int:
        """How many trades the holes in the contract ids stand for."""
        return sum(part.missing for part in self.partitions)

    @cached_property
    def missing_by_total(self) -> int | None:
        """How many trades fewer there are than there officially were; None where nothing official is known."""
        if self.official_trades is None:
            return None
        return self.official_trades - self.received

    @property
    def tail(self) -> int | None:
        """How many trades were lost where no id can tell of them: behind the last ones that came, or of a partition of which none did."""
        return None if self.missing_by_total is None else self.missing_by_total - self.missing_by_ids

    @property
    def silent(self) -> Sequence[int]:
        """The partitions below the highest of which not one trade came: most have none on most days, so only a total tells of a loss."""
        there = {part.partition for part in self.partitions}
        return [number for number in range(1, max(there, default=0)) if number not in there]

    @property
    def complete_by_ids(self) -> float | None:
        """The share of the trades that are there, by the contract ids alone."""
        return _share(self.received, self.received + self.missing_by_ids)

    @property
    def complete_by_total(self) -> float | None:
        """The share of the official trades that are there."""
        return None if self.official_trades is None else _share(self.received, self.official_trades)

    @cached_property
    def present(self) -> Sequence[SymbolResult]:
        """The symbols that are on both sides."""
        return [one for one in self.results if one.trades is not None and one.official is not None]

    @cached_property
    def absent(self) -> Sequence[SymbolResult]:
        """The symbols with an official row of which no trade is there."""
        return [one for one in self.results if one.trades is None]

    @cached_property
    def differing(self) -> Sequence[SymbolResult]:
        """The symbols of which trades are there, and that are not exact."""
        return [one for one in self.results if one.trades is not None and not one.exact]

    @property
    def exact(self) -> int:
        """How many symbols that are on both sides are equal in all seven fields."""
        return sum(one.exact for one in self.present)

    @cached_property
    def causes(self) -> Mapping[Cause, tuple[int, int]]:
        """How many symbols and how many trades each cause accounts for, by the order of the causes."""
        symbols, trades = Counter[Cause](), Counter[Cause]()
        for one in self.results:
            symbols.update(one.causes.keys())
            trades.update(one.causes)
        return {cause: (symbols[cause], trades[cause]) for cause in Cause if symbols[cause]}

    @cached_property
    def verdict(self) -> Verdict:
        """What it comes to; a day of which half is missing is never called reconciled."""
        if not self.over:
            return Verdict.UNDER_WAY
        if not any(one.official for one in self.results):
            return Verdict.NOT_POSSIBLE
        if min(share for share in (self.complete_by_ids, self.complete_by_total, 1.0) if share is not None) < TOO_LITTLE:
            return Verdict.INCOMPLETE
        if any(one.causes.keys() - EXPLAINED for one in self.differing):
            return Verdict.DIFFERS
        if self.absent or self.missing_by_ids or self.missing_by_total:
            return Verdict.EXACT_FOR_PRESENT
        return Verdict.EXACT


def reconciled(replay: Replay, ticks: Ticks, official: OfficialDay, unread: Sequence[bytes] = ()) -> Reconciliation:
    """Compare a replay of a tape's `ticks` (in the order in which they were replayed) with the official rows of its session.

    `unread` are lines of the tape that could not be read.
    """
    accepted = ticks.contract[replay.reasons == Reason.ACCEPTED]
    missed = _missed(ticks, replay.symbols, replay.reasons, accepted, unread)
    rows = tape_rows(replay.days, replay.symbols.names)
    return compared(Trades(replay.session, Side.TAPE, rows, replay.completeness, replay.set_aside(), missed), official)


def stream_reconciled(found: Received, served: Mapping[str, Values], official: OfficialDay, *, over: bool) -> Reconciliation:
    """Compare what the stream serves of a session, and has received, with the official rows; `over` says whether it is done with it."""
    records = found.records
    read = np.ones(len(records), np.bool_)
    read[[it.row for it in records.unread]] = False
    unread = [it.raw for it in records.unread if found.reasons[it.row] == Reason.MALFORMED]  # of a corrected one the correction tells
    missed = _missed(records.ticks.take(read), records.symbols, found.reasons[read], found.accepted, unread)
    aside = Counter(Reason(reason).name.lower() for reason in found.reasons[found.reasons != Reason.ACCEPTED].tolist())
    return compared(Trades(found.session, Side.STREAM, served, found.completeness, aside, missed, over), official)


def compared(trades: Trades, official: OfficialDay) -> Reconciliation:
    """Compare the trades of one side with the official rows of their session."""
    averaged = rules_on(trades.session).close_meaning is CloseMeaning.AVERAGED
    results = [
        _result(symbol, trades.rows.get(symbol), official, trades.missed.get(symbol, Counter()), averaged=averaged)
        for symbol in sorted(trades.rows.keys() | official.rows.keys())
    ]
    total = _official_trades(official, trades.rows)
    evidence = Evidence.EXCHANGE if official.trades is not None else Evidence.ROWS if official.rows else Evidence.IDS
    return Reconciliation(trades.session, trades.side, results, trades.partitions, total, trades.set_aside, trades.over, evidence)


def tape_rows(days: Bars, names: Sequence[str]) -> dict[str, Values]:
    """Return what the tape says of each symbol; no price where only odd lots were traded."""
    rows: dict[str, Values] = {}
    for values in days.matrix.T.tolist():
        row = dict(zip(COLUMNS, values, strict=True))
        rows[names[values[SYMBOL]]] = {name: row[name] or None if name in PRICES else row[name] for name in FIELDS}
    return rows


def _official_trades(official: OfficialDay, rows: Mapping[str, Values]) -> int | None:
    """Return the official total; without the exchange's own it is that of the rows, and of what is there beside them."""
    if official.trades is not None or not official.rows:
        return official.trades
    beside = sum(row["trades"] or 0 for symbol, row in rows.items() if symbol not in official.rows)
    return sum(row["trades"] or 0 for row in official.rows.values()) + beside


def _missed(ticks: Ticks, symbols: Symbols, reasons: Ints, accepted: Ints, unread: Sequence[bytes]) -> Mapping[str, Counter[Reason]]:
    """Return how many records of each symbol were set aside for which reason.

    A record whose trade is there from another one explains nothing, but for a second trade under a contract that was taken.
    """
    there = np.isin(ticks.contract, accepted)
    where = np.flatnonzero(np.where(there, reasons == Reason.DUPLICATE, reasons != Reason.ACCEPTED))
    found: dict[str, Counter[Reason]] = {}
    for symbol, reason in zip(ticks.symbol[where].tolist(), reasons[where].tolist(), strict=True):
        found.setdefault(symbols.names[symbol], Counter())[Reason(reason)] += 1
    known, ids = set(symbols.names), set(accepted.tolist()) if unread else set()
    for raw in unread:
        symbol, contract = claims(raw, known)
        if symbol is not None and contract not in ids:
            found.setdefault(symbol, Counter())[Reason.MALFORMED] += 1
    return found


def _result(symbol: str, trades: Values | None, official: OfficialDay, missed: Counter[Reason], *, averaged: bool) -> SymbolResult:
    row = official.rows.get(symbol)
    if row is None:
        return SymbolResult(symbol, trades, None, (), {Cause.REFUSED if symbol in official.refused else Cause.UNOFFICIAL: 0})
    if trades is None:
        return SymbolResult(symbol, None, row, FIELDS, _of_missing(row["trades"] or 0, missed, Cause.ABSENT))
    differing = [name for name in FIELDS if trades[name] != row[name]]
    if not differing:
        return SymbolResult(symbol, trades, row, (), {})
    fewer = (row["trades"] or 0) - (trades["trades"] or 0)
    if fewer > 0:
        causes = _of_missing(fewer, missed, Cause.LOST)
    elif fewer < 0:
        causes = {Cause.TOO_MANY: -fewer}
    elif missed[Reason.DUPLICATE]:
        causes = {Cause.DUPLICATE: missed[Reason.DUPLICATE]}
    else:
        causes = {_of_prices(differing, trades, averaged=averaged, restated=symbol in official.restated): 0}
    return SymbolResult(symbol, trades, row, differing, causes)


def _of_missing(missing: int, missed: Counter[Reason], rest: Cause) -> dict[Cause, int]:
    """Share missing trades out: first what was set aside, the rest never came."""
    causes: dict[Cause, int] = {}
    for reason, cause in _ASIDE.items():
        explained = min(missed[reason], missing)
        if explained:
            causes[cause] = causes.get(cause, 0) + explained
            missing -= explained
    return causes | ({rest: missing} if missing or not causes else {})


def _of_prices(differing: Sequence[str], trades: Values, *, averaged: bool, restated: bool) -> Cause:
    """Return why values differ though the number of trades is the same."""
    if set(differing) & set(SUMS):
        return Cause.OTHER
    if trades["close"] is None:
        return Cause.ODD_LOTS
    if averaged and differing == ["close"]:
        return Cause.AVERAGED
    return Cause.RESTATED if restated else Cause.OTHER


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
