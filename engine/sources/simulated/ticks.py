"""The trades of a simulated session as ticks: times and contract ids added, in the order in which a stream would deliver them."""

from datetime import date

import numpy as np
import pyarrow as pa

from engine.clock import nepal_time
from engine.market.rules import rules_on
from engine.sources.simulated.bits import Ints
from engine.sources.simulated.market import Market, Session
from engine.sources.simulated.times import SECOND

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


def ticks_of(market: Market, session: Session) -> pa.Table:
    """Return every trade of a session in order of (time, contract_id).

    `contract_id` is date, partition (01-05) and a sequence without holes, as on the real exchange; `time` is an instant in UTC.
    """
    trades = market.trades(session)
    opens = rules_on(session.day).hours.opens
    time = int(nepal_time(session.day, opens.hour, opens.minute).timestamp()) * SECOND + trades.time
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


def _money(paisa: Ints) -> pa.Array:
    """Return paisa as decimal128(18, 2): the same integers, read with two decimals, each spread over two 64-bit words."""
    words = np.stack([paisa, paisa >> 63], axis=1).astype("<i8")
    return pa.Array.from_buffers(_MONEY, len(paisa), [None, pa.py_buffer(words.tobytes())])
