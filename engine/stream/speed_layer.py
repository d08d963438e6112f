"""A session on its way: records go through the processor, and what follows from them is committed with them, or not at all.

The state is not stored beside the log: the log is the state. Whoever goes on with a session replays its records first, which takes a tenth
of a second for the heaviest day, and gives the same state to the bit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import Connection

from engine.printing import as_json
from engine.stream.alerts import StreamAlert
from engine.stream.bars import COLUMNS, START, SYMBOL, Bars, OpenBars
from engine.stream.correction import Correction
from engine.stream.intake import SAYS, Reason
from engine.stream.log import TickLog
from engine.stream.processor import BAR_SECONDS, Output, Processor
from engine.stream.received import Received
from engine.stream.records import Records, recoded
from engine.stream.ticks import SECOND, Codes, Ints, Symbols
from engine.thresholds import Thresholds
from storage import dead_letters, speed_layer
from storage.dead_letters import Letter
from storage.status import LetterKind

DAY = 24 * 60 * 60
DAYS_EVERY = timedelta(milliseconds=250)  # of what is written with a batch, symbols' days would cost more than all else
_AT_ONCE = 100_000  # records that are read back at a time
_PRICES, _SUMS = ("open", "high", "low", "close"), ("volume", "turnover", "trades")


@dataclass(slots=True)
class Session:
    """One session of the stream in this process."""

    day: date
    log: TickLog
    thresholds: Thresholds
    previous_closes: Mapping[str, int]
    processor: Processor = field(init=False)
    records: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    bars: int = 0
    alerts: set[str] = field(default_factory=set)
    _days: OpenBars = field(init=False)
    _traded: list[Codes] = field(default_factory=list)  # symbols whose days are not written as they stand
    _written_at: datetime | None = None

    def __post_init__(self) -> None:
        self.processor = Processor(self.day, self.log.symbols(self.day), self.thresholds, self.previous_closes)
        self._days = OpenBars(DAY * SECOND, self.processor.rules.board_lot)

    def restore(self) -> int:
        """Replay what the log holds; return how many records that were."""
        end = self.log.state(self.day).records
        while self.records < end:
            self._feed(self.log.read(self.day, self.records, _AT_ONCE).records)
        return self.records

    def take(
        self, within: Connection, run: Mapping[Any, Any], records: Records, *, at: datetime, source: str, position: str | None
    ) -> None:
        """Append records to the log and commit what follows from them, in the caller's transaction.

        When that transaction fails, this object knows too much: make a new one and `restore` it.
        """
        records = recoded(records, self.processor.symbols)
        room = max(dead_letters.MOST_LETTERS - self.aside.total(), 0)
        base = self.log.append(within, self.day, records, source=source, position=position)
        output, reasons = self._feed(records)
        letters = letters_of(self.day, records, reasons, base)[:room]  # the log keeps them all, and the counts count them
        dead_letters.add(within, run, topic_digest(self.day), f"ticks {self.day}", letters, at=at)
        self._write(within, output, at=at)

    def close(self, within: Connection, *, at: datetime) -> None:
        """End the session: the last bars close, alerts are resolved, and the log takes nothing more."""
        output = self.processor.close()
        self._note(output)
        self._write(within, output, at=at, ended_at=at)
        self.settle(within)
        self.log.close(within, self.day)

    @property
    def settled(self) -> bool:
        """Whether every symbol's day is written as it stands; `take` writes them four times a second, each with what had been taken."""
        return not self._traded

    def settle(self, within: Connection) -> None:
        """Write the days that are not."""
        if self._traded:
            speed_layer.set_days(within, self._day_columns(np.unique(np.concatenate(self._traded))))
            self._traded = []

    def _feed(self, records: Records) -> tuple[Output, Ints]:
        """Return what the processor made of records, and a `Reason` for each record."""
        if records.unread:
            there = np.ones(len(records), np.bool_)
            there[[it.row for it in records.unread]] = False
            output = self.processor.feed(records.ticks.take(there), records.ingest[there])
            reasons = np.full(len(records), int(Reason.MALFORMED), np.int64)
            reasons[there] = output.reasons
        else:
            output = self.processor.feed(records.ticks, records.ingest)
            reasons = output.reasons
        self.records += len(records)
        self.aside.update(Reason(reason).name.lower() for reason in reasons[reasons != Reason.ACCEPTED].tolist())
        self._note(output)
        return output, reasons

    def _note(self, output: Output) -> None:
        if len(output.ticks):
            self._days.add(output.ticks)
            self._traded.append(output.ticks.symbol)
        self.bars += len(output.bars)
        self.alerts.update(alert.key for alert in output.alerts)

    def _write(self, within: Connection, output: Output, *, at: datetime, **more: Any) -> None:
        if len(output.bars):
            speed_layer.add_bars(within, self._bar_columns(output.bars))
        if self._written_at is None or at - self._written_at >= DAYS_EVERY:
            self._written_at = at
            self.settle(within)
        if output.alerts:
            speed_layer.set_alerts(within, [alert_row(self.day, alert) for alert in output.alerts])
        speed_layer.change(within, self.day, updated_at=at, **self.figures(), **more)

    def figures(self) -> dict[str, Any]:
        """Return how far the session has come, as `stream_state` holds it."""
        return counts_of(self.processor, self.records, self.aside) | {
            "bars": self.bars,
            "alerts": len(self.alerts),
            "thresholds": self.thresholds.version,
        }

    def days(self) -> Bars:
        """Return every symbol's day as it stands."""
        return self._days.now()

    def _bar_columns(self, bars: Bars) -> dict[str, Sequence[Any]]:
        return bar_columns(self.day, bars, self.processor.symbols, speed_layer.FIRST)

    def _day_columns(self, symbols: Codes) -> dict[str, Sequence[Any]]:
        """Return the days of some symbols."""
        now = self._days.now()
        days = day_columns(self.day, now.take(np.isin(now.matrix[SYMBOL], symbols)), self.processor.symbols)
        return days | {"previous_close_paisa": [self.previous_closes.get(name) for name in days["symbol"]]}


