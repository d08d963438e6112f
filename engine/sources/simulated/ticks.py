"""The trades of a simulated session as ticks: times and contract ids added, in the order in which a stream would deliver them."""

from datetime import date

import numpy as np
import pyarrow as pa

from engine.clock import nepal_time
from engine.market.rules import rules_on
from engine.sources.simulated.bits import Ints, Stream, part, raw_bits
from engine.sources.simulated.market import Market, Session
from engine.sources.simulated.trades import Trades

_MONEY = pa.decimal128(18, 2)
TICK_SCHEMA = pa.schema(
    [
        ("contract_id", pa.int64()),
        ("symbol", pa.string()),
        ("quantity", pa.int64()),
        ("rate", _MONEY),
        ("amount", _MONEY),
        ("time", pa.timestamp("us", tz="UTC")),
    ]
)
_PARTITIONS = 5
_SECOND = 1_000_000  # microseconds
_PRE_OPEN_ONE_IN = 30  # symbols whose first trade is matched before the opening
_RUSH_ONE_IN = 14  # trades drawn anew into the last quarter of an hour: with their even share some 13 % fall there, as measured
_RUSH_SECONDS = 15 * 60
_HALT_SECONDS = 40 * 60  # a session that the index ends is over after so long


def ticks_of(market: Market, session: Session) -> pa.Table:
    """Return every trade of a session in order of (time, contract_id).

    `contract_id` is date, partition (01-05) and a sequence without holes, as on the real exchange; `time` is an instant in UTC.
    """
    trades = market.trades(session)
    time = _times(market.seed, session, trades)
    partition = session.plan.traded[trades.owner] % _PARTITIONS
    by_time = np.argsort(time, kind="stable")  # stable: the order within a symbol stays
    contract = np.empty(len(time), dtype=np.int64)
    for n in range(_PARTITIONS):
        own = by_time[partition[by_time] == n]
        contract[own] = _contract_base(session.day, n) + np.arange(1, len(own) + 1)
    order = np.lexsort((contract, time))
    symbols = pa.array([market.listings.symbols[n] for n in session.plan.traded.tolist()], pa.string())
    return pa.table(
        [
            pa.array(contract[order]),
            symbols.take(pa.array(trades.owner[order])),
            pa.array(trades.quantity[order]),
            _money(trades.price[order]),
            _money((trades.quantity * trades.price)[order]),
            pa.array(time[order], pa.timestamp("us", tz="UTC")),
        ],
        schema=TICK_SCHEMA,
    )


def _contract_base(day: date, partition: int) -> int:
    return int(f"{day:%Y%m%d}{partition + 1:02d}000000")


def _times(seed: int, session: Session, trades: Trades) -> Ints:
    """Return microseconds since 1970 of every trade, rising within a symbol."""
    rules = rules_on(session.day)
    opens = int(nepal_time(session.day, rules.hours.opens.hour, rules.hours.opens.minute).timestamp())
    closes = int(nepal_time(session.day, rules.closes.hour, rules.closes.minute).timestamp())
    length = _HALT_SECONDS if session.halted else closes - opens
    bits = raw_bits(seed, Stream.TIMES, key=session.plan.ordinal, count=len(trades.owner))
    micros = (bits >> np.uint64(24)).astype(np.int64)  # 40 bits: more than the microseconds of a session
    at = micros % (length * _SECOND)
    late = (part(bits, 0) % _RUSH_ONE_IN == 0) & (not session.halted)
    at[late] = (length - _RUSH_SECONDS) * _SECOND + micros[late] % (_RUSH_SECONDS * _SECOND)
    at = opens * _SECOND + at[np.lexsort((at, trades.owner))]

    starts = np.cumsum(session.plan.count) - session.plan.count
    matched = starts[part(bits, 1)[starts] % _PRE_OPEN_ONE_IN == 0]
    pre_open = rules.hours.pre_open_ends
    at[matched] = int(nepal_time(session.day, pre_open.hour, pre_open.minute).timestamp()) * _SECOND + micros[matched] % _SECOND
    return at


def _money(paisa: Ints) -> pa.Array:
    """Return paisa as decimal128(18, 2): the same integers, read with two decimals, each spread over two 64-bit words."""
    words = np.stack([paisa, paisa >> 63], axis=1).astype("<i8")
    return pa.Array.from_buffers(_MONEY, len(paisa), [None, pa.py_buffer(words.tobytes())])
