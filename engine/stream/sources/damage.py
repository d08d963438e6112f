"""What goes wrong on purpose between the simulated exchange and the stream: how often, and what a session's ticks become by it.

Every fault delays a trade or adds a record beside it, none takes one away: what is left without the added records is the session.
"""

from dataclasses import dataclass, fields
from enum import IntEnum

import msgspec
import numpy as np

from engine.market.trade_cells import NEPAL_AHEAD
from engine.sources.simulated.bits import Bits, Stream, part, raw_bits
from engine.stream.records import Records, Unread
from engine.stream.sources.messages import decoded
from engine.stream.ticks import SECOND, Ints, Symbols, Ticks

_BASIS = 10_000  # rates are in so many trades
_TRAVEL = 50_000  # microseconds from the trade to the stream
_DAY, _HOUR = 86_400 * SECOND, 3_600 * SECOND


class Sent(IntEnum):
    """How a record came to be sent."""

    IN_TIME = 0
    LATE = 1
    OUT_OF_ORDER = 2
    DUPLICATE = 3  # a copy
    FUTURE = 4  # a copy with another time
    MALFORMED = 5  # a copy that cannot be read


OWN = (Sent.IN_TIME, Sent.LATE, Sent.OUT_OF_ORDER)  # the trades themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class TickFaults:
    """How often each fault happens in 10,000 trades (lulls: in a session); 0 switches it off."""

    late: int = 10  # a trade is sent one to five minutes after it happened
    out_of_order: int = 200  # a trade is sent up to two seconds after it happened, and others overtake it
    duplicate: int = 20  # a trade is sent again, up to three seconds later
    future: int = 2  # a trade is sent a second time, stamped an hour or a day ahead
    malformed: int = 10  # a trade is sent a second time, so broken that it cannot be read
    lulls: int = 2  # nothing is sent for some time, then all that happened meanwhile at once, as a burst
    lull_seconds: int = 45  # how long a lull lasts


DEFAULT_TICK_FAULTS = TickFaults()
NO_TICK_FAULTS = TickFaults(**dict.fromkeys((each.name for each in fields(TickFaults)), 0))


@dataclass(frozen=True, slots=True)
class Damaged:
    """A session as it is sent: its records in that order, `ingest` being the instant, and how each came to be sent (`Sent`)."""

    records: Records
    sent: Ints


def damaged(ticks: Ticks, symbols: Symbols, faults: TickFaults, *, seed: int, key: int) -> Damaged:
    """Return a session's ticks (in order) as they are sent; the same ones for the same seed and key."""
    count = len(ticks)
    bits = raw_bits(seed, Stream.TICK_FAULTS, key=key, count=count + 2 * faults.lulls)
    sent = _drawn(bits[:count], faults)
    luck = part(bits[:count], 1)  # 0..65535
    due = ticks.time + _TRAVEL
    due[sent == Sent.LATE] += (60 * SECOND + luck * (240 * SECOND // 65_536))[sent == Sent.LATE]
    due[sent == Sent.OUT_OF_ORDER] += (luck * (2 * SECOND // 65_536))[sent == Sent.OUT_OF_ORDER]
    copied = np.flatnonzero(sent >= Sent.DUPLICATE)
    kind = sent[copied]
    own = np.where(sent >= Sent.DUPLICATE, int(Sent.IN_TIME), sent)
    again = due[copied] + np.where(kind == Sent.DUPLICATE, luck[copied] * (3 * SECOND // 65_536), 0)
    due = _held_back(np.concatenate([due, again]), ticks.time, bits[count:], faults.lull_seconds * SECOND)
    order = np.argsort(due, kind="stable")
    which, sent = np.concatenate([np.arange(count), copied])[order], np.concatenate([own, kind])[order]
    return Damaged(_as_sent(ticks.take(which), symbols, due[order], sent, luck[which]), sent)


def _drawn(bits: Bits, faults: TickFaults) -> Ints:
    """Return what happens to each trade; at most one thing does."""
    rates = (faults.late, faults.out_of_order, faults.duplicate, faults.future, faults.malformed)
    limits = np.cumsum(rates) * 65_536 // _BASIS
    place = np.searchsorted(limits, part(bits, 0), side="right")
    drawn: Ints = np.where(place == len(rates), int(Sent.IN_TIME), place + 1)
    return drawn


def _held_back(due: Ints, time: Ints, bits: Bits, length: int) -> Ints:
    """Return when records are sent if nothing is during the lulls."""
    if not len(time) or not len(bits):
        return due
    span = max(int(time[-1] - time[0]) - length, 1)
    for start in sorted((time[0] + (bits >> np.uint64(1)).astype(np.int64) % span)[::2].tolist()):
        due = np.where((due >= start) & (due < start + length), start + length, due)
    return due


def _as_sent(ticks: Ticks, symbols: Symbols, due: Ints, sent: Ints, luck: Ints) -> Records:
    time = ticks.time + np.where(sent == Sent.FUTURE, np.where(luck % 2 == 0, _HOUR, _DAY), 0)
    broken = sent == Sent.MALFORMED
    unread = tuple(_broken(ticks, symbols, row, int(luck[row])) for row in np.flatnonzero(broken).tolist())
    columns = [np.where(broken, 0, column) for column in (ticks.contract, time, ticks.quantity, ticks.rate)]
    contract, time, quantity, rate = columns
    return Records(Ticks(contract, time, np.where(broken, 0, ticks.symbol).astype(np.uint16), quantity, rate), symbols, due, unread)


def _broken(ticks: Ticks, symbols: Symbols, row: int, luck: int) -> Unread:
    """Return a trade as a message that is broken in one of several ways, and what its reader says of it."""
    trade = as_message(ticks, symbols, row)
    fault = (
        {"contractQuantity": "n/a"},
        {"contractRate": -int(ticks.rate[row]) / 100},
        {"tradeTime": str(trade["tradeTime"])[:10]},
        {"stockSymbol": ""},
        {"contractId": None},
    )
    ways = len(fault) + 2
    way = luck % ways
    message = msgspec.json.encode({**trade, **(fault[way] if way < len(fault) else {})})
    if way >= len(fault):
        message = message[: len(message) // 2] if way == len(fault) else message.replace(b"X", b"\xff", 1)
    return Unread(row, message, decoded([message], Symbols(), 0).unread[0].reason)


def as_message(ticks: Ticks, symbols: Symbols, row: int) -> dict[str, float | int | str]:
    """Return a trade with the field names of the exchange's API."""
    rate = int(ticks.rate[row])
    local = np.datetime64(int(ticks.time[row]) + NEPAL_AHEAD, "us")
    return {
        "contractId": int(ticks.contract[row]),
        "stockSymbol": symbols.names[ticks.symbol[row]],
        "contractQuantity": int(ticks.quantity[row]),
        "contractRate": rate / 100,
        "contractAmount": rate * int(ticks.quantity[row]) / 100,
        "tradeTime": str(local),
    }