def counts_of(processor: Processor, records: int, aside: Mapping[str, int]) -> dict[str, Any]:
    """Return what a processor has counted, as `stream_state` holds it; `aside` says how many records were set aside, by reason."""
    intake = processor.intake
    return {
        "records": records,
        "accepted": records - sum(aside.values()),
        "aside": dict(aside),
        "held": intake.held,
        "missing": sum(part.missing for part in intake.contracts.completeness()),
        "watermark_us": intake.watermark if intake.watermark > 0 else None,
        "newest_us": intake.newest if intake.newest > 0 else None,
        "suppressed": processor.suppressed,
    }


def revise(connection: Connection, day: date, correction: Correction, previous_closes: Mapping[str, int]) -> None:
    """Write corrected windows: bars as a new revision beside the old, days as they are now; and what the session then has."""
    revision = speed_layer.next_revision(connection, day)
    speed_layer.add_bars(connection, bar_columns(day, correction.bars, correction.symbols, revision))
    days = day_columns(day, correction.days, correction.symbols)
    speed_layer.set_days(connection, days | {"previous_close_paisa": [previous_closes.get(name) for name in days["symbol"]]})
    speed_layer.drop_days(connection, day, correction.days_gone)
    speed_layer.change(connection, day, **figures_of(correction.after))


def figures_of(found: Received) -> dict[str, Any]:
    """Return the counts of a session that is over, as `stream_state` holds them."""
    reasons = Counter(found.reasons.tolist())
    aside = {Reason(reason).name.lower(): count for reason, count in reasons.items() if reason != Reason.ACCEPTED}
    missing = sum(part.missing for part in found.completeness)
    return {"records": len(found.records), "accepted": reasons[int(Reason.ACCEPTED)], "aside": aside, "missing": missing}


def bar_columns(day: date, bars: Bars, symbols: Symbols, revision: int) -> dict[str, Sequence[Any]]:
    """Return bars as their table holds them."""
    start = (bars.matrix[START] * (BAR_SECONDS * SECOND)).tolist()
    return _key(day, bars, symbols) | {"start_us": start, "revision": [revision] * len(bars)} | _values(bars)


def day_columns(day: date, days: Bars, symbols: Symbols) -> dict[str, Sequence[Any]]:
    """Return symbols' days as their table holds them, without their previous closes."""
    return _key(day, days, symbols) | _values(days)


def _key(day: date, bars: Bars, symbols: Symbols) -> dict[str, Sequence[Any]]:
    return {"session": [day] * len(bars), "symbol": [symbols.names[code] for code in bars.matrix[SYMBOL].tolist()]}


def topic_digest(session: date) -> str:
    """Return what stands for a log in the place of a file's sha256: that of its name, for the log itself still grows."""
    return sha256(f"ticks {session}".encode()).hexdigest()


def alert_row(session: date, alert: StreamAlert) -> dict[str, Any]:
    """Return an alert as its table holds it."""
    return {
        "key": alert.key,
        "session": session,
        "rule": alert.rule,
        "symbol": alert.symbol,
        "state": alert.state.value,
        "began_us": alert.began,
        "fired_us": alert.fired,
        "resolved_us": alert.resolved,
        "score": alert.score,
        "bound": alert.limit,
        "contract": alert.contract,
        "rate_paisa": alert.rate,
        "suppressed": alert.suppressed,
        "market_key": alert.group,
        "members": alert.members,
    }


def _values(bars: Bars) -> dict[str, Sequence[Any]]:
    """Return prices and sums by the names of their columns; a price of 0 is none."""
    columns = dict(zip(COLUMNS, bars.matrix.tolist(), strict=True))
    prices = {f"{name}_paisa": [value or None for value in columns[name]] for name in _PRICES}
    return prices | {"volume": columns["volume"], "turnover_paisa": columns["turnover"], "trades": columns["trades"]}


def letters_of(session: date, records: Records, reasons: Ints, base: int) -> list[Letter]:
    """Return a dead letter for each record that was set aside; its line is its offset in the log."""
    unread = {it.row: it for it in records.unread}
    found = []
    for row in np.flatnonzero(reasons != Reason.ACCEPTED).tolist():
        judged = Reason(int(reasons[row]))
        reason = judged.name.lower()
        if row in unread:
            found.append(_letter(session, base + row, reason, unread[row].reason, unread[row].raw, LetterKind.LINE))
            continue
        ticks = records.ticks
        trade = {
            "contractId": int(ticks.contract[row]),
            "stockSymbol": records.symbols.names[int(ticks.symbol[row])],
            "contractQuantity": int(ticks.quantity[row]),
            "contractRate": int(ticks.rate[row]) / 100,
            "tradeTime": _instant(int(ticks.time[row])).isoformat(),
            "ingestTime": _instant(int(records.ingest[row])).isoformat(),
        }
        found.append(_letter(session, base + row, reason, SAYS[judged], as_json(trade).encode(), LetterKind.ROW, trade))
    return found


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _letter(
    session: date, offset: int, reason: str, says: str, raw: bytes, kind: LetterKind, trade: Mapping[str, Any] | None = None
) -> Letter:
    symbol = trade["stockSymbol"] if trade else None
    return Letter(kind, offset, symbol, reason, None, f"offset {offset:,}: {says}", raw, trade, session, "intake")
